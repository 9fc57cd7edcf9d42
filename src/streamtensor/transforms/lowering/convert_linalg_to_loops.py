# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert-linalg-to-loops: linalg operations on buffers become loops."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import TaskOp
from streamtensor.ir import func, linalg, memref, scf
from streamtensor.ir.builtin import MemRefType, ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, affine_index, build_nest, linear_map, splice
from streamtensor.transforms.tiling.kernel_choices import LANES, carry


@dataclass(frozen=True)
class ConvertLinalgToLoopsPass(ModulePass):
    """generic(a, b) -> c  -->  for reductions { for parallel { c[..] = body(a[..], b[..], c[..]) } }

    Reductions are outermost and parallel loops innermost, so that one element of the accumulator is touched
    again only after all the others: the innermost loop then starts an iteration every cycle (design document
    spaces.md). Right because each element still sees its reduction iterations in their order. What was chosen for the
    operation (`dataflow.lanes`) stands on the outermost of its loops.
    """

    name = "convert-linalg-to-loops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for generic in [g for g in op.walk() if isinstance(g, linalg.GenericOp)]:
            _convert(generic)


def _convert(generic: linalg.GenericOp) -> None:
    parallel = [t.data == linalg.IteratorType.PARALLEL for t in generic.iterator_types]
    order = [n for n, p in enumerate(parallel) if not p] + [n for n, p in enumerate(parallel) if p]
    extents = _extents(generic)
    constants = IndexConstants(_home(generic))
    scratch = Block()

    def iteration(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        position = dict(zip(order, variables, strict=True))
        _iteration(generic, block, constants, [position[n] for n in range(len(order))])
        return []

    build_nest(scratch, constants, [(extents[n], 1) for n in order], [], iteration)
    made = splice(scratch, generic)
    copy_location(generic, made)
    carry(generic, [op for op in made if isinstance(op, scf.ForOp)], (LANES,))
    inputs = list(generic.inputs)
    Rewriter.erase_op(generic)
    for value in inputs:
        if isinstance(value.owner, memref.AllocOp) and not value.uses:
            Rewriter.erase_op(value.owner)  # it only said how many iterations there are


def _iteration(generic: linalg.GenericOp, block: Block, constants: IndexConstants, loops: list[SSAValue]) -> None:
    """Appends one iteration of `generic` to `block`: loads, the body, stores. `loops` are the loop variables."""
    values: dict[SSAValue, SSAValue] = {}
    addresses: list[list[SSAValue]] = []  # of each output
    operands = [*generic.inputs, *generic.outputs]
    body = generic.body.block
    for number, (value, map, argument) in enumerate(zip(operands, generic.indexing_maps, body.args, strict=True)):
        if not isinstance(value.type, MemRefType):
            values[argument] = value
            continue
        is_output = number >= len(generic.inputs)
        used = bool(argument.uses)
        if not used and not is_output:
            continue
        address = [affine_index(block, constants, e, loops) for e in linear_map(map.data).results]
        if is_output:
            addresses.append(address)
        if used:
            load = memref.LoadOp.get(value, address)
            block.add_op(load)
            values[argument] = load.res
    for op in body.ops:
        if isinstance(op, linalg.IndexOp):
            values[op.result] = loops[op.dim.value.data]
        elif isinstance(op, linalg.YieldOp):
            for result, dest, address in zip(op.operands, generic.outputs, addresses, strict=True):
                block.add_op(memref.StoreOp.get(values.get(result, result), dest, address))
        else:
            block.add_op(op.clone(values))


def _extents(generic: linalg.GenericOp) -> dict[int, int]:
    """The iterations of each loop, from the shapes of the buffers."""
    extents: dict[int, int] = {}
    for value, map in zip([*generic.inputs, *generic.outputs], generic.indexing_maps, strict=True):
        if isinstance(value.type, MemRefType):
            for size, expression in zip(value.type.get_shape(), linear_map(map.data).results, strict=True):
                if expression.single_dim is not None:
                    extents[expression.single_dim] = size
    return extents


def _home(op: Operation) -> Block:
    """The block of the task or function around `op`, where constants stand."""
    current = op.parent_op()
    while not isinstance(current, TaskOp | func.FuncOp):
        assert current is not None
        current = current.parent_op()
    return current.body.block
