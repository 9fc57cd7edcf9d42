# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of the pinned release of the IR framework that take a large part of the compile time, made faster.

Each gives the same results and the same errors as the one that it stands for; each has a test that compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xdsl.dialects.builtin import DenseArrayBase
from xdsl.ir import Operation
from xdsl.irdl import operations
from xdsl.irdl.operations import OpDef, VariadicDef, VarIRConstruct

from streamtensor.ir.walking import walk

_REPLACED = "_streamtensor_fast"


def _quick_counts() -> None:
    """The check that an operation has as many operands, results, regions and successors as declared.

    The framework goes through the declaration four times for each operation; here the number is kept for operations
    without variadic parts.
    """
    original = operations.verify_variadic_size
    counts: dict[tuple[int, VarIRConstruct], tuple[OpDef, int | None]] = {}

    def declared(op_def: OpDef, construct: VarIRConstruct) -> int | None:
        definitions = operations.get_construct_defs(op_def, construct)
        return None if any(isinstance(one, VariadicDef) for _, one in definitions) else len(definitions)

    def verify_variadic_size(op: Operation, op_def: OpDef, construct: VarIRConstruct) -> None:
        key = id(op_def), construct
        found = counts.get(key)
        if found is None:
            found = counts[key] = op_def, declared(op_def, construct)  # holds the definition: its id stays its own
        match construct:
            case VarIRConstruct.OPERAND:
                count = len(op.operands)
            case VarIRConstruct.RESULT:
                count = len(op.results)
            case VarIRConstruct.REGION:
                count = len(op.regions)
            case VarIRConstruct.SUCCESSOR:
                count = len(op.successors)
        if count != found[1]:
            original(op, op_def, construct)

    setattr(operations, "verify_variadic_size", verify_variadic_size)  # noqa: B010


def _keep_unpacked_arrays() -> None:
    """The numbers of a dense array, which are unpacked anew for each access to operands that come in segments."""
    original: Any = getattr(DenseArrayBase, "get_values")  # noqa: B009  # has no one type

    def get_values(self: Any) -> tuple[Any, ...]:
        kept = vars(self)  # the array itself never changes
        if _REPLACED not in kept:
            kept[_REPLACED] = original(self)
        return kept[_REPLACED]

    setattr(DenseArrayBase, "get_values", get_values)  # noqa: B010


def _walk_flat() -> None:
    """The walk over an operation and all inside of it, in the order of the text (`ir.walking`)."""
    original = Operation.walk

    def chosen(self: Operation, *, reverse: bool = False, region_first: bool = False) -> Iterator[Operation]:
        if reverse or region_first:
            return original(self, reverse=reverse, region_first=region_first)
        return walk(self)

    setattr(Operation, "walk", chosen)  # noqa: B010


def install() -> None:
    """Puts every replacement in place, once."""
    if not hasattr(operations, _REPLACED):
        setattr(operations, _REPLACED, True)
        _quick_counts()
        _keep_unpacked_arrays()
        _walk_flat()
