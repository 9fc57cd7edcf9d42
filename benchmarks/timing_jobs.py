# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The jobs of timing.py, each in a process of its own: `timing_jobs.py NAME JSON` prints one JSON object.

Seconds are CPU seconds of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

from streamtensor.algebra.steps import Repeat, Step
from streamtensor.timing.graph import Fifo, Graph, Task
from streamtensor.timing.graph_json import graph_text, read_graph
from streamtensor.timing.kernel_sizing import KernelSizer
from streamtensor.timing.layer_loop import layer_loop
from streamtensor.timing.simulator import Result, Simulator

if TYPE_CHECKING:
    from streamtensor.dialects.dataflow import KernelOp
    from streamtensor.targets import Device

LATENCY = 35  # cycles of external memory between two layers


def block(shape: str, kind: str, rows: int, layers: int, certified: bool) -> dict[str, Any]:
    """One decoder block with FIFOs sized by its schedule: sizing, the first call, and a second one with one depth
    changed, for every FIFO. `layers` copies of it in one launch, when more than 1.
    """
    kernel, device = block_kernel(shape, kind, rows)
    graph, in_order = graphs_of(kernel, device)
    found: dict[str, Any] = {"tasks": len(graph.tasks), "fifos": len(graph.fifos)}
    Simulator(Graph((), ())).run()  # the native core is there, and loaded
    start = process_time()
    sizing = KernelSizer(graph, in_order, "schedule").size()
    found["sizing_seconds"] = process_time() - start
    sized = graph.with_depths(sizing.depths)
    if certified:
        start = process_time()
        certificate = KernelSizer(graph, in_order, "certified").size()
        found["certified_seconds"] = process_time() - start
        found["certified_minimal"] = certificate.minimal
    found |= _calls(sized)
    start = process_time()
    Simulator(graphs_of(kernel, device)[0]).run(sizing.depths)
    found["call_seconds"] = process_time() - start
    if layers > 1:
        loop = _in_one_launch(sized, layers)
        start = process_time()
        found["layers_cycles"] = Simulator(loop).run().cycles
        found["layers_seconds"] = process_time() - start
    return found


def block_kernel(shape: str, kind: str, rows: int) -> tuple[KernelOp, Device]:
    """The only kernel of a block, at the stream level, and the device that it is for."""
    from streamtensor.dialects import context
    from streamtensor.dialects.dataflow import KernelOp
    from streamtensor.flow.passes import PassRunner
    from streamtensor.importers.program import import_program
    from streamtensor.models.blocks import block_program
    from streamtensor.models.shapes import shape_config
    from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
    from streamtensor.targets import load_device

    ir = import_program(block_program(shape_config(shape), "prefill" if kind == "prefill" else "decode", rows)).module
    device = load_device("u55c")
    choices = Choices(on_chip_bits=device.on_chip_bits)
    runner = PassRunner(context())
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, choices))
    (kernel,) = (op for op in ir.walk() if isinstance(op, KernelOp))
    return kernel, device


def graphs_of(kernel: KernelOp, device: Device) -> tuple[Graph, Graph]:
    """The graph of a kernel with safe depths, and in program order: schedules, then step programs."""
    from streamtensor.targets.operations import load_operations
    from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
    from streamtensor.transforms.resources.resize_streams import memory_accesses

    accesses = memory_accesses({kernel.kernel_name: kernel}, device)
    scheduled = schedule_kernel(kernel, load_operations(device.family), accesses[kernel.kernel_name])
    return scheduled.graph(), scheduled.ordered_graph()


def _calls(graph: Graph) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.json"
        file.write_text(graph_text(graph), encoding="utf-8")
        start = process_time()
        read = read_graph(file)
        read_seconds = process_time() - start
    start = process_time()
    plain = Simulator(read).run(least_work=0)
    full_seconds = process_time() - start
    firsts: list[float] = []
    seconds: list[float] = []
    at_once = same = 0
    for fifo in graph.sized:
        assert fifo.depth is not None
        for depth in (fifo.depth - 1, fifo.depth + 1):
            if depth < 1:
                continue
            both: list[float] = []
            events = 0
            for _ in range(2):  # the worst FIFO of a hundred is not to be a hiccup of the machine
                start = process_time()
                simulator = Simulator(graph)
                result = simulator.run()
                firsts.append(process_time() - start)
                same += result == plain
                start = process_time()
                simulator.run({fifo.name: depth})
                both.append(process_time() - start)
                events = simulator.effort.events
            seconds.append(min(both))
            at_once += not events
    simulator = Simulator(graph)
    simulator.run()
    in_turn: list[float] = []
    for fifo in graph.sized:
        start = process_time()
        simulator.run({fifo.name: max(1, (fifo.depth or 1) - 1)})
        in_turn.append(process_time() - start)
    return {
        "cycles": plain.cycles,
        "events": _events(plain),
        "full_seconds": full_seconds,
        "read_seconds": read_seconds,
        "first_seconds": median(firsts),
        "equal_to_full": same == len(firsts),
        "again": sorted(seconds),
        "at_once": at_once,
        "in_turn": sorted(in_turn),
    }


def _events(result: Result) -> int:
    """Tokens written and read."""
    return sum(use.tokens + use.tokens_read for use in result.fifos.values())


def _in_one_launch(graph: Graph, layers: int) -> Graph:
    """All layers of a model with this block: the load with the most readers brings the hidden state, and the store that
    ends last takes it.
    """
    writes = {task.name: sum(graph.writer[fifo.name] == task.name for fifo in graph.fifos) for task in graph.tasks}
    sources = [task.name for task in graph.tasks if task.name not in graph.reader.values()]
    sinks = [task.name for task in graph.tasks if not writes[task.name]]
    ends = Simulator(graph).run().tasks
    load = max(sources, key=lambda name: writes[name])
    store = max(sinks, key=lambda name: ends[name].end)
    return layer_loop(graph, layers, [load], [store], LATENCY)


def large(tasks: int, tokens: int, bounded: bool = True) -> dict[str, Any]:
    """A chain of tasks at two rates, some of them with loops; `tokens` go through each FIFO. Where these are not
    bounded, tokens gather behind a fast task.
    """
    made: list[Task] = []
    for n in range(tasks):
        reads, writes = ((f"f{n - 1}",) if n else ()), ((f"f{n}",) if n < tasks - 1 else ())
        rounds = Repeat(tokens // 10, (Step(10, reads, writes), Step(1, delta=5)))
        made.append(Task(f"t{n}", (rounds if n % 3 == 1 else Step(tokens, reads, writes, 1 + n % 2),)))
    graph = Graph(tuple(made), tuple(Fifo(f"f{n}", depth=2 + n % 3 if bounded else None) for n in range(tasks - 1)))
    start = process_time()
    simulator = Simulator(graph)
    result = simulator.run()
    return {
        "seconds": process_time() - start,
        "cycles": result.cycles,
        "events": _events(result),
        "simulated": simulator.effort.events,
        "repeated": simulator.effort.repeated,
        "complete": result.complete,
        "gathered": max(use.high_water for use in result.fifos.values()),
    }


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {"block": block, "large": large}


def main() -> None:
    """Runs the job that the command line names."""
    result = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result | {"peak_bytes": peak * (1 if sys.platform == "darwin" else 1024)}))


if __name__ == "__main__":
    main()
