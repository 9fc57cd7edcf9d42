# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bound-context-loops: loops over a context end where the context does."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from streamtensor.dialects.dataflow import BoundOp, KernelOp, TaskOp, task_around
from streamtensor.dialects.dataflow.loops import MOST, loop_of
from streamtensor.ir import arith, func, scf
from streamtensor.ir.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IndexType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    i64,
)
from streamtensor.ir.core import Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.transforms.build import IndexConstants
from streamtensor.transforms.lowering.bounded_loops import Bound, BoundedLoops, rows_of
from streamtensor.transforms.lowering.external_memory import BOUND, ExternalMemory

NAME = "dataflow.name"
UNBOUNDED = "dataflow.unbounded"
"""Attribute of `main`: for each input that was meant to bound loops but does not, why."""


@dataclass(frozen=True)
class BoundContextLoopsPass(ModulePass):
    """main(cache {dataflow.bound = {of = "position", dim = 0}}) { kernel(cache) { for i to 384 step 16 } }  -->
    main(cache) { n = bound position tile 16 most 24; kernel(cache, n) { for i to n * 16 step 16 } }

    The loops over the rows of what is marked, and all that have to end with them (`bounded_loops`), end at the tile in
    which the position lies. One bound serves a whole program: its tile is the least common multiple of the rows of
    one iteration of all these loops.

    Right because what is skipped has no effect: the mark says that the rows behind the position change no result. In an
    attention that is what the mask does: their scores are so small that their weights are exactly 0, which changes no
    sum, and they are no maximum. Where the loops do not fit together nothing is bounded, and
    `dataflow.unbounded` of main says why.
    """

    name = "bound-context-loops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        main = next((f for f in op.ops if isinstance(f, func.FuncOp) and f.sym_name.data == "main"), None)
        if main is None or not _is_marked(main):
            return
        found = BoundedLoops(op, ExternalMemory(op))
        reasons = dict(found.reasons)
        for bound in dict.fromkeys(found.loops.values()):
            loops = [loop for loop, mine in found.loops.items() if mine == bound]
            tile = lcm(*(rows_of(loop, bound).numerator for loop in loops))
            if bound.rows % tile or bound.rows == tile:
                reasons[bound.of] = f"its {bound.rows} rows are not several tiles of {tile}"
                continue
            _rewrite(op, main, bound, tile, loops)
        if reasons:
            main.attributes[UNBOUNDED] = DictionaryAttr({name: StringAttr(text) for name, text in reasons.items()})


def _rewrite(module: ModuleOp, main: func.FuncOp, bound: Bound, tile: int, loops: list[scf.ForOp]) -> None:
    """Puts the bound into main, hands it to the kernels of `loops`, and ends the loops there."""
    kernels: dict[KernelOp, list[scf.ForOp]] = {}
    for loop in loops:
        kernel = _kernel_around(loop)
        kernels.setdefault(kernel, []).append(loop)
    functions: dict[func.FuncOp, list[KernelOp]] = {}
    for kernel in kernels:
        function = kernel.parent_op()
        assert isinstance(function, func.FuncOp)
        functions.setdefault(function, []).append(kernel)
    start = BoundOp(_position(main, bound.of), tile, bound.rows // tile)
    start.result.name_hint = f"{bound.of}_tiles"
    first = main.body.block.first_op
    assert first is not None
    main.body.block.insert_op_before(start, first)
    for function, mine in functions.items():
        tiles = _add_argument(function, bound.of)
        for call in [c for c in main.walk() if isinstance(c, func.CallOp)]:
            if call.callee.string_value() == function.sym_name.data:
                Rewriter.replace_op(call, _with_operand(call, start.result))
        for kernel in mine:
            inside = _add_scalar(kernel, tiles)
            ends: dict[tuple[TaskOp, int], SSAValue] = {}
            for loop in kernels[kernel]:
                static = loop_of(loop)
                per_tile = tile / rows_of(loop, bound) * static.step
                assert per_tile.denominator == 1
                key = _task_around(loop), per_tile.numerator
                if key not in ends:
                    ends[key] = _scaled(*key, inside)
                loop.operands = [loop.lb, ends[key], *list(loop.operands)[2:]]
                loop.attributes[MOST] = IntegerAttr(static.tripcount, i64)


def _scaled(task: TaskOp, factor: int, tiles: SSAValue) -> SSAValue:
    """`tiles` times `factor`, behind the constants at the start of a task."""
    if factor == 1:
        return tiles
    block = task.body.block
    product = arith.MuliOp(tiles, IndexConstants(block)[factor])
    block.insert_op_before(product, next(op for op in block.ops if not isinstance(op, arith.ConstantOp)))
    return product.result


def _is_marked(main: func.FuncOp) -> bool:
    return main.arg_attrs is not None and any(BOUND in mine.data for mine in main.arg_attrs)


def _kernel_around(op: Operation) -> KernelOp:
    kernel = _task_around(op).parent_op()
    assert isinstance(kernel, KernelOp)
    return kernel


def _task_around(op: Operation) -> TaskOp:
    task = task_around(op)
    assert task is not None
    return task


def _position(main: func.FuncOp, name: str) -> SSAValue:
    """The input of main that is called `name`."""
    attributes = main.arg_attrs
    assert attributes is not None
    return next(
        argument
        for argument, mine in zip(main.body.block.args, attributes, strict=True)
        if mine.data.get(NAME) == StringAttr(name)
    )


def _add_argument(function: func.FuncOp, name: str) -> SSAValue:
    """A last argument of a function, an index."""
    block = function.body.block
    argument = block.insert_arg(IndexType(), len(block.args))
    argument.name_hint = f"{name}_tiles"
    function.function_type = FunctionType.from_lists([value.type for value in block.args], [])
    if function.arg_attrs is not None:
        function.arg_attrs = ArrayAttr([*function.arg_attrs, DictionaryAttr({})])
    return argument


def _with_operand(call: func.CallOp, value: SSAValue) -> func.CallOp:
    made = func.CallOp(call.callee, [*call.arguments, value], [])
    made.attributes = dict(call.attributes)
    return made


def _add_scalar(kernel: KernelOp, value: SSAValue) -> SSAValue:
    """One more scalar among what a kernel reads; gives what it is inside."""
    inside = kernel.body.block.insert_arg(value.type, len(kernel.ins))
    inside.name_hint = value.name_hint
    made = KernelOp(kernel.kernel_name, [*kernel.ins, value], list(kernel.outs), kernel.detach_region(kernel.body))
    made.attributes = dict(kernel.attributes)
    parent = kernel.parent
    assert parent is not None
    parent.insert_op_before(made, kernel)
    kernel.detach()
    kernel.erase()
    return inside
