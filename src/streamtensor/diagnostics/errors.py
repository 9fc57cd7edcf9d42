# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two kinds of failure: what the user can mend, and what is our bug."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A place in a text that the user can open: file, line (1-based, 0 = unknown) and the text of the line."""

    file: str
    line: int = 0
    text: str = ""

    @property
    def place(self) -> str:
        """`file:line`, or only the file when the line is not known."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}  {self.text}" if self.text else self.place


class UserError(Exception):
    """A mistake in the user's input: exit code 1, no traceback.

    `code` is declared in `diagnostics.catalogue`. `location` is the line that the user wrote, `label` what is wrong
    with it; `ir_location` is where the same thing stands in an IR file. `notes` say more about the cause, `terms` are
    the parts that a number is made of, `levers` the changes that would mend it, `hint` the one thing to do next.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        location: Location | None = None,
        ir_location: Location | None = None,
        label: str = "",
        notes: Sequence[str] = (),
        terms: Sequence[str] = (),
        levers: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.location = location
        self.ir_location = ir_location
        self.label = label
        self.notes = tuple(notes)
        self.terms = tuple(terms)
        self.levers = tuple(levers)
        self.hint = hint

    def __str__(self) -> str:
        place = f" ({self.location})" if self.location else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.code}: {self.message}{place}{hint}"


class UserErrors(Exception):  # noqa: N818 - the plural of UserError says what it holds
    """Several mistakes that were found together, so that the user can mend them in one go; never empty."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        if not errors:
            raise InternalError("UserErrors needs at least one error")
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = tuple(errors)


class InternalError(Exception):
    """A fault of the compiler itself: exit code 70 and a bundle to report."""
