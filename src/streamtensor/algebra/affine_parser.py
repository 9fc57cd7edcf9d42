# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the MLIR text form of an integer-linear map. Use `AffineMap.parse`."""

from __future__ import annotations

import re

from streamtensor.algebra.errors import AffineError
from streamtensor.algebra.linear import LinearExpr

_TOKEN = re.compile(r"\s*(->|[A-Za-z_][A-Za-z_0-9]*|\d+|[()\[\],+*-])")
_NOT_LINEAR = ("floordiv", "ceildiv", "mod")


def parse_affine_map(text: str) -> tuple[int, tuple[LinearExpr, ...]]:
    """The number of dimensions and the results of `(dims) -> (results)`; raises AffineError, see `AffineMap.parse`."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over  map = '(' dims ')' '->' '(' sums ')'  with  sum = product (('+'|'-') product)*."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise AffineError(f"unexpected character {text[position:].lstrip()[:1]!r} in the affine map {text!r}")
            self.tokens.append(match.group(1))
            position = match.end()
        self.next = 0
        self.dims: dict[str, int] = {}

    def peek(self) -> str:
        return self.tokens[self.next] if self.next < len(self.tokens) else "the end"

    def take(self) -> str:
        token = self.peek()
        self.next += 1
        return token

    def expect(self, wanted: str) -> None:
        found = self.take()
        if found != wanted:
            raise AffineError(f"expected {wanted!r} but found {found!r} in the affine map {self.text!r}")

    def parse(self) -> tuple[int, tuple[LinearExpr, ...]]:
        self.expect("(")
        while self.peek() != ")":
            if self.dims:
                self.expect(",")
            name = self.take()
            if not name.isidentifier() or name in self.dims:
                raise AffineError(f"expected a new dimension name but found {name!r} in the affine map {self.text!r}")
            self.dims[name] = len(self.dims)
        self.expect(")")
        if self.peek() == "[":
            raise AffineError(f"symbols are not allowed in the affine map {self.text!r}")
        self.expect("->")
        self.expect("(")
        results: list[LinearExpr] = []
        while self.peek() != ")":
            if results:
                self.expect(",")
            results.append(self.sum())
        self.expect(")")
        if self.next != len(self.tokens):
            raise AffineError(f"unexpected {self.peek()!r} after the affine map {self.text!r}")
        return len(self.dims), tuple(results)

    def sum(self) -> LinearExpr:
        total = self.product()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total = _add(total, _scale(self.product(), sign))
        return total

    def product(self) -> LinearExpr:
        value = self.factor()
        while self.peek() == "*":
            self.take()
            other = self.factor()
            if any(value.coefficients) and any(other.coefficients):
                raise AffineError(f"a product of two dimensions is not linear in the affine map {self.text!r}")
            value = _scale(other, value.constant) if any(other.coefficients) else _scale(value, other.constant)
        if self.peek() in _NOT_LINEAR:
            raise AffineError(f"{self.peek()!r} is not linear in the affine map {self.text!r}")
        return value

    def factor(self) -> LinearExpr:
        token = self.take()
        if token == "-":
            return _scale(self.factor(), -1)
        if token == "(":
            value = self.sum()
            self.expect(")")
            return value
        if token.isdigit():
            return LinearExpr((0,) * len(self.dims), int(token))
        if token in self.dims:
            return LinearExpr(tuple(int(i == self.dims[token]) for i in range(len(self.dims))))
        raise AffineError(
            f"expected a number or one of the dimensions ({', '.join(self.dims)}) but found {token!r} in {self.text!r}"
        )


def _add(a: LinearExpr, b: LinearExpr) -> LinearExpr:
    return LinearExpr(
        tuple(x + y for x, y in zip(a.coefficients, b.coefficients, strict=True)), a.constant + b.constant
    )


def _scale(a: LinearExpr, factor: int) -> LinearExpr:
    return LinearExpr(tuple(x * factor for x in a.coefficients), a.constant * factor)
