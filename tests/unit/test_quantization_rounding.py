# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding with compensation: blocks of columns give what one column after the other gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from streamtensor.models.quantization import rounding


def column_by_column(weight: Tensor, scale: Tensor, top: int, moments: Tensor) -> Tensor:
    """The formula as it stands in the paper, without blocks."""
    diagonal = moments.diagonal()
    damped = moments + torch.diag(torch.full_like(diagonal, rounding.DAMPING * float(diagonal.mean()) + 1e-12))
    inverse = torch.linalg.cholesky(torch.linalg.inv(damped), upper=True)
    rest, numbers = weight.clone(), torch.empty_like(weight)
    for column in range(weight.shape[1]):
        numbers[:, column] = torch.round(rest[:, column] / scale[:, column]).clamp(-top, top)
        error = (rest[:, column] - numbers[:, column] * scale[:, column]) / inverse[column, column]
        rest[:, column + 1 :] -= error[:, None] * inverse[column, column + 1 :]
    return numbers


@pytest.mark.parametrize("inputs", [5, rounding.COLUMNS_AT_ONCE, 2 * rounding.COLUMNS_AT_ONCE + 9])
def test_blocks_of_columns(inputs: int) -> None:
    generator = torch.Generator().manual_seed(inputs)
    weight = torch.randn(24, inputs, generator=generator, dtype=torch.float64)
    x = torch.randn(2 * inputs, inputs, generator=generator, dtype=torch.float64)
    x = x + x.roll(1, 1)  # inputs that depend on each other: else there is nothing to make up for
    found = rounding.round_weight(weight, 4, 0, x.T @ x)
    scale = found.scale[:, None].expand_as(weight)
    wanted = column_by_column(weight, scale, 7, x.T @ x)
    plain = torch.round(weight / scale).clamp(-7, 7)
    assert not torch.equal(wanted, plain)
    errors = [((numbers * scale - weight) @ x.T).square().sum(1) for numbers in (wanted, plain)]
    better = torch.where((errors[0] <= errors[1])[:, None], wanted, plain)  # saturation may have spoilt a row
    assert torch.equal(found.numbers.double(), better)
    assert errors[0].sum() < errors[1].sum()
