# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Between which numbers an integer value lies, from the operations that make it."""

from __future__ import annotations

from streamtensor.ir import arith
from streamtensor.ir.builtin import IntegerAttr, IntegerType, VectorType
from streamtensor.ir.core import Attribute, Operation, SSAValue

Range = tuple[int, int]
"""The least and the largest number, both possible as far as is known."""


def signed_bits(value: SSAValue) -> int | None:
    """The bits of the narrowest two's complement number that holds `value`; None for what is no integer."""
    found = value_range(value, {})
    return None if found is None else max((x if x >= 0 else ~x).bit_length() + 1 for x in found)


def value_range(value: SSAValue, known: dict[SSAValue, Range]) -> Range | None:
    """The range of an integer (of each lane of a vector), read as signed; None for other types.

    Interval arithmetic backwards through the operations of `arith`, up to what is loaded, read from a stream or carried
    by a loop, which may have every number of its type. A result that might not fit into its type may have all of them
    as well, since it wraps. `known` keeps what was found.
    """
    width = _width(value.type)
    if width is None:
        return None
    if value not in known:
        whole = (-(1 << (width - 1)), (1 << (width - 1)) - 1)
        found = _made(value.owner, known) if isinstance(value.owner, Operation) else None
        known[value] = whole if found is None or found[0] < whole[0] or found[1] > whole[1] else found
    return known[value]


def _width(type: Attribute) -> int | None:
    scalar = type.element_type if isinstance(type, VectorType) else type
    return scalar.width.data if isinstance(scalar, IntegerType) else None


def _made(op: Operation, known: dict[SSAValue, Range]) -> Range | None:
    """The range of the first result of `op` if its type were wide enough; None when nothing is known."""
    if isinstance(op, arith.ConstantOp):
        return (op.value.value.data, op.value.value.data) if isinstance(op.value, IntegerAttr) else None
    if isinstance(op, arith.SelectOp):
        return _hull(value_range(op.lhs, known), value_range(op.rhs, known))
    ranges = [value_range(operand, known) for operand in op.operands]
    if None in ranges or not ranges:
        return None
    a, b = [one for one in (ranges[0], ranges[-1]) if one is not None]
    match op.name:
        case "arith.extsi" | "arith.trunci":
            return a
        case "arith.extui":
            return a if a[0] >= 0 else _unsigned(op.operands[0].type)
        case "arith.addi":
            return a[0] + b[0], a[1] + b[1]
        case "arith.subi":
            return a[0] - b[1], a[1] - b[0]
        case "arith.muli":
            same = op.operands[0] is op.operands[1]
            corners = [x * y for x in a for y in (b if not same else (x,))]
            return (0 if same and a[0] <= 0 <= a[1] else min(corners)), max(corners)
        case "arith.maxsi":
            return max(a[0], b[0]), max(a[1], b[1])
        case "arith.minsi":
            return min(a[0], b[0]), min(a[1], b[1])
        case "arith.shli" if b[0] >= 0 and b[1] < 64:
            return min(x << y for x in a for y in b), max(x << y for x in a for y in b)
        case "arith.shrsi" if b[0] >= 0:
            return min(x >> y for x in a for y in b), max(x >> y for x in a for y in b)
        case "arith.shrui" if b[0] >= 0 and a[0] >= 0:
            return a[0] >> b[1], a[1] >> b[0]
        case "arith.andi" if a[0] >= 0 or b[0] >= 0:
            return 0, min(one[1] for one in (a, b) if one[0] >= 0)
        case "math.absi":
            return (0 if a[0] <= 0 <= a[1] else min(map(abs, a))), max(map(abs, a))
        case _:
            return None


def _hull(a: Range | None, b: Range | None) -> Range | None:
    return (min(a[0], b[0]), max(a[1], b[1])) if a is not None and b is not None else None


def _unsigned(type: Attribute) -> Range | None:
    width = _width(type)
    return (0, (1 << width) - 1) if width is not None else None
