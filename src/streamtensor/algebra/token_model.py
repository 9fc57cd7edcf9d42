# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The token model of a FIFO: how many tokens it holds when both of its ends run at a steady rate.

Source: Ye and Chen, StreamTensor (arXiv 2509.13694), section on FIFO sizing; the second formula of `max_tokens` is one
short there when a push can be seen by the pop of the same cycle, therefore the depth has one word more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

MIN_MODEL_DEPTH = 2


@dataclass(frozen=True)
class TokenModel:
    """A FIFO from a source to a target, for one execution of the accelerator.

    `tokens` in all; `source_ii` and `target_ii` cycles between them; `initial_delay` cycles from the start of the
    source to its first token; `delay` cycles from the start of the source to that of the target.

    >>> TokenModel(tokens=5, source_ii=1, target_ii=2, initial_delay=3, delay=3).max_tokens
    3
    """

    tokens: int
    source_ii: Fraction | int
    target_ii: Fraction | int
    initial_delay: Fraction | int
    delay: Fraction | int

    @property
    def latency(self) -> Fraction | int:
        """Cycles from the start of the source to its last token."""
        return self.initial_delay + (self.tokens - 1) * self.source_ii

    def produced(self, cycle: Fraction | int) -> int:
        """Tokens that the source has written by `cycle`."""
        return _reached(self.tokens, cycle - self.initial_delay, self.source_ii)

    def consumed(self, cycle: Fraction | int) -> int:
        """Tokens that the target has read by `cycle`."""
        return min(_reached(self.tokens, cycle - self.delay, self.target_ii), self.produced(cycle))

    def fill(self, cycle: Fraction | int) -> int:
        """Tokens in the FIFO at `cycle`."""
        return self.produced(cycle) - self.consumed(cycle)

    def curves(self, cycles: Iterable[int]) -> list[tuple[int, int, int, int]]:
        """(cycle, produced, consumed, fill) for each of `cycles`, for plots."""
        return [(cycle, self.produced(cycle), self.consumed(cycle), self.fill(cycle)) for cycle in cycles]

    @property
    def max_tokens(self) -> int:
        """The most tokens that the FIFO holds by the published formulas."""
        if self.tokens == 0:
            return 0
        if self.source_ii <= self.target_ii:
            if not self.target_ii:
                return self.tokens
            left = self.tokens - floor(Fraction(self.latency - self.delay) / self.target_ii)
        else:
            left = ceil(Fraction(self.delay - self.initial_delay) / self.source_ii)
        return max(0, min(self.tokens, left))

    @property
    def depth(self) -> int:
        """A depth at which neither end is slower than with a FIFO of any depth."""
        return max(MIN_MODEL_DEPTH, self.max_tokens + 1)


def _reached(tokens: int, cycles: Fraction | int, ii: Fraction | int) -> int:
    """Tokens at 0, ii, 2 ii, ... up to and with `cycles`."""
    if cycles < 0:
        return 0
    return min(tokens, floor(Fraction(cycles) / ii) + 1) if ii else tokens
