# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fixed-point functions: the one definition of the integer arithmetic that quantised models and the hardware share.

A number in Qn is an integer that stands for itself divided by 2**n. Everything is made of integer additions, products,
shifts, comparisons and selections, so that PyTorch, the interpreter and the emitted code give the same bits. The stated
errors are those against float64, over the whole range of the arguments; tests/numerics/test_quantization_functions.py
measures them. Functions keep to 32 bits unless they say otherwise; each comment gives the bound that makes this right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MULTIPLIER_BITS = 24
"""A requantisation's multiplier is below 2**24: with a 32-bit number the product stays below 2**55."""
EXPONENT_BITS = 15
"""Fraction bits of the argument and of the result of `exp2_negative`."""
PROBABILITY_BITS = 14
"""Fraction bits of softmax's results: 1 is 16384 and fits into 16 bits."""
ROTARY_BITS = 14
"""Fraction bits of the sines and cosines of rotary embeddings."""
NORM_BITS = 20
"""Fraction bits of `normalized`."""
NORM_INPUT_BITS = 25
"""`normalized` takes numbers below 2**25: the sum of fewer than 8192 of their squares fits into 64 bits."""


def shift_right(x: Tensor, bits: int) -> Tensor:
    """`x` / 2**bits, rounded half up: the rounding of every function here. `bits` is a constant, at least 0."""
    return (x + (1 << (bits - 1))) >> bits if bits else x


def shift_right_by(x: Tensor, less_one: Tensor) -> Tensor:
    """`x` / 2**(less_one + 1), rounded half up, by another number of bits in each element.

    `less_one` is at least 0, and `x` is not the largest number of its type, to which the rounding could not add.
    """
    return (torch.bitwise_right_shift(x, less_one) + 1) >> 1


def saturate(x: Tensor, bits: int) -> Tensor:
    """`x` held between -(2**(bits-1) - 1) and 2**(bits-1) - 1, in the smallest signed type of at least `bits` bits."""
    limit = (1 << (bits - 1)) - 1
    return x.clamp(-limit, limit).to(integer_type(bits))


def integer_type(bits: int) -> torch.dtype:
    """The signed type with at least `bits` bits, at most 32."""
    return torch.int8 if bits <= 8 else torch.int16 if bits <= 16 else torch.int32


def requantize(x: Tensor, multiplier: Tensor, shift: int, bits: int, offset: Tensor | None = None) -> Tensor:
    """x * multiplier / 2**shift (+ offset / 2**shift), rounded half up and saturated to `bits` bits.

    `x` has up to 32 bits, `multiplier` is below 2**24, `offset` (64 bits) below 2**61: the sum is below 2**62.
    Exact but for the one rounding: the error is at most 1/2.
    """
    product = x.to(torch.int64) * multiplier.to(torch.int64)
    if offset is not None:
        product = product + offset
    return saturate(shift_right(product, shift), bits)


def multiplier_of(ratio: Tensor, shift: int) -> Tensor:
    """The int32 multipliers that stand for the positive `ratio` (float64) at `shift`; at least 1."""
    return torch.round(ratio.double() * 2.0**shift).clamp(1, (1 << MULTIPLIER_BITS) - 1).to(torch.int32)


def common_shift(ratios: Sequence[float]) -> int:
    """The largest shift (0 to 54) at which the multipliers of all `ratios` are below 2**24.

    The largest ratio then has an error of at most 2**-24 of itself; one that is r times smaller of r * 2**-24.
    """
    largest = max(ratios)
    shift = math.floor(math.log2(((1 << MULTIPLIER_BITS) - 1) / largest))
    return max(0, min(54, shift))


def _horner(x: Tensor, coefficients: Sequence[int], bits: int) -> Tensor:
    """A polynomial, highest coefficient first, all in Q`bits`; products stay below 2**31 for |x|, |sum| <= 2**15."""
    result = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        result = (shift_right(result, bits) + coefficient) * x
    return shift_right(result, bits) + coefficients[-1]


_EXP2 = (225, -1749, 7851, -22711, 32768)
"""2**-f for 0 <= f <= 1 in Q15: least squares at Chebyshev nodes, then tuned for the largest error after rounding."""


def exp2_negative(z: Tensor) -> Tensor:
    """2**-z for `z` >= 0 in Q15 (int32); the result in Q15 is between 0 and 32768.

    Absolute error at most 2**-14. From z = 17 on the result is 0.
    """
    z = z.clamp(0, (30 << EXPONENT_BITS) - 1)
    whole, part = z >> EXPONENT_BITS, z & ((1 << EXPONENT_BITS) - 1)
    power = _horner(part, _EXP2, EXPONENT_BITS)
    return shift_right_by(power << 1, whole)


