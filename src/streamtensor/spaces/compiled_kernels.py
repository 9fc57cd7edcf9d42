# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What must be known of the kernels of a design to judge it, kept by their content.

A kernel of the fused level is compiled once for each text of its IR and each way to compile it, whatever design it is
part of; a changed neighbour, another rule for FIFO depths or another share of memory bandwidth compile nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from streamtensor.cost.content_cache import digest_of, keep, kept
from streamtensor.cost.on_chip import buffer_bits, weight_fifos
from streamtensor.cost.resources import Resources, task_resources
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, TaskOp
from streamtensor.ir import tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Operation
from streamtensor.pipelines import Choices, passes_to
from streamtensor.targets.channels import Access, Dma
from streamtensor.targets.operations import load_operations
from streamtensor.timing.graph import Graph
from streamtensor.timing.graph_json import graph_from_json, graph_to_json
from streamtensor.timing.just_in_time import JustInTime
from streamtensor.timing.kernel_sizing import FifoSizing
from streamtensor.transforms.lowering.bound_context_loops import BoundContextLoopsPass
from streamtensor.transforms.resources.kernel_graphs import kernel_dmas
from streamtensor.transforms.resources.place_tasks import PlaceTasksPass
from streamtensor.transforms.resources.resize_streams import PreparedKernel, mark_prefetch, prepare
from streamtensor.transforms.resources.schedule_tasks import ScheduleTasksPass
from streamtensor.transforms.resources.size_bounded_streams import SizeBoundedStreamsPass
from streamtensor.transforms.tiling.kernel_choices import kernel_name

_KIND = "kernels"

_NO_COST = (ScheduleTasksPass, PlaceTasksPass, BoundContextLoopsPass, SizeBoundedStreamsPass)
"""Passes that change nothing of what is asked here: they write down schedules and dies, and bound loops at run time."""

_BEFORE = (
    *("tile", "row_tile", "reduction_tile", "lane_bits", "slice_bytes", "most_slices", "pad_below_percent"),
    *("loop_order", "unroll_budget", "kernels", "on_chip_bits", "fusion", "fusion_percent"),
)
"""Choices that are all in the IR of the fused level."""

_COMPILED = (
    "unroll",
    "macs",
    "plain_lanes",
    "product_lanes",
    "multipliers",
    "lutram_words",
    "bram36",
    "uram",
    "family",
    "parameter_bytes",
)
"""Choices that only passes behind the fused level ask for."""

_AFTER = ("fifo_sizing", "fifo_slowdown_percent", "prefetch_percent", "dies", "launch")
"""Choices that are asked for after a kernel is compiled, or that cost nothing."""


def before_fusion(choices: Choices) -> str:
    """All choices on which the program at the fused level depends; one that is not known here is among them."""
    return _without(choices, (*_COMPILED, *_AFTER))


def _without(choices: Choices, names: Sequence[str]) -> str:
    kept_choices = {name: value for name, value in asdict(choices).items() if name not in names}
    return json.dumps(kept_choices, sort_keys=True)


@dataclass(frozen=True)
class CompiledKernel:
    """A compiled kernel: what its tasks move, and the bits of its buffers. `key` stands for all of it."""

    key: str
    name: str
    dmas: tuple[Dma, ...]
    buffer_bits: int


@dataclass(frozen=True)
class TimedKernel:
    """A kernel with what its DMAs get of external memory and with the copies of tasks that are worth it: its graph in
    cycles, the one in the order of its C++, what each task takes (FIFOs and ports are not in it), and the bits of its
    buffers, `copy_bits` of them in copies. `late` are just-in-time depths, where these are known. `parameters` says by
    task what the kernel of the tensor level is called that it was made of.
    """

    name: str
    graph: Graph
    ordered: Graph
    tasks: Mapping[str, Resources]
    buffer_bits: int
    copy_bits: int
    late: JustInTime | None
    parameters: Mapping[str, str]


