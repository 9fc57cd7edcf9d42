# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights as small integers with scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from streamtensor.diagnostics import UserError

CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""Shares of a channel's range that are tried as the range of its 4-bit numbers."""
DAMPING = 0.01
"""Share of the mean of the moments' diagonal that is added to it."""
COLUMNS_AT_ONCE = 128
"""Columns whose errors go to the later ones in one product."""
HEADROOM_BITS = 30
"""Sums of products stay below 2**30, so that the bias has room in 32 bits."""


@dataclass(frozen=True)
class IntegerWeight:
    """`numbers` int8 [outputs, inputs] times `group_scale` int16 [outputs, groups] (None: 1) times `scale` float64
    [outputs].
    """

    numbers: Tensor
    scale: Tensor
    group_scale: Tensor | None = None


@dataclass(frozen=True)
class GivenWeight:
    """Integers and scales that a checkpoint brings: `numbers` int8 [outputs, inputs], `scales` [outputs, groups]."""

    numbers: Tensor
    scales: Tensor


def round_weight(
    weight: Tensor, bits: int, group: int, moments: Tensor | None = None, *, search: bool = True
) -> IntegerWeight:
    """`weight` [outputs, inputs] as symmetric integers of `bits` bits, with a scale for each output channel.

    With `group`, each output has a whole number as the scale of each group of that many inputs as well (the last group
    may be shorter). Of several ranges the one with the least squared error is taken; without `search` the whole one,
    which takes a hundredth of the time and is for weights that are random anyway. With `moments` [inputs, inputs],
    the sum of x^T x over calibration, the error of each column is made up for by the later ones.
    """
    top = (1 << (bits - 1)) - 1
    clips = CLIPS if search and bits < 8 else CLIPS[:1]
    weight = weight.double() if search else weight.float()
    if not group:
        scale = _best_scale(weight, top, clips)
        return IntegerWeight(_round_all(weight, scale[:, None].expand_as(weight), top, moments), scale.double())
    pieces = weight.split(group, 1)
    scales = torch.stack([_best_scale(piece, top, clips).double() for piece in pieces], 1)
    whole, base = _whole_scales(scales, weight.shape[1], top)
    columns = torch.repeat_interleave(whole.double() * base[:, None], group, 1)[:, : weight.shape[1]]
    return IntegerWeight(_round_all(weight, columns.to(weight.dtype), top, moments), base, whole)


def given_weight(given: GivenWeight, group: int) -> IntegerWeight:
    """A checkpoint's integers, with its scales as whole numbers times one scale for each output.

    Raises UserError ST0124 when it has other groups than `group` says.
    """
    scales = given.scales.double()
    groups = -(-given.numbers.shape[1] // group) if group else 1
    if scales.shape[1] != groups:
        raise UserError(
            "ST0124",
            f"the checkpoint has {scales.shape[1]} scales for {given.numbers.shape[1]} inputs, the scheme {groups}",
            hint="choose the scheme with the group size of the checkpoint, such as w4a8-g128",
        )
    if not group:
        return IntegerWeight(given.numbers, scales[:, 0])
    whole, base = _whole_scales(scales, given.numbers.shape[1], 8)
    return IntegerWeight(given.numbers, base, whole)


def group_scale_bits(inputs: int, top: int) -> int:
    """Bits of group scales for which no sum over `inputs` products of 8-bit numbers leaves its 30 bits."""
    return min(12, math.floor(math.log2((1 << HEADROOM_BITS) / (127 * top * inputs))))


def _whole_scales(scales: Tensor, inputs: int, top: int) -> tuple[Tensor, Tensor]:
    largest = float((1 << group_scale_bits(inputs, top)) - 1)
    base = scales.amax(1) / largest
    return torch.round(scales / base[:, None]).clamp(1, largest).to(torch.int16), base


def _best_scale(weight: Tensor, top: int, clips: Sequence[float]) -> Tensor:
    """For each row the scale with the least squared error."""
    limit = weight.abs().amax(1)
    limit = torch.where(limit > 0, limit, 1.0)
    if len(clips) == 1:
        return limit * clips[0] / top
    best, error = limit / top, torch.full_like(limit, math.inf)
    for clip in clips:
        scale = limit * clip / top
        found = (_rounded(weight, scale[:, None], top) * scale[:, None] - weight).square().sum(1)
        best, error = torch.where(found < error, scale, best), torch.minimum(found, error)
    return best


def _round_all(weight: Tensor, scale: Tensor, top: int, moments: Tensor | None) -> Tensor:
    """Every weight over its scale, rounded; with `moments` in the order of the columns, after Frantar et al., GPTQ
    (arXiv 2210.17323, section 3): the error of a column is taken off those that are still to be rounded, by the
    inverse of the moments, which keeps x W^T close for the x of the calibration.
    """
    if moments is None:
        return _rounded(weight, scale, top)
    diagonal = moments.diagonal()
    damped = moments + torch.diag(torch.full_like(diagonal, DAMPING * float(diagonal.mean()) + 1e-12))
    inverse = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    rest, scales = weight.T.contiguous(), scale.T  # columns are rows here: contiguous
    numbers = torch.empty_like(rest, dtype=torch.int8)
    for start in range(0, len(rest), COLUMNS_AT_ONCE):
        block = slice(start, start + COLUMNS_AT_ONCE)
        numbers[block], errors = _round_block(rest[block], scales[block], top, inverse[block, block])
        rest[block.stop :] -= inverse[block, block.stop :].T @ errors
    result = numbers.T.contiguous()
    plain = _rounded(weight, scale, top)
    errors = [_output_error(numbers * scale - weight, moments) for numbers in (result, plain)]
    return torch.where((errors[0] <= errors[1])[:, None], result, plain)  # saturation may have spoilt a row


def _round_block(columns: Tensor, scale: Tensor, top: int, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Columns [columns, outputs] rounded one after the other, each with the errors of those before, and the errors."""
    rest, numbers, errors = columns.clone(), torch.empty_like(columns, dtype=torch.int8), torch.empty_like(columns)
    for column in range(len(columns)):
        numbers[column] = _rounded(rest[column], scale[column], top)
        errors[column] = (rest[column] - numbers[column] * scale[column]) / inverse[column, column]
        rest[column + 1 :].addr_(inverse[column, column + 1 :], errors[column], alpha=-1)
    return numbers, errors


def _output_error(error: Tensor, moments: Tensor) -> Tensor:
    """For each output the sum of squares that an error of the weights makes on the calibration."""
    return ((error @ moments) * error).sum(1)


def _rounded(weight: Tensor, scale: Tensor, top: int) -> Tensor:
    return (weight / scale).round_().clamp_(-top, top).to(torch.int8)
