# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Requantisation, rounding and packing against Python's unbounded integers; bounds against the worst case."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import torch
from hypothesis import given
from hypothesis import strategies as st

from streamtensor.models.quantization import fixed_point as fixed
from streamtensor.models.quantization.rounding import (
    GivenWeight,
    IntegerWeight,
    given_weight,
    group_scale_bits,
    round_weight,
)

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@given(x=INT32, multiplier=st.integers(-(1 << 24) + 1, (1 << 24) - 1), shift=st.integers(0, 54), data=st.data())
def test_requantize(x: int, multiplier: int, shift: int, data: st.DataObject) -> None:
    bits = data.draw(st.sampled_from([8, 16, 32]))
    offset = data.draw(st.integers(-(1 << 60), 1 << 60))
    found = fixed.requantize(
        torch.tensor([x], dtype=torch.int32), torch.tensor([multiplier]), shift, bits, torch.tensor([offset])
    )
    limit = (1 << (bits - 1)) - 1
    wanted = max(-limit, min(limit, half_up(Fraction(x * multiplier + offset, 1 << shift))))
    assert found.item() == wanted
    assert found.element_size() * 8 == bits


@given(x=st.integers(-(1 << 31), (1 << 31) - 2), less_one=st.integers(0, 30))
def test_rounding_by_a_variable_shift(x: int, less_one: int) -> None:
    found = fixed.shift_right_by(torch.tensor([x], dtype=torch.int32), torch.tensor([less_one], dtype=torch.int32))
    assert found.item() == half_up(Fraction(x, 2 << less_one))


@given(ratio=st.floats(1e-9, 1e6), others=st.lists(st.floats(1e-9, 1e6), max_size=3))
def test_a_common_shift_gives_multipliers_of_24_bits(ratio: float, others: list[float]) -> None:
    ratios = [ratio, *others]
    shift = fixed.common_shift(ratios)
    multipliers = fixed.multiplier_of(torch.tensor(ratios, dtype=torch.float64), shift)
    for wanted, multiplier in zip(ratios, multipliers.tolist(), strict=True):
        assert 1 <= multiplier < 1 << 24
        assert abs(multiplier * 2.0**-shift - wanted) <= max(max(ratios) * 2.0**-24, 2.0**-shift)


@given(value=st.integers(1, (1 << 62) - 1))
def test_leading_bits_of_a_sum_of_squares(value: int) -> None:
    mantissa, exponent = fixed.leading(torch.tensor([value]), 16, (32, 16, 8, 4, 2))
    shift = exponent.item()
    assert mantissa.item() == value >> int(shift)
    assert shift % 2 == 0
    assert mantissa.item() < 1 << 16
    assert shift == 0 or mantissa.item() >= 1 << 14


@given(mantissa=st.integers(0, (1 << 25) - 1), exponent=st.integers(0, 63))
def test_packed_numbers(mantissa: int, exponent: int) -> None:
    numbers = [torch.tensor([number], dtype=torch.int32) for number in (mantissa, exponent)]
    assert [value.item() for value in fixed.unpack(fixed.pack(*numbers))] == [mantissa, exponent]


@given(seed=st.integers(0, 1000), rows=st.integers(1, 4), inner=st.integers(1, 40), columns=st.integers(1, 4))
def test_products_are_exact(seed: int, rows: int, inner: int, columns: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randint(-(1 << 14), (1 << 14) + 1, (rows, inner), generator=generator).to(torch.int16)
    b = torch.randint(-127, 128, (inner, columns), generator=generator).to(torch.int8)
    assert torch.equal(fixed.matmul(a, b), a.to(torch.int32) @ b.to(torch.int32))


@given(seed=st.integers(0, 1000), outputs=st.integers(1, 5), inputs=st.integers(1, 70), data=st.data())
def test_rounded_weights(seed: int, outputs: int, inputs: int, data: st.DataObject) -> None:
    """No number is off by more than half a step plus what clipping takes, and no sum leaves 30 bits."""
    bits, group = data.draw(st.sampled_from([4, 8])), data.draw(st.sampled_from([0, 16]))
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed))
    found = round_weight(weight, bits, group)
    top = (1 << (bits - 1)) - 1
    numbers = found.numbers.long()
    assert numbers.abs().max() <= top
    step = found.scale[:, None].expand(outputs, inputs)
    if group:
        assert found.group_scale is not None
        columns = torch.repeat_interleave(found.group_scale.long(), group, 1)[:, :inputs]
        step = step * columns
        numbers = numbers * columns
    inside = weight.abs().double() <= step * top
    assert ((numbers * found.scale[:, None] - weight).abs() <= step / 2 * (1 + 1e-9))[inside].all()
    assert (numbers.abs() * 127).sum(1).max() < 1 << 30


@given(seed=st.integers(0, 1000), inputs=st.integers(2, 24))
def test_errors_are_made_up_for(seed: int, inputs: int) -> None:
    """Rounding by the moments of the inputs gives no worse products with them, for no output."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(200, inputs, generator=generator) @ torch.randn(inputs, inputs, generator=generator)
    x = (mixed + 3 * torch.randn(200, 1, generator=generator)).double()
    weight = torch.randn(16, inputs, generator=generator)
    plain, better = round_weight(weight, 4, 0), round_weight(weight, 4, 0, x.T @ x)
    assert torch.equal(plain.scale, better.scale)
    assert better.numbers.abs().max() <= 7

    def error(numbers: torch.Tensor) -> torch.Tensor:
        return (x @ (numbers * plain.scale[:, None] - weight).T).square().sum(0)

    assert (error(better.numbers) <= error(plain.numbers) * (1 + 1e-6) + 1e-6).all()


def test_errors_are_made_up_for_clearly() -> None:
    """Where the inputs are correlated, half of the error goes."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(500, 48, generator=generator) + 2 * torch.randn(500, 1, generator=generator)).double()
    weight = torch.randn(32, 48, generator=generator)
    plain, better = (round_weight(weight, 4, 16, moments) for moments in (None, x.T @ x))

    def error(found: IntegerWeight) -> float:
        assert found.group_scale is not None
        columns = torch.repeat_interleave(found.group_scale.long(), 16, 1)
        return float((x @ (found.numbers * columns * found.scale[:, None] - weight).T).square().sum())

    assert error(better) < 0.5 * error(plain)


@given(inputs=st.integers(1, 16384))
def test_group_scales_leave_room(inputs: int) -> None:
    bits = group_scale_bits(inputs, 8)
    assert bits >= 6
    assert ((1 << bits) - 1) * 8 * 127 * inputs <= 1 << 30


@given(seed=st.integers(0, 1000))
def test_scales_of_a_checkpoint_are_kept(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(-8, 8, (3, 32), generator=generator).to(torch.int8)
    scales = torch.rand(3, 2, generator=generator) + 0.1
    found = given_weight(GivenWeight(numbers, scales), 16)
    assert found.group_scale is not None
    ratio = found.group_scale * found.scale[:, None] / scales.double()
    assert (ratio - 1).abs().max() < 2.0**-8
    assert torch.equal(found.numbers, numbers)
