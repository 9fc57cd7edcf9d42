# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fuse-kernels: kernels that stream into each other become one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorEmptyOp,
    ITensorType,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import (
    Block,
    BlockArgument,
    Context,
    ModulePass,
    OpResult,
    Region,
    SSAValue,
)
from streamtensor.ir.locations import copy_location, location, location_text
from streamtensor.transforms.build import UniqueNames, is_device, sort_topologically, source_hint
from streamtensor.transforms.fusion.grouping import Edge, KernelGraph, greedy, search
from streamtensor.transforms.fusion.on_chip import local_bits, tensor_bits
from streamtensor.transforms.fusion.views import (
    StreamPath,
    erase_unused_views,
    needed_outside,
    root_of,
    stream_path,
)
from streamtensor.transforms.tiling.kernel_choices import STARTS_GROUP, kernel_name


@dataclass(frozen=True)
class FuseKernelsPass(ModulePass):
    """kernel a(x) -> t; kernel b(t) -> y  -->  kernel ab(x) -> y { a; converter; b }

    Groups are chosen so that the least goes through external memory while each one's buffers and converters fit into
    `limit_bits` (0: no limit): `grouping.search`, or with `strategy` "greedy" the published greedy (design document
    pipeline.md, Kernel fusion). The graph of groups is acyclic. Between two kernels of a group equal itensor types are
    connected directly, others by a converter; a value that several kernels want in the same order gets one
    converter. A reshape between them becomes one of the stream (`fusion.views`). A tensor that goes through a slice
    or to another group goes through external memory. Nothing streams past a kernel that starts a group
    (`dataflow.starts_group`): what stands before it is in other groups.

    Raises UserError ST0305 for a kernel that does not fit alone, with its terms and levers.
    """

    name = "fuse-kernels"

    limit_bits: int = 0
    strategy: Literal["search", "greedy"] = "search"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        choose = search if self.strategy == "search" else greedy
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                kernels = [k for k in function.body.block.ops if isinstance(k, KernelOp)]
                graph = kernel_graph(kernels)
                for kernel, bits in zip(kernels, graph.local_bits, strict=True):
                    if self.limit_bits and bits > self.limit_bits:
                        raise _does_not_fit(kernel, bits, self.limit_bits)
                for number, members in enumerate(choose(graph, self.limit_bits)):
                    _fuse(f"{function.sym_name.data}_{number}", [kernels[member] for member in members])
                sort_topologically(function.body.block)


def kernel_graph(kernels: Sequence[KernelOp]) -> KernelGraph:
    """What streams between kernels, which stand in a topological order, and what it costs."""
    number = {kernel: index for index, kernel in enumerate(kernels)}
    sections = _sections(kernels)
    edges: list[Edge] = []
    for kernel in kernels:
        for operand, itensor in zip(kernel.ins, _in_types(kernel), strict=True):
            for producer in _producers(operand):
                path = stream_path(out_type(root_of(operand)), operand, itensor)
                together = sections[number[producer]] == sections[number[kernel]]
                edges.append(
                    Edge(
                        number[producer],
                        number[kernel],
                        operand,
                        itensor,
                        path.converter_bits if isinstance(path, StreamPath) and together else None,
                        itensor.layout.num_tokens * itensor.token_bits,
                        tensor_bits(operand.type),
                    )
                )
    return KernelGraph(tuple(local_bits(kernel) for kernel in kernels), tuple(edges))


def _sections(kernels: Sequence[KernelOp]) -> list[int]:
    """For each kernel how many groups were started up to it; the parts of a sliced kernel start one together."""
    found: list[int] = []
    section, last = 0, ""
    for kernel in kernels:
        name = kernel_name(kernel)
        if STARTS_GROUP in kernel.attributes and name != last:
            section, last = section + 1, name
        found.append(section)
    return found


def _in_types(kernel: KernelOp) -> list[ITensorType]:
    types = [argument.type for argument in kernel.body.block.args[: len(kernel.ins)]]
    return [t for t in types if isinstance(t, ITensorType)]


def out_type(result: SSAValue) -> ITensorType:
    """The itensor type in which a kernel's result is made."""
    assert isinstance(result, OpResult)
    assert isinstance(result.op, KernelOp)
    itensor = result.op.body.block.args[len(result.op.ins) + result.index].type
    assert isinstance(itensor, ITensorType)
    return itensor


def _producers(value: SSAValue) -> Iterator[KernelOp]:
    """The kernel that makes `value`, or the tensor of which it is a view, if one does."""
    owner = root_of(value).owner
    if isinstance(owner, KernelOp):
        yield owner


