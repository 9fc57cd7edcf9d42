# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a function of the tensor IR with numpy, straight from the definition of each operation.

Independent of the compiler's own interpreter. Parallel loops are arrays, reduction loops are walked one index after
the other in loop order, so that additions happen in the order that the IR says: two functions that do the same
arithmetic in the same order give the same bits.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtensor.ir import arith, func, tensor
from streamtensor.ir.builtin import DenseIntOrFPElementsAttr, FloatAttr, IntegerAttr, TensorType
from streamtensor.ir.core import AffineExpr, Attribute, Operation, SSAValue
from streamtensor.ir.linalg import FillOp, GenericOp, IndexOp, IteratorType, YieldOp

Array = NDArray[Any]
Values = dict[SSAValue, Array]


def _wide(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The function in double precision, rounded once: the same bits wherever an element stands in an array."""
    return lambda x: function(x.astype(np.float64)).astype(x.dtype)


_UNARY: Mapping[str, Callable[[Array], Array]] = {
    "arith.negf": np.negative,
    "math.exp": _wide(np.exp),
    "math.tanh": _wide(np.tanh),
    "math.sqrt": _wide(np.sqrt),
    "math.rsqrt": _wide(lambda x: 1.0 / np.sqrt(x)),
    "math.erf": _wide(lambda x: np.vectorize(math.erf, otypes=[np.float64])(x)),
    "math.absf": np.abs,
}
_BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "arith.addf": np.add,
    "arith.subf": np.subtract,
    "arith.mulf": np.multiply,
    "arith.divf": np.divide,
    "arith.maximumf": np.maximum,
    "arith.minimumf": np.minimum,
    "arith.addi": np.add,
    "arith.subi": np.subtract,
    "arith.muli": np.multiply,
    "arith.andi": np.bitwise_and,
    "arith.ori": np.bitwise_or,
}
# by the number that the predicate attribute holds
_CMPI = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
_CMPF = {1: np.equal, 2: np.greater, 3: np.greater_equal, 4: np.less, 5: np.less_equal, 9: np.greater}
_CONVERSIONS = ("arith.index_cast", "arith.truncf", "arith.extf", "arith.sitofp", "arith.uitofp", "arith.extui")


def dtype_of(type_: Attribute) -> np.dtype[Any]:
    names = {"f32": "float32", "f64": "float64", "i1": "bool", "i32": "int32", "i64": "int64", "index": "int64"}
    return np.dtype(names[str(type_)])


def run(function: func.FuncOp, arguments: Sequence[Array]) -> list[Array]:
    """The results of `function`."""
    values: Values = dict(zip(function.body.block.args, arguments, strict=True))
    for op in function.body.block.ops:
        if isinstance(op, func.ReturnOp):
            return [values[operand] for operand in op.operands]
        _run_op(op, values)
    raise AssertionError("no return")


def random_arguments(function: func.FuncOp, seed: int = 0) -> list[Array]:
    """Arrays of the argument types: standard normal floats, integers 0 and 1."""
    rng = np.random.default_rng(seed)
    made: list[Array] = []
    for argument in function.body.block.args:
        assert isinstance(argument.type, TensorType)
        dtype = dtype_of(argument.type.get_element_type())
        shape = argument.type.get_shape()
        made.append(
            rng.integers(0, 2, shape).astype(dtype) if dtype.kind != "f" else rng.normal(size=shape).astype(dtype)
        )
    return made


def _run_op(op: Operation, values: Values) -> None:
    match op:
        case GenericOp():
            _run_generic(op, values)
        case FillOp():
            values[op.results[0]] = np.full(_shape(op.results[0]), values[op.inputs[0]], _dtype(op.results[0]))
        case tensor.EmptyOp():
            # an element that is read before it is written must not look like a number
            dtype = _dtype(op.tensor)
            values[op.tensor] = np.full(_shape(op.tensor), np.nan if dtype.kind == "f" else -77, dtype)
        case tensor.ExpandShapeOp() | tensor.CollapseShapeOp():
            values[op.results[0]] = values[op.src].reshape(_shape(op.results[0]))
        case tensor.ExtractSliceOp():
            bounds = zip(
                op.static_offsets.get_values(),
                op.static_sizes.get_values(),
                op.static_strides.get_values(),
                strict=True,
            )
            box = tuple(slice(start, start + (size - 1) * step + 1, step) for start, size, step in bounds)
            values[op.result] = values[op.source][box].reshape(_shape(op.result))
        case tensor.ConcatOp():
            values[op.result] = np.concatenate([values[part] for part in op.inputs], op.dim.value.data)
        case _:
            _run_scalar(op, values, ())


def _run_generic(op: GenericOp, values: Values) -> None:
    kinds = [kind.data for kind in op.iterator_types]
    extents = op.get_static_loop_ranges()
    maps = [attr.data for attr in op.indexing_maps]
    parallel = [i for i, kind in enumerate(kinds) if kind == IteratorType.PARALLEL]
    reductions = [i for i, kind in enumerate(kinds) if kind != IteratorType.PARALLEL]
    grid = np.indices([extents[i] for i in parallel])
    results = [values[out].copy() for out in op.outputs]
    for step in itertools.product(*(range(extents[i]) for i in reductions)):
        loops: list[Array] = [np.array(0)] * len(kinds)
        for place, loop in enumerate(parallel):
            loops[loop] = grid[place]
        for place, loop in enumerate(reductions):
            loops[loop] = np.full(grid.shape[1:], step[place])
        arrays = [values[value] for value in op.inputs] + results
        inner: Values = dict(values)
        for argument, array, indexing_map in zip(op.body.block.args, arrays, maps, strict=True):
            inner[argument] = array[tuple(_index(expr, loops) for expr in indexing_map.results)]
        for body_op in op.body.block.ops:
            if isinstance(body_op, YieldOp):
                for result, value, indexing_map in zip(results, body_op.operands, maps[len(op.inputs) :], strict=True):
                    result[tuple(_index(expr, loops) for expr in indexing_map.results)] = inner[value]
            else:
                _run_scalar(body_op, inner, loops)
    for result, array in zip(op.results, results, strict=True):
        values[result] = array


def _index(expr: AffineExpr, loops: Sequence[Array]) -> Any:
    return expr.eval(loops, ())  # type: ignore[arg-type]  # sums and products of arrays


def _run_scalar(op: Operation, values: Values, loops: Sequence[Array]) -> None:
    operands = [values[operand] for operand in op.operands]
    match op:
        case arith.ConstantOp():
            held = op.value
            if isinstance(held, DenseIntOrFPElementsAttr):
                value: Array = np.broadcast_to(np.array(held.get_values()[0]), _shape(op.result))
            else:
                assert isinstance(held, IntegerAttr | FloatAttr)
                value = np.array(held.value.data)
            result = value.astype(_dtype(op.result))
        case IndexOp():
            result = loops[op.dim.value.data]
        case arith.SelectOp():
            result = np.where(*operands)
        case arith.CmpiOp():
            result = _CMPI[op.predicate.value.data](*operands)
        case arith.CmpfOp():
            result = _CMPF[op.predicate.value.data](*operands)
        case tensor.ExtractOp():
            result = operands[0][tuple(operands[1:])]
        case _ if op.name in _CONVERSIONS:
            result = operands[0].astype(_dtype(op.results[0]))
        case _ if op.name in _UNARY:
            result = _UNARY[op.name](operands[0])
        case _ if op.name in _BINARY:
            result = _BINARY[op.name](*operands)
        case _ if op.name == "cf.assert":
            assert bool(np.all(operands[0]))
            return
        case _:
            raise NotImplementedError(op.name)
    values[op.results[0]] = np.asarray(result)


def _shape(value: SSAValue) -> tuple[int, ...]:
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def _dtype(value: SSAValue) -> np.dtype[Any]:
    type_ = value.type
    return dtype_of(type_.get_element_type() if isinstance(type_, TensorType) else type_)


def float_operations(function: func.FuncOp) -> dict[str, int]:
    """How often each floating point operation runs in one call of `function`, by name."""
    counts: dict[str, int] = {}
    for op in function.body.block.ops:
        if isinstance(op, GenericOp):
            runs = math.prod(op.get_static_loop_ranges())
            for inner in op.body.block.ops:
                computes = inner.name.startswith(("arith.", "math.")) and str(inner.result_types[0]).startswith("f")
                if computes and inner.name not in ("arith.constant", "arith.select"):
                    counts[inner.name] = counts.get(inner.name, 0) + runs
    return counts
