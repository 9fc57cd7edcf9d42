# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert-linalg-to-loops: linalg operations on buffers become loops."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.dialects.dataflow import TaskOp
from streamtensor.ir import func, linalg, memref
from streamtensor.ir.builtin import MemRefType, ModuleOp
from streamtensor.ir.core import Block, Context, ModulePass, Operation, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import IndexConstants, affine_index, build_nest, linear_map


@dataclass(frozen=True)
class ConvertLinalgToLoopsPass(ModulePass):
    """generic(a, b) -> c  -->  for reductions { for parallel { c[..] = body(a[..], b[..], c[..]) } }

    Reductions are outermost and parallel loops innermost, so that one element of the accumulator is touched
    again only after all the others: the innermost loop then starts an iteration every cycle (design document
    spaces.md). Right because each element still sees its reduction iterations in their order.
    """

    name = "convert-linalg-to-loops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for generic in [g for g in op.walk() if isinstance(g, linalg.GenericOp)]:
            _convert(generic)


def _convert(generic: linalg.GenericOp) -> None:
    maps = [linear_map(map.data) for map in generic.indexing_maps]
    parallel = [t.data == linalg.IteratorType.PARALLEL for t in generic.iterator_types]
    order = [n for n, p in enumerate(parallel) if not p] + [n for n, p in enumerate(parallel) if p]
    extents: dict[int, int] = {}
    operands = [*generic.inputs, *generic.outputs]
    for value, map in zip(operands, maps, strict=True):
        if isinstance(value.type, MemRefType):
            for size, expression in zip(value.type.get_shape(), map.results, strict=True):
                if expression.single_dim is not None:
                    extents[expression.single_dim] = size
    constants = IndexConstants(_home(generic))
    scratch = Block()
    body = generic.body.block

    def iteration(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        position = dict(zip(order, variables, strict=True))
        loops = [position[n] for n in range(len(order))]
        values: dict[SSAValue, SSAValue] = {}
        addresses: list[list[SSAValue]] = []
        for value, map, argument in zip(operands, maps, body.args, strict=True):
            if not isinstance(value.type, MemRefType):
                values[argument] = value
                addresses.append([])
                continue
            is_output = len(addresses) >= len(generic.inputs)
            used = bool(list(argument.uses))
            addresses.append(
                [affine_index(block, constants, e, loops) for e in map.results] if used or is_output else []
            )
            if used:
                load = memref.LoadOp.get(value, addresses[-1])
                block.add_op(load)
                values[argument] = load.res
        for op in body.ops:
            if isinstance(op, linalg.IndexOp):
                values[op.result] = loops[op.dim.value.data]
            elif isinstance(op, linalg.YieldOp):
                outputs = zip(op.operands, generic.outputs, addresses[len(generic.inputs) :], strict=True)
                for result, dest, address in outputs:
                    block.add_op(memref.StoreOp.get(values.get(result, result), dest, address))
            else:
                block.add_op(op.clone(values))
        return []

    build_nest(scratch, constants, [(extents[n], 1) for n in order], [], iteration)
    parent = generic.parent
    assert parent is not None
    made = list(scratch.ops)
    copy_location(generic, made)
    for op in made:
        op.detach()
        parent.insert_op_before(op, generic)
    Rewriter.erase_op(generic)


def _home(op: Operation) -> Block:
    """The block of the task or function around `op`, where constants stand."""
    current = op.parent_op()
    while not isinstance(current, TaskOp | func.FuncOp):
        assert current is not None
        current = current.parent_op()
    return current.body.block
