# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which line of the table of operation costs an operation of the stream IR stands for."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.ir import arith
from streamtensor.ir.builtin import AnyFloat, FixedBitwidthType, IndexType, IntegerAttr, IntegerType, VectorType
from streamtensor.ir.core import Attribute, Operation, SSAValue
from streamtensor.targets.operations import Cost, Operations
from streamtensor.transforms.resources.value_range import signed_bits

_FREE = Cost(0)

LINES: Mapping[str, str] = {
    **dict.fromkeys(("arith.addf", "arith.subf"), "float_add"),
    **dict.fromkeys(("arith.mulf", "math.fma"), "float_mul"),
    **dict.fromkeys(("arith.divf", "arith.remf"), "float_div"),
    **dict.fromkeys(("math.sqrt", "math.cbrt"), "float_sqrt"),
    "math.rsqrt": "float_rsqrt",
    **dict.fromkeys(("math.exp", "math.exp2", "math.expm1"), "float_exp"),
    **dict.fromkeys(("math.log", "math.log2", "math.log10", "math.log1p"), "float_log"),
    **dict.fromkeys(
        ("arith.maximumf", "arith.minimumf", "arith.maxnumf", "arith.minnumf", "arith.cmpf"), "float_compare"
    ),
    **dict.fromkeys(("arith.negf", "math.absf", "math.copysign"), "int_logic"),
    **dict.fromkeys(
        (
            *("arith.sitofp", "arith.uitofp", "arith.fptosi", "arith.fptoui", "arith.extf", "arith.truncf"),
            *("math.ceil", "math.floor", "math.round", "math.roundeven", "math.trunc"),
        ),
        "float_convert",
    ),
    **dict.fromkeys(("arith.addi", "arith.subi", "math.absi", "math.ctlz", "math.cttz", "math.ctpop"), "int_add"),
    **dict.fromkeys(("arith.muli", "arith.mulsi_extended", "arith.mului_extended", "math.ipowi"), "int_mul"),
    **dict.fromkeys(
        ("arith.cmpi", "arith.minsi", "arith.maxsi", "arith.minui", "arith.maxui"),
        "int_compare",
    ),
    **dict.fromkeys(
        (
            *("arith.select", "arith.andi", "arith.ori", "arith.xori", "arith.bitcast", "arith.index_cast"),
            *("arith.extsi", "arith.extui", "arith.trunci"),
        ),
        "int_logic",
    ),
    **dict.fromkeys(("arith.shli", "arith.shrsi", "arith.shrui"), "int_shift"),
    **dict.fromkeys(
        (
            *("arith.divsi", "arith.divui", "arith.remsi", "arith.remui"),
            *("arith.ceildivsi", "arith.ceildivui", "arith.floordivsi"),
        ),
        "int_div",
    ),
}
"""Operation -> line of the table."""
_BY_A_CONSTANT = ("arith.shli", "arith.shrsi", "arith.shrui")
_BY_A_POWER_OF_TWO = ("arith.muli", "arith.divui", "arith.remui", "arith.divsi", "arith.remsi", "arith.floordivsi")


def operation_cost(op: Operation, table: Operations) -> Cost:
    """What one `arith` or `math` operation costs; a vector costs its lanes. Constants and arithmetic on indices, which
    synthesis turns into counters, cost nothing. What no line names is a function in floating point.
    """
    if isinstance(op, arith.ConstantOp) or not op.name.startswith(("arith.", "math.")):
        return _FREE
    scalar, lanes = _scalar_and_lanes(op.results[0].type)
    if isinstance(scalar, IndexType) or any(isinstance(value.type, IndexType) for value in op.operands):
        return _FREE
    line = LINES.get(op.name, "float_function")
    bits = sorted(_bits(value, narrow=line == "int_mul") for value in op.operands) or [32]
    number = next((n for n in map(_constant, op.operands) if n is not None), None)
    if (op.name in _BY_A_CONSTANT and _constant(op.operands[-1]) is not None) or (
        op.name in _BY_A_POWER_OF_TWO and number is not None and number > 0 and number & (number - 1) == 0
    ):
        line = "int_logic"
    cost = table.cost(line, bits[-1], bits[0])
    if op.name == "math.fma":
        add = table.cost("float_add", bits[-1])
        cost = Cost(cost.cycles + add.cycles, cost.dsp + add.dsp)
    return Cost(cost.cycles, cost.dsp * lanes)


def is_floating(value: SSAValue) -> bool:
    """Whether a value, or each lane of it, is a floating-point number."""
    return isinstance(_scalar_and_lanes(value.type)[0], AnyFloat)


def _scalar_and_lanes(type: Attribute) -> tuple[Attribute, int]:
    return (type.element_type, type.element_count()) if isinstance(type, VectorType) else (type, 1)


def _bits(value: SSAValue, *, narrow: bool) -> int:
    """The bits that carry the value: synthesis sees through extensions, how long a constant is, and, for `narrow`,
    which numbers limits and shifts leave.
    """
    found = signed_bits(value) if narrow else None
    while isinstance(value.owner, arith.ExtSIOp | arith.ExtUIOp):
        value = value.owner.operands[0]
    number = _constant(value)
    if number is not None:
        return number.bit_length() + 1
    scalar, _ = _scalar_and_lanes(value.type)
    width = scalar.bitwidth if isinstance(scalar, FixedBitwidthType) else 64
    return width if found is None else min(found, width)


def _constant(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data if isinstance(owner.result.type, IntegerType) else None
    return None