def _fuse(name: str, members: list[KernelOp]) -> None:
    """Replaces `members`, in topological order, by one kernel that stands at the place of the last one."""
    inside = set(members)
    ins: list[tuple[SSAValue, ITensorType]] = []
    outs: list[OpResult] = []
    for kernel in members:
        for operand, itensor in zip(kernel.ins, _in_types(kernel), strict=True):
            if root_of(operand).owner not in inside and (operand, itensor) not in ins:
                ins.append((operand, itensor))
        outs += [result for result in kernel.results_ if needed_outside(result, inside)]

    body = Block(arg_types=[*(itensor for _, itensor in ins), *(out_type(result) for result in outs)])
    for (operand, _), argument in zip(ins, body.args, strict=False):
        argument.name_hint = source_hint(operand)
    streams: dict[tuple[SSAValue, ITensorType], SSAValue] = dict(zip(ins, body.args, strict=False))
    destinations = dict(zip(outs, body.args[len(ins) :], strict=True))
    dest_operands = [_dest_operand(result) for result in outs]
    names = UniqueNames()
    for kernel in members:
        values: dict[SSAValue, SSAValue] = {}
        arguments = list(kernel.body.block.args)
        for operand, argument in zip(kernel.ins, arguments, strict=False):
            values[argument] = _stream(streams, operand, argument, body, kernel)
        for result, argument in zip(kernel.results_, arguments[len(kernel.ins) :], strict=True):
            values[argument] = _destination(destinations, result, argument, body)
        for op in kernel.body.block.ops:
            if isinstance(op, YieldOp):
                for result, value in zip(kernel.results_, op.arguments, strict=True):
                    streams[result, out_type(result)] = values[value]
            else:
                copy = op.clone(values)
                if isinstance(copy, TaskOp | ExternKernelOp):
                    copy.properties["sym_name"] = StringAttr(names.of(copy.task_name))
                body.add_op(copy)
    body.add_op(YieldOp(*(streams[result, out_type(result)] for result in outs)))

    fused = KernelOp(name, [value for value, _ in ins], dest_operands, Region(body))
    parent = members[-1].parent
    assert parent is not None
    parent.insert_op_after(fused, members[-1])
    copy_location(members[0], [fused])
    for old, new in zip(outs, fused.results_, strict=True):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    for kernel in reversed(members):
        dests = list(kernel.outs)
        for result in kernel.results_:
            erase_unused_views(result)
        kernel.detach()
        kernel.erase()
        for dest in dests:
            if isinstance(dest.owner, tensor.EmptyOp) and not dest.uses:
                dest.owner.detach()
                dest.owner.erase()
    for result in fused.results_:
        erase_unused_views(result)


def _dest_operand(result: OpResult) -> SSAValue:
    assert isinstance(result.op, KernelOp)
    return result.op.outs[result.index]


def _stream(
    streams: dict[tuple[SSAValue, ITensorType], SSAValue],
    operand: SSAValue,
    argument: BlockArgument,
    body: Block,
    kernel: KernelOp,
) -> SSAValue:
    """`operand` in the order that `argument` wants; a converter is made when nobody made it before."""
    wanted = argument.type
    assert isinstance(wanted, ITensorType)
    if (operand, wanted) not in streams:
        root = root_of(operand)
        made = out_type(root)
        path = stream_path(made, operand, wanted)
        if isinstance(path, str):
            raise UserError("ST0304", f"{made} can't be turned into {wanted}: {path}", location=location(kernel))
        streams[operand, wanted] = path.build(body, streams, streams[root, made], kernel)
    return streams[operand, wanted]


def _destination(
    destinations: dict[OpResult, BlockArgument], result: SSAValue, argument: BlockArgument, body: Block
) -> SSAValue:
    """Where the kernel's writes start: external memory, or an empty itensor that stays inside."""
    assert isinstance(result, OpResult)
    if result in destinations:
        return destinations[result]
    assert isinstance(argument.type, ITensorType)
    empty = ITensorEmptyOp(argument.type)
    body.add_op(empty)
    return empty.result


def _does_not_fit(kernel: KernelOp, bits: int, limit: int) -> UserError:
    return UserError(
        "ST0305",
        f"kernel {kernel.kernel_name} does not fit on chip: {_size(bits)} needed, {_size(limit)} available",
        location=location(kernel),
        label=location_text(kernel),
        terms=[f"kernel {kernel.kernel_name} {_size(bits)} of tiles"],
        levers=["choose a smaller tile", "choose a device with more memory"],
    )


def _size(bits: int) -> str:
    return f"{bits / 1e6:.1f} Mb" if bits >= 1e5 else f"{bits} bits"
