# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C++ expressions with their precedence, so that they nest with as few parentheses as needed and never with fewer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How tightly the outermost operator of an expression binds, as in the C++ grammar."""

    SELECT = 1
    LOGIC = 2
    BITS = 3
    EQUALITY = 4
    RELATION = 5
    SHIFT = 6
    SUM = 7
    PRODUCT = 8
    UNARY = 9
    ATOM = 10


@dataclass(frozen=True)
class Expr:
    """Text of a C++ expression. `constant` is its value when it is an integer literal.

    `reads_memory` says that its value depends on when it is evaluated: it must stand before the next store.
    """

    text: str
    level: Level = Level.ATOM
    constant: int | None = None
    reads_memory: bool = False

    def __str__(self) -> str:
        return self.text

    def at_least(self, level: Level) -> str:
        """The text, in parentheses when it binds less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"

    @property
    def is_name(self) -> bool:
        """Whether it is a plain variable, which costs nothing to mention twice."""
        return self.text.isidentifier()


def integer(value: int) -> Expr:
    """An index literal."""
    return Expr(str(value), Level.ATOM if value >= 0 else Level.UNARY, constant=value)


_LEVELS = {
    "*": Level.PRODUCT,
    "/": Level.PRODUCT,
    "%": Level.PRODUCT,
    "+": Level.SUM,
    "-": Level.SUM,
    "<<": Level.SHIFT,
    ">>": Level.SHIFT,
    "<": Level.RELATION,
    "<=": Level.RELATION,
    ">": Level.RELATION,
    ">=": Level.RELATION,
    "==": Level.EQUALITY,
    "!=": Level.EQUALITY,
    "&": Level.BITS,
    "|": Level.BITS,
    "^": Level.BITS,
}


def infix(symbol: str, left: Expr, right: Expr) -> Expr:
    """`left symbol right`. Never re-associates: floating-point sums keep their order.

    Below sums (shifts, comparisons, bit operations) compound operands always get parentheses, because few readers
    know that part of the grammar by heart.
    """
    level = _LEVELS[symbol]
    if level >= Level.SUM:
        text = f"{left.at_least(level)} {symbol} {right.at_least(Level(level + 1))}"
    elif level in (Level.RELATION, Level.EQUALITY):
        text = f"{left.at_least(Level.SUM)} {symbol} {right.at_least(Level.SUM)}"
    else:
        text = f"{left.at_least(Level.UNARY)} {symbol} {right.at_least(Level.UNARY)}"
    return Expr(text, level, reads_memory=left.reads_memory or right.reads_memory)


def unary(symbol: str, value: Expr) -> Expr:
    """`symbol value`."""
    return Expr(symbol + value.at_least(Level.ATOM), Level.UNARY, reads_memory=value.reads_memory)


def call(function: str, *arguments: Expr) -> Expr:
    """`function(arguments)`; with the name of a type it is a conversion."""
    text = f"{function}({', '.join(argument.text for argument in arguments)})"
    return Expr(text, reads_memory=any(argument.reads_memory for argument in arguments))


def choose(condition: Expr, yes: Expr, no: Expr) -> Expr:
    """`condition ? yes : no`."""
    text = f"{condition.at_least(Level.LOGIC)} ? {yes.at_least(Level.LOGIC)} : {no.at_least(Level.LOGIC)}"
    reads = condition.reads_memory or yes.reads_memory or no.reads_memory
    return Expr(text, Level.SELECT, reads_memory=reads)


def subscript(array: str, *indices: Expr) -> Expr:
    """`array[i][j]`: an element of memory, or a lane."""
    return Expr(array + "".join(f"[{index.text}]" for index in indices), reads_memory=True)


def plus(left: Expr, right: Expr) -> Expr:
    """Sum of two indices, folded where an operand is constant."""
    if left.constant is not None and right.constant is not None:
        return integer(left.constant + right.constant)
    if left.constant == 0:
        return right
    if right.constant == 0:
        return left
    if right.constant is not None and right.constant < 0:
        return infix("-", left, integer(-right.constant))
    if right.level is Level.SUM:  # a + (b + c) is a + b + c for whole numbers
        return Expr(
            f"{left.at_least(Level.SUM)} + {right}", Level.SUM, reads_memory=left.reads_memory or right.reads_memory
        )
    return infix("+", left, right)


def minus(left: Expr, right: Expr) -> Expr:
    """Difference of two indices, folded where an operand is constant."""
    if left.constant is not None and right.constant is not None:
        return integer(left.constant - right.constant)
    return left if right.constant == 0 else infix("-", left, right)


def times(left: Expr, right: Expr) -> Expr:
    """Product of two indices, folded where an operand is constant."""
    if left.constant is not None and right.constant is not None:
        return integer(left.constant * right.constant)
    if left.constant == 0 or right.constant == 0:
        return integer(0)
    if left.constant == 1:
        return right
    if right.constant == 1:
        return left
    return infix("*", left, right)
