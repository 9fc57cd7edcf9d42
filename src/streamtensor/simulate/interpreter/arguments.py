# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The arguments of a function: checked, taken by position or by name, allocated for results, or random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamtensor.diagnostics import InternalError, UserError
from streamtensor.ir import func
from streamtensor.ir.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr
from streamtensor.ir.core import Attribute
from streamtensor.simulate.interpreter.types import Array, dtype_of, is_float, is_shaped, storage_shape, unwritten

_NAMES = ("dataflow.name", "dataflow.param")
_RESULT = "dataflow.result"
_BOUND = "dataflow.bound"
_INTEGERS_BELOW = 8  # random integers may be indices of small tables


@dataclass(frozen=True)
class Argument:
    """One argument of a function: its type, its name ("" when it has none), and whether it takes a result."""

    kind: Attribute
    name: str
    is_result: bool


def function_of(module: ModuleOp, name: str) -> func.FuncOp:
    """The function `name` of the module; raises InternalError when there is none."""
    for op in module.ops:
        if isinstance(op, func.FuncOp) and op.sym_name.data == name:
            return op
    raise InternalError(f"the module has no function {name}")


def arguments_of(function: func.FuncOp) -> tuple[Argument, ...]:
    """The arguments of a function, with what its argument attributes say."""
    kinds = list(function.function_type.inputs)
    attributes: list[DictionaryAttr] = list(function.arg_attrs or [DictionaryAttr({})] * len(kinds))
    found: list[Argument] = []
    for kind, dictionary in zip(kinds, attributes, strict=True):
        names = [value.data for key in _NAMES if isinstance(value := dictionary.data.get(key), StringAttr)]
        found.append(Argument(kind, names[0] if names else "", _RESULT in dictionary.data))
    return tuple(found)


def bind(arguments: Sequence[Argument], inputs: Sequence[Array] | Mapping[str, Array]) -> list[Any]:
    """The values of all arguments: the given inputs, and new storage for those that take a result.

    Raises UserError ST0108 when the inputs do not fit in number, name, shape or element type.
    """
    wanted = [argument for argument in arguments if not argument.is_result]
    if isinstance(inputs, Mapping):
        missing = [argument.name for argument in wanted if argument.name not in inputs]
        if missing:
            names = ", ".join(inputs)
            raise UserError("ST0108", f"there is no input {missing[0]!r} among those that were given: {names}")
        given = [inputs[argument.name] for argument in wanted]
    else:
        given = list(inputs)
        if len(given) != len(wanted):
            raise UserError("ST0108", f"the function has {len(wanted)} inputs, but {len(given)} were given")
    pairs = enumerate(zip(wanted, given, strict=True))
    values = iter(_checked(argument, number, value) for number, (argument, value) in pairs)
    return [
        unwritten(storage_shape(argument.kind), dtype_of(argument.kind)) if argument.is_result else next(values)
        for argument in arguments
    ]


def _checked(argument: Argument, number: int, value: Any) -> Any:
    """An input as the function takes it; arrays can't be written through it."""
    dtype, array = dtype_of(argument.kind), np.asarray(value)
    shape = storage_shape(argument.kind) if is_shaped(argument.kind) else ()
    if array.shape != shape or array.dtype != dtype:
        name = argument.name or str(number)
        raise UserError(
            "ST0108",
            f"input {name} is {list(shape)} of {dtype}, but {list(array.shape)} of {array.dtype} was given",
        )
    if not is_shaped(argument.kind):
        return array.item() if argument.kind.name == "index" else array[()]
    array = np.require(array, requirements="C").view()
    array.flags.writeable = False
    return array


def random_inputs(module: ModuleOp, function: str = "main", seed: int = 0) -> list[Array]:
    """Inputs for `function`, the same for the same seed: floats uniform in [-1, 1], integers in [0, 8), any booleans.

    An input that bounds rows (`dataflow.bound`) says that all of them count: with random masks and tables all of them
    do. They stand in the order of the arguments, without those that take results. Raises InternalError when there is
    no such function.
    """
    generator = np.random.default_rng(seed)
    arrays: list[Array] = []
    found = function_of(module, function)
    last = _last_rows(found)
    for argument in arguments_of(found):
        if argument.is_result:
            continue
        if argument.name in last:
            arrays.append(np.full(storage_shape(argument.kind), last[argument.name], dtype_of(argument.kind)))
            continue
        shape = storage_shape(argument.kind) if is_shaped(argument.kind) else ()
        dtype = dtype_of(argument.kind)
        if is_float(argument.kind):
            arrays.append(np.asarray(generator.uniform(-1, 1, shape)).astype(dtype))
        else:
            below = 2 if dtype.kind == "b" else _INTEGERS_BELOW
            arrays.append(np.asarray(generator.integers(0, below, shape)).astype(dtype))
    return arrays


def _last_rows(function: func.FuncOp) -> dict[str, int]:
    """The last row of what each input bounds, by the input's name."""
    inputs = list(function.function_type.inputs)
    kinds = [*inputs, *function.function_type.outputs]
    attributes = [*(function.arg_attrs or [DictionaryAttr({})] * len(inputs)), *(function.res_attrs or ())]
    last: dict[str, int] = {}
    for kind, mine in zip(kinds, attributes, strict=False):
        bound = mine.data.get(_BOUND)
        if isinstance(bound, DictionaryAttr):
            of, dim = bound.data["of"], bound.data["dim"]
            assert isinstance(of, StringAttr)
            assert isinstance(dim, IntegerAttr)
            last[of.data] = storage_shape(kind)[dim.value.data] - 1
    return last
