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
from streamtensor.cost.on_chip import buffer_bits
from streamtensor.cost.resources import Resources, task_resources
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp, TaskOp
from streamtensor.ir import tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.text import print_module
from streamtensor.pipelines import Choices, passes_to
from streamtensor.targets.channels import Access, Dma
from streamtensor.targets.operations import load_operations
from streamtensor.timing.graph import Graph
from streamtensor.timing.graph_json import graph_from_json, graph_to_json
from streamtensor.transforms.lowering.bound_context_loops import BoundContextLoopsPass
from streamtensor.transforms.resources.kernel_graphs import ScheduledKernel, kernel_dmas, schedule_kernel
from streamtensor.transforms.resources.place_tasks import PlaceTasksPass
from streamtensor.transforms.resources.schedule_tasks import ScheduleTasksPass
from streamtensor.transforms.resources.size_bounded_streams import SizeBoundedStreamsPass

_KIND = "kernels"

_NO_COST = (ScheduleTasksPass, PlaceTasksPass, BoundContextLoopsPass, SizeBoundedStreamsPass)
"""Passes that change nothing of what is asked here: they write down schedules and dies, and bound loops at run time."""

_ELSEWHERE = (
    *("tile", "row_tile", "reduction_tile", "lane_bits", "slice_bytes", "most_slices", "pad_loops", "on_chip_bits"),
    *("fifo_sizing", "fifo_slowdown_percent", "dies"),
)
"""Choices that are all in the IR of the fused level, or that are asked for after a kernel is compiled."""


@dataclass(frozen=True)
class CompiledKernel:
    """A compiled kernel: what its tasks take (FIFOs and ports are not in it), what they move, and the bits of their
    buffers. `key` stands for all of it.
    """

    key: str
    name: str
    tasks: Mapping[str, Resources]
    dmas: tuple[Dma, ...]
    buffer_bits: int


class CompiledKernels:
    """The kernels of one module of the fused level, compiled as `choices` say; `launches` by kernel.

    `compiled` counts those that were compiled here, the others had been kept.
    """

    def __init__(self, module: ModuleOp, choices: Choices) -> None:
        self._module = module
        self._choices = choices
        self._table = load_operations(choices.family)
        how = {name: value for name, value in asdict(choices).items() if name not in _ELSEWHERE}
        text = json.dumps(how, sort_keys=True)
        self._keys = {op.kernel_name: digest_of(print_module(op), text) for op in kernels_of(module)}
        self._made: dict[str, KernelOp] = {}
        self.compiled: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels in the order of the program."""
        return tuple(self._keys)

    def facts(self) -> dict[str, CompiledKernel]:
        """Every kernel by its name."""
        known = {name: kept(_KIND, key) for name, key in self._keys.items()}
        self._compile([name for name, value in known.items() if value is None])
        found: dict[str, CompiledKernel] = {}
        for name, value in known.items():
            if value is None:
                value = _facts(schedule_kernel(self._made[name], self._table, {}))
                keep(_KIND, self._keys[name], value)
            dmas = tuple(Dma(**dma) for dma in value["dmas"])
            tasks = {task: Resources(**amounts) for task, amounts in value["tasks"].items()}
            found[name] = CompiledKernel(self._keys[name], name, tasks, dmas, value["buffer_bits"])
        return found

    def graphs(self, kernel: CompiledKernel, accesses: Mapping[str, Access]) -> tuple[Graph, Graph]:
        """The graph of a kernel in cycles with what its DMAs get of external memory, and the one in program order."""
        rates = [(n, str(a.cycles_per_token), a.latency_cycles, a.turn, a.ports) for n, a in sorted(accesses.items())]
        key = digest_of(kernel.key, json.dumps(rates))
        value = kept(_KIND, key)
        if value is None:
            self._compile([kernel.name])
            scheduled = schedule_kernel(self._made[kernel.name], self._table, accesses)
            value = {
                "graph": graph_to_json(scheduled.graph()),
                "ordered": graph_to_json(scheduled.ordered_graph()),
            }
            keep(_KIND, key, value)
        return graph_from_json(value["graph"]), graph_from_json(value["ordered"])

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
        self._made |= {kernel.kernel_name: kernel for kernel in kernels_of(module)}
        self.compiled |= wanted


def kernels_of(module: ModuleOp) -> list[KernelOp]:
    """The kernels of a module in their order."""
    return [op for op in module.walk() if isinstance(op, KernelOp)]


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


def _facts(scheduled: ScheduledKernel) -> dict[str, Any]:
    kernel = scheduled.kernel
    tasks = {
        op.task_name: task_resources(op) + Resources(scheduled.tasks[op.task_name].dsp)
        for op in kernel.body.block.ops
        if isinstance(op, TaskOp)
    }
    by_hand = {op.task_name: op.resource_counts for op in kernel.body.block.ops if isinstance(op, ExternKernelOp)}
    for name, counts in by_hand.items():
        tasks[name] = Resources(counts.get("dsp", 0), counts.get("bram", 0), counts.get("uram", 0))
    return {
        "tasks": {name: asdict(amounts) for name, amounts in tasks.items()},
        "dmas": [asdict(dma) for dma in kernel_dmas(kernel, kernel.kernel_name)],
        "buffer_bits": buffer_bits(kernel),
    }