def leading(value: Tensor, top: int, steps: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(m, k) with m = value >> k below 2**top; k is a sum of some of `steps`, which fall from the largest one.

    With steps that are powers of two down to 1 (or 2), m is at least 2**(top-1) (or 2**(top-2)) wherever `value` is.
    """
    shift = torch.zeros_like(value, dtype=torch.int32)
    for index, step in enumerate(steps):
        # A step is taken when what is left does not fit with all the smaller steps together.
        rest = sum(steps[index + 1 :])
        is_large = value >= (1 << (top + rest))
        shift = shift + (is_large.to(torch.int32) * step)
        value = torch.where(is_large, value >> step, value)
    return value, shift


FIELD = 6
"""Bits of the exponent in a packed number: one value goes to the elements of a row instead of two."""


def pack(mantissa: Tensor, exponent: Tensor) -> Tensor:
    """mantissa * 2**6 + exponent (int32); the mantissa is below 2**25, the exponent between 0 and 63."""
    return (mantissa << FIELD) + exponent


def unpack(packed: Tensor) -> tuple[Tensor, Tensor]:
    """The mantissa and the exponent of a packed number."""
    return packed >> FIELD, packed & ((1 << FIELD) - 1)


def reciprocal(m: Tensor) -> Tensor:
    """1 / d for d = m / 2**15 between 1/2 and 1 (m int32 from 2**14 to 2**15), in Q14: 16384 to 32768.

    Two Newton steps from 48/17 - 32/17 d. Absolute error at most 1.5 * 2**-14.
    """
    x = 46261 - shift_right(m * 30840, 15)  # Q14
    for _ in range(2):
        x = shift_right(x * shift_right((1 << 30) - m * x, 14), 15)  # m x is about 2**29; the factor about 2**15
    return x.clamp(1 << 14, 1 << 15)


def reciprocal_root(m: Tensor) -> Tensor:
    """1 / sqrt(a) for a = m / 2**16 between 1/4 and 1 (m int32 from 2**14 below 2**16), in Q14: 16384 to 32768.

    Two Newton steps y (3 - a y^2) / 2 from a parabola. Absolute error at most 2 * 2**-14.
    """
    half = m >> 1  # Q15, so that products stay below 2**31
    y = shift_right(half * (shift_right(half * 26857, 15) - 53838), 15) + 43762  # 1.6392 a^2 - 3.2860 a + 2.6710
    for _ in range(2):
        square = shift_right(y * y, 15)  # Q13; a y^2 is about 1
        y = shift_right(y * ((3 * (1 << 15) - shift_right(half * square, 13)) >> 1), 15)
    return y.clamp(1 << 14, 1 << 15)


def softmax(scores: Tensor, visible: Tensor | None, multiplier: Tensor, shift: int) -> Tensor:
    """Softmax over the last dimension: int16 in Q14.

    `scores` int32 below 2**29, `multiplier` / 2**shift turns them into powers of two in Q15 (it holds log2 e).
    `visible` is false where a score counts as minus infinity; every row sees at least one. At most 2**15 columns.
    Absolute error at most 2**-13 where the scores are exact; a row's sum is 1 within columns * 2**-15 + 2**-12.
    """
    if visible is not None:
        scores = torch.where(visible, scores, -(1 << 29))
    below = torch.amax(scores, -1, keepdim=True) - scores
    powers = shift_right(below.to(torch.int64) * multiplier.to(torch.int64), shift)
    weights = exp2_negative(powers.clamp(0, (30 << EXPONENT_BITS) - 1).to(torch.int32))
    total = torch.sum(weights, -1, keepdim=True, dtype=torch.int32)  # from 2**15 on; below 2**31
    mantissa, exponent = leading(total, 15, (16, 8, 4, 2, 1))
    factor, less_one = unpack(pack(reciprocal(mantissa), exponent + (28 - PROBABILITY_BITS)))
    probability = shift_right_by(weights * factor, less_one)
    return probability.to(torch.int16)


def centred(x: Tensor) -> Tensor:
    """`x` (int32 below 2**30) minus its mean over the last dimension, rounded half up; 64-bit sums.

    The mean is off by less than 1/2 + |mean| columns 2**-31; it is exact but for rounding for 2**k columns.
    """
    width = x.shape[-1]
    total = torch.sum(x, -1, keepdim=True, dtype=torch.int64)
    mean = shift_right(total * round((1 << 30) / width), 30)  # |total| <= width * 2**31: below 2**62
    return x - mean.to(torch.int32)


def normalized(x: Tensor, epsilon: int) -> Tensor:
    """x / sqrt(sum(x^2) + epsilon) over the last dimension: int32 in Q20, at most 1 in size.

    `x` int32, saturated to 25 bits and a sign; fewer than 8192 columns. `epsilon` is the norm's epsilon times the
    number of columns, in units of x^2, at least 2**14. Sums of squares and the last product have 64 bits.
    Relative error at most 2**-13, and 2**-20 absolute from the last rounding.
    """
    limit = (1 << NORM_INPUT_BITS) - 1
    x = x.clamp(-limit, limit).to(torch.int64)
    total = torch.sum(x * x, -1, keepdim=True) + epsilon
    mantissa, exponent = leading(total, 16, (32, 16, 8, 4, 2))
    # x / sqrt(total) = x * root / 2**(14 + 8 + exponent / 2); the product is below 2**40
    packed = pack(reciprocal_root(mantissa.to(torch.int32)), (exponent >> 1) + (21 - NORM_BITS))
    root, less_one = unpack(packed.to(torch.int64))
    return shift_right_by(x * root, less_one).to(torch.int32)


LOG2_E = round(math.log2(math.e) * (1 << 14))


def sigmoid(x: Tensor, bits: int) -> Tensor:
    """1 / (1 + e**-x) for `x` of 16 bits in Q`bits` (int32, `bits` from 1 to 14), in Q15: 0 to 32768.

    Absolute error at most 2**-13.
    """
    magnitude = torch.abs(x) * LOG2_E  # below 2**30
    return _logistic(x, shift_right(magnitude, bits - 1))


def _logistic(sign: Tensor, power: Tensor) -> Tensor:
    """1 / (1 + 2**-power) in Q15 where `sign` is positive, one minus that where it is negative; power in Q15."""
    weight = exp2_negative(power)
    upper = reciprocal(shift_right(weight + (1 << 15), 1))
    return torch.where(sign < 0, (1 << 15) - upper, upper)


def silu(x: Tensor, bits: int) -> Tensor:
    """x * sigmoid(x), argument and result of 16 bits in Q`bits`, 1 to 14. Error at most |x| 2**-13 + 2**-(bits+1)."""
    x = x.to(torch.int32)
    return saturate(shift_right(x * sigmoid(x, bits), 15), 16)


_GELU_X = round(2 * math.sqrt(2 / math.pi) * math.log2(math.e) * (1 << 13))
_GELU_X3 = round(2 * math.sqrt(2 / math.pi) * 0.044715 * math.log2(math.e) * (1 << 17))


def gelu_tanh(x: Tensor, bits: int) -> Tensor:
    """GELU in its tanh form, x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), of 16 bits in Q`bits`, 1 to 12.

    Error at most |x| 2**-13 + 2**-(bits+1).
    """
    x = x.to(torch.int32)
    inner = x.clamp(-(6 << bits), 6 << bits) << (12 - bits)  # Q12, below 2**15; beyond 6 the sigmoid is 0 or 1
    square = shift_right(inner * inner, 15)  # Q9, at most 36 * 2**9
    slope = shift_right(square * _GELU_X3, 13) + _GELU_X  # Q13, at most 6.01 * 2**13
    power = shift_right(torch.abs(inner) * slope, 10)  # Q25 below 2**31, then Q15
    return saturate(shift_right(x * _logistic(x, power), 15), 16)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, shift: int) -> Tensor:
    """The rotary embedding x cos + rotated(x) sin / 2**(14 + shift), saturated to 8 bits.

    `x` of 16 bits [..., rows, head_dim]; `cos` and `sin` in Q14, not above 1. Both products together stay below 2**31.
    Error at most 1/2 + 2**-shift where the table is exact.
    """
    x = x.to(torch.int32)
    half = x.shape[-1] // 2
    rotated = torch.cat((-x[..., half:], x[..., :half]), -1)
    total = x * cos.to(torch.int32) + rotated * sin.to(torch.int32)
    return saturate(shift_right(total, ROTARY_BITS + shift), 8)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The int32 product of two integer tensors of at most 16 bits.

    Exported as the integer product; PyTorch itself multiplies in float64, which is exact (sums stay below 2**53) and
    much faster than its integer loops.
    """
    if torch.compiler.is_compiling():
        return torch.matmul(a.to(torch.int32), b.to(torch.int32))
    return torch.matmul(a.to(torch.float64), b.to(torch.float64)).to(torch.int32)