class CompiledKernels:
    """The kernels of a module of the fused level, compiled as `choices` say. `texts` has the IR of each by its name.

    `compiled` names those that were compiled here, the others had been kept.
    """

    def __init__(self, module: ModuleOp, texts: Mapping[str, str], choices: Choices) -> None:
        self._module = module
        self._choices = choices
        self._table = load_operations(choices.family)
        how = _without(choices, (*_BEFORE, *_AFTER))
        self._keys = {name: digest_of(text, how) for name, text in texts.items()}
        self._made: dict[str, KernelOp] = {}
        self.compiled: set[str] = set()

    def facts(self) -> list[CompiledKernel]:
        """The kernels in the order of the program."""
        known = {name: kept(_KIND, key) for name, key in self._keys.items()}
        self._compile([name for name, value in known.items() if value is None])
        found: list[CompiledKernel] = []
        for name, value in known.items():
            if value is None:
                value = _facts(self._made[name])
                keep(_KIND, self._keys[name], value)
            dmas = tuple(Dma(**dma) for dma in value["dmas"])
            found.append(CompiledKernel(self._keys[name], name, dmas, value["buffer_bits"]))
        return found

    def timed(self, kernel: CompiledKernel, accesses: Mapping[str, Access]) -> TimedKernel:
        """A kernel with what its DMAs get of external memory. Its tasks are copied where that is worth it."""
        rates = [(n, str(a.cycles_per_token), a.latency_cycles, a.turn, a.ports) for n, a in sorted(accesses.items())]
        strategy: FifoSizing = "safe" if self._choices.fifo_sizing == "safe" else "schedule"
        key = digest_of(kernel.key, strategy, json.dumps(rates))
        value = kept(_KIND, key)
        if value is None:
            self._compile([kernel.name])
            made = prepare(self._made.pop(kernel.name), self._table, accesses, strategy)
            value = _timed_json(made)
            keep(_KIND, key, value)
        late = value["late"]
        return TimedKernel(
            kernel.name,
            graph_from_json(value["graph"]),
            graph_from_json(value["ordered"]),
            {task: Resources(**amounts) for task, amounts in value["tasks"].items()},
            value["buffer_bits"],
            value["copy_bits"],
            JustInTime(**late) if late is not None else None,
            value["parameters"],
        )

    def _compile(self, names: Sequence[str]) -> None:
        """Compiles the kernels `names` as far as their loops and memories are known."""
        wanted = set(names) - set(self._made)
        if not wanted:
            return
        module = self._module.clone()
        for kernel in kernels_of(module):
            if kernel.kernel_name not in wanted:
                _forget(kernel)
        for level in ("materialized", "stream"):
            for one in passes_to(level, self._choices):
                if not isinstance(one, _NO_COST):
                    one.apply(context(), module)
        weights = weight_fifos(module)
        for kernel in kernels_of(module):
            mark_prefetch(kernel, weights.get(kernel.kernel_name, ()))
            self._made[kernel.kernel_name] = kernel
        self.compiled |= wanted


def kernels_of(op: Operation) -> list[KernelOp]:
    """The kernels of a module or of a function in their order."""
    return [inner for inner in op.walk() if isinstance(inner, KernelOp)]


def _forget(kernel: KernelOp) -> None:
    """Puts memory of nobody in the place of a kernel's results."""
    block = kernel.parent
    assert block is not None
    for result in kernel.results_:
        assert isinstance(result.type, TensorType)
        empty = tensor.EmptyOp([], result.type)
        block.insert_op_before(empty, kernel)
        result.replace_all_uses_with(empty.tensor)
    kernel.detach()
    kernel.erase()


def _facts(kernel: KernelOp) -> dict[str, Any]:
    return {
        "dmas": [asdict(dma) for dma in kernel_dmas(kernel, kernel.kernel_name)],
        "buffer_bits": buffer_bits(kernel),
    }


def _timed_json(made: PreparedKernel) -> dict[str, Any]:
    kernel = made.scheduled.kernel
    tasks: dict[str, Resources] = {}
    for op in kernel.body.block.ops:
        if isinstance(op, TaskOp):
            tasks[op.task_name] = task_resources(op) + Resources(made.scheduled.tasks[op.task_name].dsp)
        elif isinstance(op, ExternKernelOp):
            said = op.resource_counts
            tasks[op.task_name] = Resources(said.get("dsp", 0), said.get("bram", 0), said.get("uram", 0))
    late = made.sizer.known
    return {
        "graph": graph_to_json(made.sizer.graph),
        "ordered": graph_to_json(made.sizer.in_order),
        "tasks": {name: asdict(amounts) for name, amounts in tasks.items()},
        "buffer_bits": buffer_bits(kernel),
        "copy_bits": made.copy_bits,
        "late": asdict(late) if late is not None else None,
        "parameters": {op.task_name: kernel_name(op) for op in kernel.walk() if isinstance(op, TaskOp)},
    }
