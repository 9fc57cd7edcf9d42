# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One measured job, run as a process of its own so that its time and its peak memory are its own.

`python benchmarks/jobs.py NAME JSON` runs the job with the keyword arguments in JSON and prints one JSON object.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from weights import pack_weights

_LARGE_FIFO = 0.01  # of the bits of all FIFOs with intermediate results: those that are bounded by simulation
_BOUND_WITHIN = 0.05  # how far a bound may lie below the least depth
START = perf_counter()  # before anything heavy is imported


def compile_model(source: str, out: str, to: str = "code", **choices: Any) -> dict[str, Any]:
    """Compiles `source` into the folder `out`: the CPU seconds of each step, and what the summary says of the size."""
    # The compiler times its steps with this clock. CPU seconds of the process stay the same when others use the
    # machine, so that steps of two runs can be compared; `main` has taken the real clock before.
    time.perf_counter = time.process_time
    from streamtensor import flow

    result = flow.compile_model(source, Path(out), to=to, force=True, **choices)
    size = {name: result.summary[name] for name in ("kernels", "tasks", "fifos", "converters")}
    calls = [calls for program in result.summary["programs"].values() for calls in program["functions"].values()]
    return {"steps": result.timings, **size, "functions": len(calls), "calls": sum(calls)}


def block(shape: str, kind: str, rows: int, limits: list[int] | None = None) -> dict[str, Any]:
    """Compiles one decoder block of a shape to the stream level: CPU seconds of each step, bits on chip by term, bytes
    through external memory, and how the tasks are connected.

    `limits` are percents of what one kernel would hold on chip: for each of them the cost of both fusion strategies.
    """
    from streamtensor.cost.external_bytes import external_bytes, external_traffic
    from streamtensor.cost.on_chip import fused_terms, unfused_terms
    from streamtensor.dialects import context
    from streamtensor.flow.passes import PassRunner
    from streamtensor.importers.program import import_program
    from streamtensor.models.blocks import CACHE_INPUTS, block_program
    from streamtensor.models.shapes import shape_config
    from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
    from streamtensor.report.connections import connections
    from streamtensor.targets import load_device

    time.perf_counter = time.process_time
    program = block_program(shape_config(shape), "prefill" if kind == "prefill" else "decode", rows)
    assert all(name in program.input_names for name in (CACHE_INPUTS if kind == "decode" else ()))
    ir = import_program(program).module
    choices = Choices(on_chip_bits=load_device("u55c").on_chip_bits)
    timings: dict[str, float] = {}
    runner = PassRunner(context(), timings=timings)
    found: dict[str, Any] = {}
    for level in LEVEL_FILES:
        if level == "fused":
            found["fusion"] = _fusion(ir, limits or [])
        if level == "materialized":
            found["without_folding"] = _without_folding(ir, choices)
        runner.run(ir, level, passes_to(level, choices))
        if level == "dataflow":
            found["unfused"] = _terms(unfused_terms(ir))
            found["external_unfused"] = asdict(external_bytes(external_traffic(ir)))
        if level == "fused":
            found["external_fused"] = asdict(external_bytes(external_traffic(ir)))
            found["connections"] = [
                {
                    "producer": c.producer,
                    "readers": c.readers,
                    "bits": c.bits,
                    "bound_bits": c.bound_bits,
                    "shared_loops": c.shared_loops,
                    "equal_orders": c.has_equal_orders,
                    "source": str(c.source),
                    "result": str(c.result),
                }
                for c in connections(ir)
            ]
    found["fused"] = _terms(fused_terms(ir))
    found["sized_slower"], found["cycles_slower"] = _slower(ir.clone(), choices)
    found["time"] = _time(ir, choices)
    sized = fused_terms(ir)
    found["sized"] = _terms(sized)
    found["weights_bits"] = {
        kind: sum(
            term.bits for term in sized if term.holds == "parameter" and (term.kind == "fifo") == (kind == "fifo")
        )
        for kind in ("fifo", "buffer")
    }
    found["fifo_bounds"] = _fifo_bounds(ir, sized)
    return {"steps": timings, "functions": 1, "calls": 1, **found}


