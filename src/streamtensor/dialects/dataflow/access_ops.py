# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads and writes of single tokens, whose loops are the iteration space of the itensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamtensor.algebra.token_order import TOKEN, LoopTree, counts_through
from streamtensor.dialects.dataflow.loops import loop_of
from streamtensor.dialects.dataflow.structure_ops import TaskOp, YieldOp, task_around
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.ir import scf
from streamtensor.ir.core import Block, BlockArgument, Operation, OpResult, SSAValue, Use, VerifyException
from streamtensor.ir.irdl import (
    IRDLOperation,
    VarConstraint,
    base,
    irdl_op_definition,
    operand_def,
    result_def,
)


@irdl_op_definition
class ITensorReadOp(IRDLOperation):
    """The next token of `source`. The loops around the read are the iteration space of the type.

    A task may read one itensor in several places: each takes a range of the iterations of one loop of the type, and
    the ranges follow each other.
    """

    name = "dataflow.itensor_read"

    source = operand_def(ITensorType)
    result = result_def()
    assembly_format = "$source attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue) -> None:
        assert isinstance(source.type, ITensorType)
        super().__init__(operands=[source], result_types=[source.type.element])

    def verify_(self) -> None:
        assert isinstance(self.source.type, ITensorType)
        _verify_token(self.result.type, self.source.type)
        reads = _reads_beside(self)
        trees = _trees([_loops_up(read, _block_of(self.source)) for read in reads])
        _verify_space(trees, self.source.type, "reads")


@irdl_op_definition
class ITensorWriteOp(IRDLOperation):
    """Appends the token `value` to `dest`; the result is the itensor with it, so that SSA order is stream order.

    A chain may go through several writes: each appends a range of the iterations of one loop of the type, and the
    ranges follow each other.
    """

    name = "dataflow.itensor_write"

    T: ClassVar = VarConstraint("T", base(ITensorType))

    value = operand_def()
    dest = operand_def(T)
    result = result_def(T)
    assembly_format = "$value `into` $dest attr-dict `:` type($value) `->` type($dest)"

    def __init__(self, value: SSAValue | Operation, dest: SSAValue) -> None:
        super().__init__(operands=[value, dest], result_types=[dest.type])

    def verify_(self) -> None:
        assert isinstance(self.dest.type, ITensorType)
        _verify_token(self.value.type, self.dest.type)
        trees, _ = _written(chain_start(self.dest))
        _verify_space(trees, self.dest.type, "writes")


def chain_start(value: SSAValue) -> SSAValue:
    """The itensor at which a chain of writes starts: the argument of the outermost task that carries it, or what is
    outside of tasks.
    """
    while True:
        owner = value.owner
        if isinstance(owner, ITensorWriteOp):
            value = owner.dest
        elif isinstance(value, BlockArgument):
            parent = value.block.parent_op()
            if isinstance(parent, scf.ForOp) and value.index > 0:
                value = parent.iter_args[value.index - 1]
            elif isinstance(parent, TaskOp) and task_around(parent) is not None:
                value = parent.inits[value.index]
            else:
                return value
        elif isinstance(value, OpResult) and isinstance(owner, scf.ForOp):
            value = owner.iter_args[value.index]
        elif isinstance(value, OpResult) and isinstance(owner, TaskOp) and task_around(owner) is not None:
            value = owner.inits[value.index]
        else:
            return value


def _verify_token(value: object, itensor: ITensorType) -> None:
    if value != itensor.element:
        raise VerifyException(f"the token is {value} but the itensor has elements of {itensor.element}")


def _verify_space(trees: Sequence[LoopTree], itensor: ITensorType, what: str) -> None:
    """The loops around all accesses of one task count through the iteration space."""
    layout = itensor.layout
    space = list(zip(layout.tripcounts, layout.steps, strict=True))
    if counts_through(trees, space, own_units=True):
        return
    paths = [_space(path) for tree in trees for path in _paths(tree)]
    end = f"iter_space {_space(space)} (loops of one iteration left out)"
    if len(paths) == 1:
        raise VerifyException(f"the loops around it are {paths[0]} but the itensor has {end}")
    listed = ", then ".join(paths)
    raise VerifyException(
        f"the loops around the {len(paths)} {what} of this itensor in its task, {listed}, are not consecutive ranges "
        f"of one loop of its {end}"
    )


def _paths(tree: LoopTree) -> list[list[tuple[int, int]]]:
    """The loops around each token of a tree, outermost first."""
    here = (tree.tripcount, tree.step)
    return [[here, *path] for inner in tree.body for path in _paths(inner)] if tree.body else [[here]]


