# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer-linear expressions of loop dimensions: a value of its own, below maps and their parser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinearExpr:
    """`sum(coefficients[i] * d_i) + constant`; one coefficient per dimension of the map that holds it."""

    coefficients: tuple[int, ...]
    constant: int = 0

    @property
    def used_dims(self) -> tuple[int, ...]:
        """The dimensions with a coefficient other than 0, ascending."""
        return tuple(i for i, c in enumerate(self.coefficients) if c)

    @property
    def is_zero(self) -> bool:
        """True for the constant 0."""
        return self.constant == 0 and not any(self.coefficients)

    @property
    def single_dim(self) -> int | None:
        """The dimension `i` when the expression is exactly `d_i`, else None."""
        used = self.used_dims
        return used[0] if len(used) == 1 and self.coefficients[used[0]] == 1 and self.constant == 0 else None

    def evaluate(self, values: Sequence[int]) -> int:
        """The value of the expression; `values` has one integer per dimension."""
        return self.constant + sum(c * v for c, v in zip(self.coefficients, values, strict=True))

    def __str__(self) -> str:
        text = ""
        for dim, coefficient in enumerate(self.coefficients):
            if coefficient == 0:
                continue
            if not text:
                text = f"-d{dim}" if coefficient == -1 else _term(dim, coefficient)
            else:
                text += f" {'-' if coefficient < 0 else '+'} {_term(dim, abs(coefficient))}"
        if not text:
            return str(self.constant)
        if self.constant:
            text += f" {'-' if self.constant < 0 else '+'} {abs(self.constant)}"
        return text


def _term(dim: int, coefficient: int) -> str:
    return f"d{dim}" if coefficient == 1 else f"d{dim} * {coefficient}"