def _resize(ir: Any, choices: Any, slowdown: float = 0.0) -> Any:
    """Sizes the FIFOs as the compiler does."""
    from streamtensor.cost.on_chip import fifo_budgets, weight_fifos
    from streamtensor.targets import load_device
    from streamtensor.transforms.resources.resize_streams import resize_streams

    budget, prefetch = fifo_budgets(ir, choices)
    weights = weight_fifos(ir)
    return resize_streams(
        ir, load_device("u55c"), "schedule", budget, slowdown, weights=weights, prefetch_bits=prefetch
    )


def _fifo_bounds(ir: Any, sized: Sequence[Any]) -> list[dict[str, Any]]:
    """Of the larger FIFOs that hold intermediate results: bits, and bits below which none can go without loss of time
    even when all others are unbounded. Smaller ones have the least depth as their bound.
    """
    from streamtensor.dialects.dataflow import KernelOp
    from streamtensor.targets import load_device
    from streamtensor.targets.operations import load_operations
    from streamtensor.timing.descent import Trials
    from streamtensor.timing.exact import lower_bounds
    from streamtensor.timing.kernel_sizing import MIN_DEPTH
    from streamtensor.timing.simulator import Simulator
    from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
    from streamtensor.transforms.resources.resize_streams import memory_accesses

    device = load_device("u55c")
    kernels = [op for op in ir.walk() if isinstance(op, KernelOp)]
    accesses = memory_accesses({kernel.kernel_name: kernel for kernel in kernels}, device)
    fifos = [term for term in sized if term.kind == "fifo" and term.holds == "intermediate"]
    whole = sum(term.bits for term in fifos)
    found: list[dict[str, Any]] = []
    for kernel in kernels:
        name = kernel.kernel_name
        graph = schedule_kernel(kernel, load_operations(device.family), accesses[name]).graph()
        simulator = Simulator(graph)
        free = simulator.run(dict.fromkeys(fifo.name for fifo in graph.sized))
        trials = Trials(simulator, free.cycles, MIN_DEPTH)
        mine = {term.name for term in fifos if term.kernel == name}
        depths = {fifo.name: fifo.depth or MIN_DEPTH for fifo in graph.sized}
        large = {f.name for f in graph.sized if f.name in mine and f.bits * depths[f.name] > whole * _LARGE_FIFO}
        bounds = lower_bounds(trials, depths, fifos=large, within=_BOUND_WITHIN)
        for fifo in graph.sized:
            if fifo.name in mine:
                bound = fifo.bits * bounds.get(fifo.name, MIN_DEPTH)
                bits = fifo.bits * depths[fifo.name]
                found.append({"kernel": name, "name": fifo.name, "bits": bits, "bound_bits": min(bits, bound)})
    return found


def _slower(ir: Any, choices: Any) -> tuple[list[dict[str, Any]], int]:
    """The terms, and the cycles, when the design may be a tenth slower where that saves memory."""
    from streamtensor.cost.on_chip import fused_terms

    sized = _resize(ir, choices, 0.1)
    return _terms(fused_terms(ir)), sum(one.sizing.cycles for one in sized)


def _time(ir: Any, choices: Any) -> dict[str, Any]:
    """Sizes the FIFOs of a stream-level module and simulates it: cycles, and CPU seconds of both.

    An event is one read or write of a token.
    """
    from streamtensor.dialects.dataflow import KernelOp
    from streamtensor.targets import load_device
    from streamtensor.targets.operations import load_operations
    from streamtensor.timing.simulator import Simulator
    from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
    from streamtensor.transforms.resources.resize_streams import memory_accesses

    device = load_device("u55c")
    kernels = [op for op in ir.walk() if isinstance(op, KernelOp)]
    accesses = memory_accesses({kernel.kernel_name: kernel for kernel in kernels}, device)

    def simulators() -> list[Simulator]:
        table = load_operations(device.family)
        return [Simulator(schedule_kernel(k, table, accesses[k.kernel_name]).graph()) for k in kernels]

    safe = sum(simulator.run().cycles for simulator in simulators())
    start = time.process_time()
    sized = _resize(ir, choices)
    sizing_seconds = time.process_time() - start
    all_simulators = simulators()
    start = time.process_time()
    results = [simulator.run() for simulator in all_simulators]
    seconds = time.process_time() - start
    start = time.process_time()
    for simulator in all_simulators:
        fifo = simulator.graph.sized[0]
        simulator.run({fifo.name: (fifo.depth or 2) + 1})
    return {
        "cycles": sum(result.cycles for result in results),
        "cycles_safe": safe,
        "copies": [task for one in sized for task in one.copies],
        "prefetch_loss": sum(one.sizing.cycles_prefetch or 0 for one in sized)
        / max(1, sum(one.sizing.cycles_unbounded or 0 for one in sized))
        - 1,
        "cycles_unbounded": sum(one.sizing.cycles_unbounded or 0 for one in sized),
        "events": sum(use.tokens + use.tokens_read for result in results for use in result.fifos.values()),
        "sizing_seconds": sizing_seconds,
        "simulation_seconds": seconds,
        "again_seconds": time.process_time() - start,
        "clock_mhz": device.clock_mhz,
    }


