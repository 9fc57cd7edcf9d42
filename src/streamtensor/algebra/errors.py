# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the pure values raise; the layers above turn these into diagnostics with a place in the user's text."""


class AlgebraError(Exception):
    """A value of the algebra that cannot exist. `reason` is one line of plain English that states the numbers on
    both sides.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AffineError(AlgebraError):
    """An affine map that does not parse, is not integer-linear, or is applied to the wrong number of values."""


class LayoutError(AlgebraError):
    """A stream layout that breaks a rule of its type, or a rewrite whose preconditions do not hold."""


class ReplayError(AlgebraError):
    """A replay of a converter found an element that is read before it was written, or after it was overwritten."""


class ScheduleError(ValueError):
    """A graph of step programs that can't be scheduled; the message names the FIFO and the tasks."""
