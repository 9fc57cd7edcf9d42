# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fuse-kernels: kernels that stream into each other become one kernel."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import (
    ITensorConverterOp,
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
    Operation,
    OpResult,
    Region,
    SSAValue,
)
from streamtensor.ir.locations import copy_location, location, location_text
from streamtensor.transforms.build import UniqueNames, is_device, source_hint
from streamtensor.transforms.fusion.on_chip import converter_bits, local_bits

VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)


@dataclass(frozen=True)
class FuseKernelsPass(ModulePass):
    """kernel a(x) -> t; kernel b(t) -> y  -->  kernel ab(x) -> y { a; converter; b }

    The published greedy (design document pipeline.md, Kernel fusion): in topological order a kernel joins the
    highest-numbered group among its producers' when its own buffers and the converters to it still fit into
    `limit_bits`; that keeps the graph of groups acyclic. Between two kernels of a group equal itensor types are
    connected directly, others by a converter; a value that several kernels want in the same order gets one
    converter. A tensor that goes through a view, to another group, or to windows that overlap goes through external
    memory. `limit_bits` 0 means no limit.

    Raises UserError ST0305 for a kernel that does not fit alone, with its terms and levers.
    """

    name = "fuse-kernels"

    limit_bits: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                kernels = [k for k in function.body.block.ops if isinstance(k, KernelOp)]
                groups = self._group(kernels)
                for number, members in enumerate(groups):
                    _fuse(f"{function.sym_name.data}_{number}", members)
                _sort(function.body.block)

    def _group(self, kernels: list[KernelOp]) -> list[list[KernelOp]]:
        groups: list[list[KernelOp]] = []
        used: list[int] = []
        converters: list[set[tuple[SSAValue, ITensorType]]] = []  # of each group; what wants the same one shares it
        group_of: dict[KernelOp, int] = {}
        for kernel in kernels:
            own = local_bits(kernel)
            if self.limit_bits and own > self.limit_bits:
                raise _does_not_fit(kernel, own, self.limit_bits)
            costs: dict[int, int] = {}
            wanted: dict[int, set[tuple[SSAValue, ITensorType]]] = {}
            lowest = 0  # the group may not come before one that it depends on through external memory
            for operand, itensor in zip(kernel.ins, _in_types(kernel), strict=True):
                for producer, direct in _producers(operand):
                    group = group_of[producer]
                    cost = converter_bits(_out_type(operand), itensor) if direct else "a view"
                    if isinstance(cost, int):
                        known = converters[group] | wanted.setdefault(group, set())
                        costs[group] = costs.get(group, 0) + (0 if (operand, itensor) in known else cost)
                        wanted[group].add((operand, itensor))
                    else:
                        lowest = max(lowest, group + 1)
            best = max(costs, default=None)
            fits = best is not None and best >= lowest
            if best is not None and fits and self.limit_bits:
                fits = used[best] + own + costs[best] <= self.limit_bits
            if best is None or not fits:
                best = len(groups)
                groups.append([])
                used.append(0)
                converters.append(set())
                costs[best] = 0
            groups[best].append(kernel)
            used[best] += own + costs[best]
            converters[best] |= wanted.get(best, set())
            group_of[kernel] = best
        return groups


def _in_types(kernel: KernelOp) -> list[ITensorType]:
    types = [argument.type for argument in kernel.body.block.args[: len(kernel.ins)]]
    return [t for t in types if isinstance(t, ITensorType)]


def _out_type(result: SSAValue) -> ITensorType:
    """The itensor type in which a kernel's result is made."""
    assert isinstance(result, OpResult)
    assert isinstance(result.op, KernelOp)
    itensor = result.op.body.block.args[len(result.op.ins) + result.index].type
    assert isinstance(itensor, ITensorType)
    return itensor


def _producers(value: SSAValue) -> Iterator[tuple[KernelOp, bool]]:
    """(kernel, directly) for the kernel that makes `value`, if one does; not directly when views stand between."""
    direct = True
    while isinstance(value.owner, VIEWS):
        value = value.owner.operands[0]
        direct = False
    if isinstance(value.owner, KernelOp):
        yield value.owner, direct


def _fuse(name: str, members: list[KernelOp]) -> None:
    """Replaces `members`, in topological order, by one kernel that stands at the place of the last one."""
    inside = set(members)
    ins: list[tuple[SSAValue, ITensorType]] = []
    outs: list[OpResult] = []
    for kernel in members:
        for operand, itensor in zip(kernel.ins, _in_types(kernel), strict=True):
            if operand.owner not in inside and (operand, itensor) not in ins:
                ins.append((operand, itensor))
        outs += [result for result in kernel.results_ if any(use.operation not in inside for use in result.uses)]

    body = Block(arg_types=[*(itensor for _, itensor in ins), *(_out_type(result) for result in outs)])
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
                    streams[result, _out_type(result)] = values[value]
            else:
                copy = op.clone(values)
                if isinstance(copy, TaskOp):
                    copy.properties["sym_name"] = StringAttr(names.of(copy.task_name))
                body.add_op(copy)
    body.add_op(YieldOp(*(streams[result, _out_type(result)] for result in outs)))

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
        kernel.detach()
        kernel.erase()
        for dest in dests:
            if isinstance(dest.owner, tensor.EmptyOp) and not dest.uses:
                dest.owner.detach()
                dest.owner.erase()


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
        made = _out_type(operand)
        reason = converter_bits(made, wanted)
        if isinstance(reason, str):
            raise UserError("ST0304", f"{made} can't be turned into {wanted}: {reason}", location=location(kernel))
        converter = ITensorConverterOp(streams[operand, made], wanted)
        copy_location(kernel, [converter])
        body.add_op(converter)
        streams[operand, wanted] = converter.result
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


def _sort(block: Block) -> None:
    """Puts the operations of a block into an order in which values are made before they are used, else as they were."""
    last = block.last_op
    assert last is not None
    ops = [op for op in block.ops if op is not last]
    order = {op: number for number, op in enumerate(ops)}
    waiting = {op: {o.owner for o in op.operands if o.owner in order} for op in ops}
    users: dict[object, list[Operation]] = {}
    for op, sources in waiting.items():
        for source in sources:
            users.setdefault(source, []).append(op)
    ready = [order[op] for op in ops if not waiting[op]]
    heapq.heapify(ready)
    while ready:
        op = ops[heapq.heappop(ready)]
        op.detach()
        block.add_op(op)
        for user in users.get(op, ()):
            waiting[user].discard(op)
            if not waiting[user]:
                heapq.heappush(ready, order[user])
    last.detach()
    block.add_op(last)


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