def _space(loops: Sequence[tuple[int, int]]) -> str:
    kept = [(trips, step) for trips, step in loops if trips != 1]
    return f"{[trips for trips, _ in kept]} * {[step for _, step in kept]}"


# ---- reads


def _block_of(value: SSAValue) -> Block:
    """The block in which `value` is defined."""
    owner = value.owner
    block = owner if isinstance(owner, Block) else owner.parent
    assert block is not None
    return block


def _reads_beside(read: ITensorReadOp) -> list[ITensorReadOp]:
    """The reads of the same itensor in the same task, `read` among them."""
    if read.source.has_one_use():
        return [read]
    block = _block_of(read.source)
    mine = _child_of(read, block)
    reads = (use.operation for use in read.source.uses)
    return [op for op in reads if isinstance(op, ITensorReadOp) and _child_of(op, block) is mine]


def _child_of(op: Operation, block: Block) -> Operation:
    """The operation of `block` in which `op` stands, or `op` itself."""
    while op.parent is not block:
        parent = op.parent_op()
        if parent is None:
            raise VerifyException("reads an itensor that is defined elsewhere")
        op = parent
    return op


def _loops_up(op: Operation, block: Block) -> list[Operation]:
    """The loops around `op` inside `block` and `op` itself, outermost first."""
    found: list[Operation] = [op]
    while op.parent is not block:
        parent = op.parent_op()
        assert parent is not None
        if isinstance(parent, scf.ForOp):
            found.append(parent)
        elif not isinstance(parent, TaskOp):
            raise VerifyException(f"stands in {parent.name}; only loops and tasks stand around a read")
        op = parent
    return found[::-1]


def _trees(paths: Sequence[Sequence[Operation]]) -> tuple[LoopTree, ...]:
    """The loops of all paths as trees, in program order."""
    children: dict[Operation, list[Sequence[Operation]]] = {}
    for path in paths:
        children.setdefault(path[0], []).append(path[1:])
    ops = list(children)
    if len(ops) > 1:
        ops.sort(key=_position)
    return tuple(_tree(op, children[op]) for op in ops)


def _tree(op: Operation, inside: Sequence[Sequence[Operation]]) -> LoopTree:
    if not isinstance(op, scf.ForOp):
        return TOKEN
    loop = loop_of(op)
    return LoopTree(loop.tripcount, loop.step, _trees(inside))


def _position(op: Operation) -> tuple[int, ...]:
    """Where `op` stands in the program, comparable between operations of one function."""
    indices: list[int] = []
    current: Operation | None = op
    while current is not None and current.parent is not None:
        indices.append(current.parent.get_operation_index(current))
        current = current.parent_op()
    return tuple(reversed(indices))


# ---- writes


def _written(value: SSAValue) -> tuple[tuple[LoopTree, ...], Use | None]:
    """The writes of the chain that starts at `value`, as loops, and where the chain ends in its block."""
    trees: list[LoopTree] = []
    while True:
        use = _next(value)
        op = use.operation if use is not None else None
        if isinstance(op, ITensorWriteOp) and use is not None and use.index == 1:
            trees.append(TOKEN)
            value = op.result
        elif isinstance(op, scf.ForOp) and use is not None and use.index >= 3:
            number = use.index - 3
            inside = _carried(op.body.block.args[number + 1], number)
            if inside:
                loop = loop_of(op)
                trees.append(LoopTree(loop.tripcount, loop.step, inside))
            value = op.results[number]
        elif isinstance(op, TaskOp) and use is not None:
            trees += _carried(op.body.block.args[use.index], use.index)
            value = op.results_[use.index]
        else:
            return tuple(trees), use


def _carried(value: SSAValue, number: int) -> tuple[LoopTree, ...]:
    """The writes of the chain that enters a loop or task as `value`, and leaves it in the same place."""
    trees, end = _written(value)
    if end is not None and (not isinstance(end.operation, scf.YieldOp | YieldOp) or end.index != number):
        raise VerifyException("the chain of writes does not leave a loop or task where it entered")
    return trees


def _next(value: SSAValue) -> Use | None:
    """The use that carries a chain of writes on, or ends it in its block."""
    uses = list(value.uses)
    if len(uses) > 1 and any(_carries(use) for use in uses):
        raise VerifyException("the chain of writes branches: an itensor with writes is used in several places")
    return uses[0] if len(uses) == 1 else None


def _carries(use: Use) -> bool:
    return isinstance(use.operation, ITensorWriteOp | scf.ForOp | TaskOp)
