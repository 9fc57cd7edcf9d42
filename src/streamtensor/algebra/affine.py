# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer-linear maps `(d0, d1, ...) -> (result, ...)`, in the text form of MLIR.

Only sums of `dim * integer` and an integer are representable: that is all that stream offsets need, and it makes
equality of maps decidable by comparing coefficients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamtensor.algebra.affine_parser import parse_affine_map
from streamtensor.algebra.errors import AffineError
from streamtensor.algebra.linear import LinearExpr


@dataclass(frozen=True, slots=True)
class AffineMap:
    """An integer-linear map from `num_dims` values to `len(results)` values.

    >>> m = AffineMap.parse("(d0, d1, d2) -> (d1, d0 + d2 * 4)")
    >>> m.evaluate((1, 2, 3))
    (2, 13)
    >>> print(m.permute((2, 0, 1)))
    (d0, d1, d2) -> (d2, d0 * 4 + d1)

    Raises AffineError when a result has a number of coefficients other than `num_dims`.
    """

    num_dims: int
    results: tuple[LinearExpr, ...]

    def __post_init__(self) -> None:
        for index, result in enumerate(self.results):
            if len(result.coefficients) != self.num_dims:
                raise AffineError(
                    f"result {index} has {len(result.coefficients)} coefficients in a map of {self.num_dims} inputs"
                )

    # ---- making maps

    @staticmethod
    def parse(text: str) -> AffineMap:
        """Read the MLIR form, e.g. `(d0, d1) -> (d1, d0 + 4)`.

        Raises AffineError on a syntax error, on symbols, and on anything that is not integer-linear (floordiv, mod, d0
        * d1).
        """
        return AffineMap(*parse_affine_map(text))

    @staticmethod
    def from_rows(num_dims: int, rows: Iterable[Sequence[int]], constants: Sequence[int] | None = None) -> AffineMap:
        """A map from its coefficient matrix, one row per result, and its constants (all 0 when absent)."""
        rows = [tuple(row) for row in rows]
        if constants is None:
            constants = [0] * len(rows)
        return AffineMap(num_dims, tuple(LinearExpr(row, c) for row, c in zip(rows, constants, strict=True)))

    @staticmethod
    def select(num_dims: int, dims: Sequence[int | None]) -> AffineMap:
        """The map whose result r is the dimension `dims[r]`, or the constant 0 where it is None.

        >>> print(AffineMap.select(3, (2, None, 0)))
        (d0, d1, d2) -> (d2, 0, d0)
        """
        for dim in dims:
            if dim is not None and not 0 <= dim < num_dims:
                raise AffineError(f"dimension d{dim} does not exist in a map of {num_dims} dimensions")
        return AffineMap.from_rows(num_dims, [[int(dim == i) for i in range(num_dims)] for dim in dims])

    @staticmethod
    def identity(num_dims: int) -> AffineMap:
        """`(d0, d1, ...) -> (d0, d1, ...)`."""
        return AffineMap.select(num_dims, range(num_dims))

    # ---- asking

    @property
    def num_results(self) -> int:
        """The number of results."""
        return len(self.results)

    @property
    def used_dims(self) -> tuple[int, ...]:
        """The dimensions that at least one result uses, ascending."""
        return tuple(sorted({dim for result in self.results for dim in result.used_dims}))

    def column(self, dim: int) -> tuple[int, ...]:
        """What one step of dimension `dim` adds to each result."""
        return tuple(result.coefficients[dim] for result in self.results)

    def is_projected_permutation(self, *, allow_zeros: bool = False) -> bool:
        """True when every result is a plain dimension and no dimension occurs twice.

        With `allow_zeros` a result may also be the constant 0.
        """
        dims = [result.single_dim for result in self.results if not (allow_zeros and result.is_zero)]
        return None not in dims and len(set(dims)) == len(dims)

    def evaluate(self, values: Sequence[int]) -> tuple[int, ...]:
        """The results at one point; raises AffineError when `values` has the wrong length."""
        if len(values) != self.num_dims:
            raise AffineError(f"the map has {self.num_dims} dimensions, but {len(values)} values were given")
        return tuple(result.evaluate(values) for result in self.results)

    # ---- changing

    def compose(self, inner: AffineMap) -> AffineMap:
        """The map `x -> self(inner(x))`; raises AffineError unless `inner` has one result per dimension of this map.

        >>> print(AffineMap.parse("(d0, d1) -> (d0 * 2 + d1)").compose(AffineMap.parse("(d0) -> (d0 + 1, d0)")))
        (d0) -> (d0 * 3 + 2)
        """
        if inner.num_results != self.num_dims:
            raise AffineError(
                f"cannot compose: the outer map takes {self.num_dims} values, the inner map gives {inner.num_results}"
            )
        zero, rows, constants = (0,) * inner.num_dims, [], []
        for result in self.results:
            row = zero
            for coefficient, expr in zip(result.coefficients, inner.results, strict=True):
                row = tuple(x + coefficient * y for x, y in zip(row, expr.coefficients, strict=True))
            rows.append(row)
            constants.append(result.evaluate([expr.constant for expr in inner.results]))
        return AffineMap.from_rows(inner.num_dims, rows, constants)

    def drop_dims(self, dims: Iterable[int]) -> AffineMap:
        """The map with 0 in place of `dims`; the remaining dimensions are numbered anew from 0.

        >>> print(AffineMap.parse("(d0, d1, d2) -> (d2, d1 + d0)").drop_dims([1]))
        (d0, d1) -> (d1, d0)
        """
        dropped = set(dims)
        return self.permute([dim for dim in range(self.num_dims) if dim not in dropped])

    def permute(self, order: Sequence[int]) -> AffineMap:
        """The map whose dimension i is this map's dimension `order[i]`; a dimension that is left out is 0.

        Raises AffineError when `order` names a dimension twice or one that does not exist.
        """
        if len(set(order)) != len(order) or not all(0 <= dim < self.num_dims for dim in order):
            raise AffineError(f"{list(order)} is not a selection of the {self.num_dims} dimensions of the map")
        rows = [[result.coefficients[dim] for dim in order] for result in self.results]
        return AffineMap.from_rows(len(order), rows, [result.constant for result in self.results])

    def __str__(self) -> str:
        dims = ", ".join(f"d{i}" for i in range(self.num_dims))
        return f"({dims}) -> ({', '.join(map(str, self.results))})"
