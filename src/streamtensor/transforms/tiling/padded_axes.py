# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which loops and tensor dimensions of a whole program are one axis, and which of these axes may be padded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from streamtensor.ir import func, linalg, tensor
from streamtensor.ir.builtin import DYNAMIC_INDEX, AffineMapAttr, ModuleOp, TensorType
from streamtensor.ir.core import Operation, SSAValue
from streamtensor.transforms.build import is_device, linear_map
from streamtensor.transforms.tiling.axes import Axes, Node, Sets, is_parallel, padding, shape_of

_AS_IT_IS = ("dataflow.cache", "dataflow.bound")
"""Marks of arguments and results of main whose shape others rely on: the rows of a KV cache."""


class PaddedAxes:
    """The axes of a program: as in `Axes`, and also through views, calls, and the values of `main`.

    An axis keeps its extent (`is_kept`) when something but a plain index meets it: a window, a constant, a gather, a
    view that splits, joins or cuts it, the dimension along which tensors are concatenated, an operation that is not
    known here, the batch of a contraction, a KV cache.
    """

    def __init__(self, module: ModuleOp) -> None:
        """Raises AffineError for an indexing map that is not linear."""
        self._axes = Sets()
        self._fixed: list[Node] = []
        self._functions = {
            f.sym_name.data: f for f in module.ops if isinstance(f, func.FuncOp) and not f.is_declaration
        }
        self.devices = [f for f in self._functions.values() if is_device(f)]
        self.main = self._functions.get("main")
        self.inside = {function: Axes(function) for function in self.devices}
        self._calls = [op for op in module.walk() if isinstance(op, func.CallOp)]
        for function in self.devices:
            for op in function.body.block.ops:
                self._operation(op)
            self._fix_roles(function)
            self._fix_interface(function)
        if self.main is not None:
            self._program(self.main)
        self._keep = {self._axes.find(node) for node in self._fixed}

    def axis(self, node: Node) -> Hashable:
        """What stands for the axis of a loop or dimension."""
        return self._axes.find(node)

    def is_kept(self, axis: Hashable) -> bool:
        """Whether an axis has to keep its extent."""
        return axis in self._keep

    def callee(self, call: func.CallOp) -> func.FuncOp:
        """The function that is called."""
        return self._functions[call.callee.string_value()]

    def _fix(self, *values: SSAValue) -> None:
        for value in values:
            if isinstance(value.type, TensorType):
                self._fixed += [(value, dim) for dim in range(len(shape_of(value)))]

    def _fix_roles(self, function: func.FuncOp) -> None:
        axes = self.inside[function]
        for generic in axes.generics:
            for loop in range(len(generic.iterator_types)):
                node = (generic, loop)
                if axes.role(node) != "plain" or axes.is_contraction_batch(node):
                    self._fixed.append(node)

    def _fix_interface(self, function: func.FuncOp) -> None:
        """A function that main does not call, or that something else calls, keeps its type."""
        calls = [call for call in self._calls if call.callee.string_value() == function.sym_name.data]
        if not calls or any(call.parent_op() is not self.main for call in calls):
            self._fix(*function.body.block.args, *_returned(function))

    def _operation(self, op: Operation) -> None:
        match op:
            case linalg.GenericOp():
                self._generic(op)
            case tensor.ExpandShapeOp() | tensor.CollapseShapeOp():
                self._reshape(op)
            case tensor.ExtractSliceOp():
                self._slice(op)
            case tensor.PadOp():
                for dim, (low, high) in enumerate(padding(op)):
                    self._join_or_fix((op.source, dim), (op.result, dim), not low and not high)
            case tensor.ConcatOp():
                for value in op.inputs:
                    for dim in range(len(shape_of(op.result))):
                        self._join_or_fix((value, dim), (op.result, dim), dim != op.dim.value.data)
            case tensor.EmptyOp() | func.ReturnOp():
                pass
            case _:
                self._fix(*op.operands, *op.results)

    def _join_or_fix(self, a: Node, b: Node, same: bool) -> None:
        if same:
            self._axes.join(a, b)
        else:
            self._fixed += [a, b]

    def _generic(self, generic: linalg.GenericOp) -> None:
        loops = range(len(generic.iterator_types))
        outs = [
            (out, map) for out, map in zip(generic.outputs, _result_maps(generic), strict=True) if not _is_empty(out)
        ]
        values = [*zip(generic.inputs, generic.indexing_maps, strict=False)]
        values += [*zip(generic.results, _result_maps(generic), strict=True), *outs]
        for value, map in values:
            if not isinstance(value.type, TensorType):
                continue
            for dim, expression in enumerate(linear_map(map.data).results):
                if expression.single_dim is not None:
                    self._axes.join((generic, expression.single_dim), (value, dim))
                else:
                    self._fixed += [(value, dim), *((generic, loop) for loop in expression.used_dims)]
        gathers = any(isinstance(value.type, TensorType) for op in generic.body.block.ops for value in op.operands)
        accumulates = len(outs) and any(not is_parallel(generic, loop) for loop in loops)
        if gathers or accumulates:
            self._fixed += [(generic, loop) for loop in loops]

    def _reshape(self, op: tensor.ExpandShapeOp | tensor.CollapseShapeOp) -> None:
        """Joins a dimension with the one in its run that has the same extent, where all others there are 1."""
        short, long = (op.src, op.result) if isinstance(op, tensor.ExpandShapeOp) else (op.result, op.src)
        sizes, parts = shape_of(short), shape_of(long)
        for dim, run in enumerate(op.reassociation):
            mine = [int(index.value.data) for index in run]
            same = [d for d in mine if parts[d] == sizes[dim]]
            if same and sizes[dim] != 1:
                self._axes.join((short, dim), (long, same[0]))
            else:
                self._fixed += [(short, dim), *((long, d) for d in mine)]

    def _slice(self, op: tensor.ExtractSliceOp) -> None:
        starts, sizes, steps = (
            [int(n) for n in array.get_values()]  # pyright: ignore[reportUnknownMemberType]
            for array in (op.static_offsets, op.static_sizes, op.static_strides)
        )
        shape = shape_of(op.source)
        if len(shape) != len(shape_of(op.result)) or DYNAMIC_INDEX in (*starts, *sizes, *steps):
            self._fix(op.source, op.result)
            return
        for dim, extent in enumerate(shape):
            whole = (starts[dim], sizes[dim], steps[dim]) == (0, extent, 1)
            self._join_or_fix((op.source, dim), (op.result, dim), whole)

    def _program(self, main: func.FuncOp) -> None:
        for op in main.body.block.ops:
            if isinstance(op, func.CallOp) and op.callee.string_value() in self._functions:
                callee = self._functions.get(op.callee.string_value())
                if callee in self.inside:
                    assert callee is not None
                    self._join_all(op.arguments, callee.body.block.args)
                    self._join_all(op.results, _returned(callee))
            elif not isinstance(op, func.ReturnOp):
                self._fix(*op.operands, *op.results)
        for value, marks in (
            *zip(main.body.block.args, main.arg_attrs or (), strict=False),
            *zip(_returned(main), main.res_attrs or (), strict=False),
        ):
            if any(mark in marks.data for mark in _AS_IT_IS):
                self._fix(value)

    def _join_all(self, outside: Sequence[SSAValue], inside: Sequence[SSAValue]) -> None:
        for a, b in zip(outside, inside, strict=True):
            if isinstance(a.type, TensorType):
                for dim in range(len(shape_of(a))):
                    self._axes.join((a, dim), (b, dim))


def _returned(function: func.FuncOp) -> tuple[SSAValue, ...]:
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    return tuple(last.arguments)


def _result_maps(generic: linalg.GenericOp) -> Sequence[AffineMapAttr]:
    return generic.indexing_maps.data[len(generic.inputs) :]


def _is_empty(value: SSAValue) -> bool:
    return isinstance(value.owner, tensor.EmptyOp)
