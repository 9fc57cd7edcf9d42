# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The graph of all layers of a model in one launch, from the IR of one block."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from streamtensor.diagnostics import InternalError
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.memory_views import behind_memory_views
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import BlockArgument
from streamtensor.targets.channels import Access
from streamtensor.targets.operations import Operations
from streamtensor.timing.graph import Graph
from streamtensor.timing.layer_loop import turns_in_layers
from streamtensor.transforms.lowering.repeat_layers import repeat_kernel
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel


def launch_graph(
    module: ModuleOp,
    kernel_name: str,
    layers: int,
    operands: Sequence[str],
    hidden: str,
    shared: Collection[str],
    operations: Operations,
    accesses: Mapping[str, Access],
    chains: Sequence[Sequence[str]] = (),
) -> tuple[Graph, Graph]:
    """The graph in cycles, and the one in the order of the program, of `layers` layers in one launch of the only kernel
    of a block.

    `module` is the block at the stream level and stays as it is. `operands` names for each operand of the kernel what
    it is: `hidden` is what a layer takes from the one before, and what it gives to the next one; those of `shared`
    are the same for all layers, all others are each layer's own. `chains` are tasks that take turns on a port.

    Raises NotInOneLaunchError where layers can't run in one launch.
    """
    copy = module.clone()
    kernel = next(op for op in copy.walk() if isinstance(op, KernelOp) and op.kernel_name == kernel_name)
    function = kernel.parent_op()
    assert isinstance(function, func.FuncOp)
    names: dict[int, str] = {}
    for value, name in zip((*kernel.ins, *kernel.outs), operands, strict=True):
        behind = behind_memory_views(value)
        if not isinstance(behind, BlockArgument):
            raise InternalError(f"operand {name} of kernel {kernel_name} is no argument of its function")
        names[behind.index] = name
    results = {value.index for value in map(behind_memory_views, kernel.outs) if isinstance(value, BlockArgument)}
    ins = [number for number, name in names.items() if name == hidden and number not in results]
    (out,) = (number for number in results if names[number] == hidden)
    stacked = [number for number, name in names.items() if name != hidden and name not in shared]
    repeat_kernel(function, kernel, dict.fromkeys(ins, out), stacked, layers)
    scheduled = schedule_kernel(kernel, operations, accesses)
    return turns_in_layers(scheduled.items(), scheduled.fifos, layers, chains), scheduled.ordered_graph()
