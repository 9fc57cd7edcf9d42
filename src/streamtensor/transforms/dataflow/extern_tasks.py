# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels among kernels and tasks: what the passes over these do for them."""

from __future__ import annotations

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    View,
    YieldOp,
    behind_views,
    task_around,
)
from streamtensor.ir.builtin import StringAttr
from streamtensor.ir.core import Block, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location, location
from streamtensor.transforms.build import IndexConstants, UniqueNames, build_nest, loop_pairs, source_hint


def extern_kernels(kernel: KernelOp) -> list[ExternKernelOp]:
    """The hand-written kernels inside a kernel, in order."""
    return [op for op in kernel.body.block.ops if isinstance(op, ExternKernelOp)]


def convert_extern_kernel(op: ExternKernelOp, names: UniqueNames) -> None:
    """y = extern_kernel(x) : tensor  -->  kernel ins(x) outs(y) { y' = extern_kernel(x') : itensor }

    The boundary of the kernel has the types of the ports, as it has those of the loops for any other operation.
    """
    name = names.of(op.task_name)
    ports = op.port_types
    body = Block(arg_types=ports)
    for value, argument in zip(op.ins, body.args, strict=False):
        argument.name_hint = source_hint(value)
    inner = op.on(list(body.args[: len(op.ins)]), list(body.args[len(op.ins) :]))
    inner.properties["sym_name"] = StringAttr(name)
    body.add_ops([inner, YieldOp(*inner.results_)])
    kernel = KernelOp(name, list(op.ins), list(op.outs), Region(body))
    copy_location(op, [kernel])
    parent = op.parent
    assert parent is not None
    parent.insert_op_before(kernel, op)
    for old, new in zip(op.results_, kernel.results_, strict=True):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    op.detach()
    op.erase()


def check_width(kernel: KernelOp, width_bits: int) -> None:
    """Raises UserError ST0304 when a hand-written kernel was written for FIFOs of another width."""
    for op in extern_kernels(kernel):
        if op.width_bits.value.data != width_bits:
            raise UserError(
                "ST0304",
                f"extern kernel {op.task_name} has ports of at most {op.width_bits.value.data} bits, but the FIFOs are "
                f"{width_bits} bits wide",
                location=location(op),
            )


def readers(value: SSAValue) -> list[TaskOp | ExternKernelOp]:
    """The tasks and hand-written kernels that read `value`, also under other types, each once, in the order of their
    block.
    """
    found: dict[Operation, None] = {}
    for use in value.uses:
        op = use.operation
        if isinstance(op, ExternKernelOp):
            found[op] = None
        elif isinstance(op, View):
            found.update(dict.fromkeys(readers(op.result)))
        elif isinstance(op, ITensorReadOp) and (task := task_around(op)) is not None:
            found[task] = None
    if len(found) > 1:
        block = next(iter(found)).parent
        assert block is not None
        order = {op: number for number, op in enumerate(block.ops)}
        found = dict.fromkeys(sorted(found, key=lambda op: order[op]))
    return [op for op in found if isinstance(op, TaskOp | ExternKernelOp)]


def give_own_fifos(kernel: KernelOp) -> None:
    """extern a -> x; b reads x; c reads x  -->  extern a -> x; x' = task { write (read x) }; b reads x'; c reads x'

    A hand-written kernel writes one FIFO for each port and reads one for each, so what several read is written by a
    task behind it, a result that nobody reads is taken off by a task, and a port that reads what another port reads
    gets it from a task.
    """
    for op in extern_kernels(kernel):
        seen: set[SSAValue] = set()
        for number, value in enumerate(op.ins):
            if behind_views(value) in seen:
                empty, copy = _copy_task(f"{op.task_name}_copy_{number}", value)
                _insert_before([empty, copy], op)
                op.operands[number] = copy.results_[0]
            seen.add(behind_views(value))
    for op in extern_kernels(kernel):
        for number, result in enumerate(op.results_):
            found = readers(result)
            if len(found) > 1:
                empty, copy = _copy_task(f"{op.task_name}_fork_{number}", result)
                reads = {read for read in copy.walk() if isinstance(read, ITensorReadOp)}
                _insert_after([empty, copy], op)
                for use in list(result.uses):
                    if use.operation not in reads:
                        use.operation.operands[use.index] = copy.results_[0]
            elif not found:
                _insert_after([_sink_task(f"{op.task_name}_unread_{number}", result)], op)


def _copy_task(name: str, value: SSAValue) -> tuple[ITensorEmptyOp, TaskOp]:
    """The task that passes the tokens of `value` on, and the itensor that it fills."""
    itensor = value.type
    assert isinstance(itensor, ITensorType)
    empty = ITensorEmptyOp(itensor)
    block = Block(arg_types=[itensor])

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        token = ITensorReadOp(value)
        write = ITensorWriteOp(token.result, carried[0])
        block.add_ops([token, write])
        return [write.result]

    results = build_nest(block, IndexConstants(block), loop_pairs(itensor.layout), list(block.args), body)
    block.add_op(YieldOp(*results))
    return empty, TaskOp(name, [empty.result], Region(block))


def _sink_task(name: str, value: SSAValue) -> TaskOp:
    """The task that takes the tokens of `value` and does nothing with them."""
    itensor = value.type
    assert isinstance(itensor, ITensorType)
    block = Block()

    def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        block.add_op(ITensorReadOp(value))
        return []

    build_nest(block, IndexConstants(block), loop_pairs(itensor.layout), [], body)
    block.add_op(YieldOp())
    return TaskOp(name, [], Region(block))


def _insert_before(ops: list[Operation], op: Operation) -> None:
    assert op.parent is not None
    op.parent.insert_ops_before(ops, op)


def _insert_after(ops: list[Operation], op: Operation) -> None:
    assert op.parent is not None
    op.parent.insert_ops_after(ops, op)
