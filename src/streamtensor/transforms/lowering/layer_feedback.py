# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The way from a layer's result to the next layer's input on the device: the DMAs at both ends change sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamtensor.dialects.dataflow import (
    FEEDBACK,
    KernelOp,
    StreamCastOp,
    StreamOp,
    StreamReadOp,
    StreamWriteOp,
    TaskOp,
    task_around,
)
from streamtensor.dialects.dataflow.loops import bound_of, largest_loop
from streamtensor.ir import arith, memref, scf, vector
from streamtensor.ir.builtin import UnitAttr
from streamtensor.ir.core import Operation, Rewriter, SSAValue
from streamtensor.transforms.build import IndexConstants
from streamtensor.transforms.lowering.addresses import Access, Kind, accesses, loops_around
from streamtensor.transforms.lowering.layer_loops import empty_loop, loop_body
from streamtensor.transforms.lowering.layer_runs import NotInOneLaunchError

_MARK = "mark"


def feed_back(kernel: KernelOp, inputs: Sequence[SSAValue], results: Sequence[SSAValue], count: int) -> set[TaskOp]:
    """load { x = inputs[i] }, store { results[i] = y }  -->
    load { x = inputs[i]; count - 1 times: x = read feedback }, store { count - 1 times: write y; results[i] = y }

    `inputs` and `results` are the arguments of the kernel's body that are views of one tensor that goes from layer to
    layer. A select task is the DMA of the first layer's input and then a reader of the feedback FIFO; a route task
    writes the feedback FIFO and then, in the last layer, is the DMA of the result. Both do so in loops of their own,
    so that nothing depends on a condition. Returns these tasks, which repeat themselves.

    Right because both DMAs go through the tensor in the same order, so the FIFO holds what the memory held. Raises
    NotInOneLaunchError where they do not.
    """
    loads = _ends(kernel, inputs, "read")
    stores = _ends(kernel, results, "write")
    if len(stores) != 1:
        raise NotInOneLaunchError(f"{len(stores)} tasks write the result of a layer; one task can hand it on")
    (route, store), *_ = stores.items()
    names = {op.sym_name.data for op in kernel.body.block.ops if isinstance(op, StreamOp)}
    written: list[SSAValue] = []
    for select, load in loads.items():
        _check_order(load, store)
        name = f"{route.task_name}_to_{select.task_name}"
        while name in names:
            name += "_next"
        names.add(name)
        stream = StreamOp(name, _stored(store).type, 1)
        stream.attributes[FEEDBACK] = UnitAttr()
        first = kernel.body.block.first_op
        assert first is not None
        kernel.body.block.insert_op_before(stream, first)
        written.append(stream.result)
        _add_rounds(select, load, count - 1, ahead=False, rewrite=_reader(stream))
    _add_rounds(route, store, count - 1, ahead=True, rewrite=_writer(written))
    return {route, *loads}


def _reader(stream: StreamOp) -> Callable[[Operation], None]:
    def rewrite(load: Operation) -> None:
        token, source = load.results[0], stream.result
        if token.type != stream.result.type.element:
            cast = StreamCastOp(source, token.type)
            parent = stream.parent
            assert parent is not None
            parent.insert_op_after(cast, stream)
            source = cast.result
        Rewriter.replace_op(load, StreamReadOp(source))

    return rewrite


def _writer(streams: Sequence[SSAValue]) -> Callable[[Operation], None]:
    def rewrite(store: Operation) -> None:
        Rewriter.replace_op(store, [StreamWriteOp(_stored(store), stream) for stream in streams], [])

    return rewrite


def _stored(store: Operation) -> SSAValue:
    """What a store puts into memory."""
    assert isinstance(store, memref.StoreOp | vector.TransferWriteOp)
    return store.value if isinstance(store, memref.StoreOp) else store.vector


def _ends(kernel: KernelOp, arguments: Sequence[SSAValue], kind: Kind) -> dict[TaskOp, Operation]:
    """The DMAs of what goes from layer to layer: for each task its only access to external memory.

    Raises NotInOneLaunchError where a task is no plain DMA of it.
    """
    found: dict[TaskOp, Operation] = {}
    for task in [op for op in kernel.body.block.ops if isinstance(op, TaskOp)]:
        touched = [access for op in task.walk() for access in accesses(op) if access.buffer in kernel.body.block.args]
        if not any(access.buffer in arguments for access in touched):
            continue
        if len(touched) != 1 or touched[0].kind != kind:
            raise NotInOneLaunchError(f"task {task.task_name} does more than move what goes from layer to layer")
        found[task] = touched[0].op
    return found


def _add_rounds(
    task: TaskOp, access: Operation, rounds: int, *, ahead: bool, rewrite: Callable[[Operation], None]
) -> None:
    """Puts `rounds` times what a task does before (`ahead`) or behind it, with its access rewritten."""
    access.attributes[_MARK] = UnitAttr()
    ops = loop_body(task)
    block = task.body.block
    loop, _, inside = empty_loop(IndexConstants(block), rounds)
    mapping: dict[SSAValue, SSAValue] = {}
    for op in ops:
        inside.add_op(op.clone(mapping))
    inside.add_op(scf.YieldOp())
    last = block.last_op
    assert last is not None
    block.insert_op_before(loop, ops[0] if ahead else last)
    rewrite(next(op for op in loop.walk() if _MARK in op.attributes))
    _erase_unused(loop)
    del access.attributes[_MARK]


def _erase_unused(loop: scf.ForOp) -> None:
    """Removes indices that nobody uses any more."""
    for op in reversed(list(loop.walk())):
        if isinstance(op, arith.AddiOp | arith.MuliOp | arith.DivSIOp) and not any(op.result.uses):
            Rewriter.erase_op(op)


def _check_order(load: Operation, store: Operation) -> None:
    """Raises NotInOneLaunchError unless a load and a store go through their buffers in the same order."""
    read, written = accesses(load)[0], accesses(store)[0]
    orders = _order(read), _order(written)
    if None in orders or orders[0] != orders[1]:
        tasks = [task_around(op) for op in (load, store)]
        names = " and ".join(task.task_name for task in tasks if task is not None)
        raise NotInOneLaunchError(
            f"tasks {names} go through the layer's input and its result in different orders, or in other words"
        )


_Digit = tuple[int, int, SSAValue | None]
"""(iterations, distance in the buffer, run-time bound) of a loop."""


def _order(access: Access) -> tuple[int, tuple[_Digit, ...], tuple[_Digit, ...]] | None:
    """The places that an access touches in the order of time: the first one, the loops, outermost first, and the lanes.
    Loops that go on where the inner one ends are one.
    """
    if access.address is None:
        return None
    strides = {term.loop: term.stride for term in access.address.terms if term.loop is not None}
    loops: list[_Digit] = []
    for loop in reversed(loops_around(access.op)):
        bound = bound_of(loop)
        loops.append((largest_loop(loop).tripcount, strides.get(loop, 0), bound[0] if bound is not None else None))
    lanes = [(term.trips, term.stride, None) for term in access.address.terms if term.loop is None]
    lanes.sort(key=lambda digit: -digit[1])
    return access.address.offset, _joined(loops), _joined(lanes)


def _joined(digits: Sequence[_Digit]) -> tuple[_Digit, ...]:
    joined: list[_Digit] = []
    for trips, stride, bound in digits:
        if trips == 1 and bound is None:
            continue
        if joined and bound is None and joined[-1][1] == stride * trips:
            outer = joined.pop()
            joined.append((outer[0] * trips, stride, outer[2]))
        else:
            joined.append((trips, stride, bound))
    return tuple(joined)
