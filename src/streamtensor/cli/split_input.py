# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Test files with several modules, and errors that are expected in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streamtensor.diagnostics import UserError

_SEPARATOR = re.compile(r"^// -----[ \t]*$", re.MULTILINE)
_EXPECTED = re.compile(r"//\s*expected-error\s*(?:@(?P<where>[+-]\d+|above|below|unknown)\s*)?\{\{(?P<text>.*?)\}\}")


@dataclass(frozen=True)
class Expected:
    """An error that a comment announces: its line (None = any place) and a piece of its text."""

    line: int | None
    text: str


def split_input(text: str) -> list[str]:
    """The parts of `text` between lines `// -----`, each with as many empty lines before it as its place in `text`."""
    parts: list[str] = []
    start = 0
    for end in [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]:
        parts.append("\n" * text.count("\n", 0, start) + text[start:end])
        start = min(len(text), text.find("\n", end) + 1 or len(text))
    return parts


def expected_errors(text: str) -> list[Expected]:
    """The errors that comments of `text` announce.

    `// expected-error {{TEXT}}` stands on the line of the error, `expected-error@+1`, `@-2`, `@above` and `@below`
    name another line relative to it, `@unknown` any place. TEXT is a piece of `CODE: message`.
    """
    result: list[Expected] = []
    for number, line in enumerate(text.splitlines(), 1):
        for match in _EXPECTED.finditer(line):
            where = match["where"] or "+0"
            offset = {"above": -1, "below": 1, "unknown": 0}.get(where)
            place = None if where == "unknown" else number + (int(where) if offset is None else offset)
            result.append(Expected(place, match["text"]))
    return result


def compare_errors(expected: Sequence[Expected], got: Sequence[UserError], file: str) -> list[str]:
    """What does not agree between the expected errors and those that `file` really gave; empty when all do."""
    open_ones = list(expected)
    complaints: list[str] = []
    for error in got:
        match = next((one for one in open_ones if _matches(one, error, file)), None)
        if match is None:
            complaints.append(f"{_place(error, file)}: unexpected error: {error.code}: {error.message}")
        else:
            open_ones.remove(match)
    for one in open_ones:
        place = file if one.line is None else f"{file}:{one.line}"
        complaints.append(f"{place}: this error was expected but did not come: {one.text}")
    return complaints


def _matches(expected: Expected, error: UserError, file: str) -> bool:
    if expected.text not in f"{error.code}: {error.message}":
        return False
    return expected.line is None or expected.line in _lines(error, file)


def _lines(error: UserError, file: str) -> list[int]:
    places = (error.location, error.ir_location)
    return [place.line for place in places if place is not None and place.file == file and place.line]


def _place(error: UserError, file: str) -> str:
    lines = _lines(error, file)
    return f"{file}:{lines[0]}" if lines else file