def _terms(terms: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(term) for term in terms if term.holds == "intermediate"]


def _without_folding(ir: Any, choices: Any) -> list[dict[str, Any]]:
    """The terms of the same design when tasks are not folded into each other."""
    from streamtensor.cost.on_chip import fused_terms
    from streamtensor.dialects import context
    from streamtensor.pipelines import passes_to

    copy = ir.clone()
    for level in ("materialized", "stream"):
        for one in passes_to(level, choices):
            if one.name != "fold-itensors":
                one.apply(context(), copy)
    return _terms(fused_terms(copy))


def _fusion(ir: Any, limits: Sequence[int]) -> list[dict[str, Any]]:
    """Both fusion strategies under the same limits, as bits through external memory and groups."""
    from streamtensor.dialects.dataflow import KernelOp
    from streamtensor.transforms.fusion.fuse_kernels import kernel_graph
    from streamtensor.transforms.fusion.grouping import cost_of, greedy, on_chip_bits, search

    graph = kernel_graph([op for op in ir.walk() if isinstance(op, KernelOp)])
    everything = on_chip_bits(graph, range(len(graph.local_bits)))
    found: list[dict[str, Any]] = []
    if everything is None:
        return found
    for percent in limits:
        limit = everything * percent // 100
        start = time.process_time()
        costs = {strategy.__name__: cost_of(graph, strategy(graph, limit)) for strategy in (greedy, search)}
        seconds = time.process_time() - start
        found.append({"percent": percent, "seconds": seconds, **{name: asdict(c) for name, c in costs.items()}})
    return found


def simulate(folder: str, runs: int = 1) -> dict[str, Any]:
    """Builds the C simulation of a compiled folder and runs it on random inputs: seconds of the build and of each run.

    A folder that was just compiled has no library yet; one that has would only be loaded.
    """
    import numpy as np

    from streamtensor import flow

    accelerator = flow.load(folder)
    start = perf_counter()
    _ = accelerator.library
    build = perf_counter() - start
    random = np.random.default_rng(0)
    inputs = [_input(accelerator.program.buffer(port.buffer), random) for port in accelerator.program.inputs]
    seconds: list[float] = []
    for _ in range(runs):
        start = perf_counter()
        accelerator.run(inputs)
        seconds.append(perf_counter() - start)
    return {"build": build, "run": seconds}


def _input(buffer: Any, random: Any) -> Any:
    """Random floats; zeros for token ids and positions, of which every model has the first."""
    import numpy as np

    if np.issubdtype(np.dtype(buffer.dtype), np.floating):
        return random.standard_normal(buffer.shape).astype(buffer.dtype)
    return np.zeros(buffer.shape, buffer.dtype)


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "compile": compile_model,
    "simulate": simulate,
    "block": block,
    "weights": pack_weights,
}


def main() -> None:
    """Runs the job that the command line names."""
    result = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    result |= {
        "wall_seconds": perf_counter() - START,
        "cpu_seconds": own.ru_utime + own.ru_stime,
        "children_cpu_seconds": children.ru_utime + children.ru_stime,
        "peak_bytes": own.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
