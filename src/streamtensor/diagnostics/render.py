# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Errors as text for a terminal and as JSON for a program."""

import sys
from dataclasses import dataclass
from typing import TextIO

from streamtensor.diagnostics.errors import Location, UserError, UserErrors

# The IR place of an error starts in this column when the model's line is short enough.
_IR_COLUMN = 48


@dataclass(frozen=True)
class Span:
    """A piece of a line with a style of `rich`, "" = plain."""

    text: str
    style: str = ""


def render_lines(error: UserError) -> list[list[Span]]:
    """The lines of one error, each a list of styled pieces.

    ```
    error[ST0312]: message
      --> model.py:88  self.c_fc(x)                  build/20-dataflow.mlir:41
                       ^ label
      note:   one more fact
      terms:  the parts, of a number
      levers: what would mend it; another way
      hint:   the next thing to do
    ```
    """
    lines = [[Span(f"error[{error.code}]", "bold red"), Span(f": {error.message}", "bold")]]
    lines += _place_lines(error)
    rest = [("note:", note) for note in error.notes]
    if error.terms:
        rest.append(("terms:", ", ".join(error.terms)))
    if error.levers:
        rest.append(("levers:", "; ".join(error.levers)))
    if error.hint:
        rest.append(("hint:", error.hint))
    for word, text in rest:
        first, *more = text.splitlines() or [""]
        lines.append([Span(f"  {word:<8}", "cyan"), Span(first)])
        lines += [[Span(" " * 10 + line)] for line in more]
    return lines


def _place_lines(error: UserError) -> list[list[Span]]:
    places = [place for place in (error.location, error.ir_location) if place is not None]
    if not places:
        return [[Span(f"  {error.label}")]] if error.label else []
    arrow = "  --> "
    line = [Span(arrow, "blue"), Span(str(places[0]))]
    if len(places) == 2:
        width = len(arrow) + len(str(places[0]))
        line.append(Span(" " * max(2, _IR_COLUMN - width) + places[1].place, "dim"))
    lines = [line]
    if error.label:
        column = len(arrow) + (len(places[0].place) + 2 if places[0].text else 0)
        lines.append([Span(" " * column + f"^ {error.label}", "red")])
    return lines


def render_text(error: UserError | UserErrors) -> str:
    """The text of one or several errors without colours, without a final newline."""
    return "\n".join("".join(span.text for span in line) for one in _each(error) for line in render_lines(one))


def print_error(error: UserError | UserErrors, stream: TextIO | None = None) -> None:
    """Writes the error to `stream` (standard error), in colours only when that is a terminal."""
    stream = stream or sys.stderr
    if stream is None:  # a process without a standard error
        return
    if not stream.isatty():
        print(render_text(error), file=stream)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for one in _each(error):
        for line in render_lines(one):
            console.print(Text.assemble(*((span.text, span.style) for span in line)), soft_wrap=True)


def error_json(error: UserError | UserErrors) -> dict[str, object]:
    """`{"error": {...}}` for one error; for several also `"errors": [...]` with all of them.

    Keys of each: code, message, location and ir_location (`{"file", "line", "text"}` or null), label, notes, terms,
    levers, hint.
    """
    every = [_one_json(one) for one in _each(error)]
    result: dict[str, object] = {"error": every[0]}
    if len(every) > 1:
        result["errors"] = every
    return result


def _one_json(error: UserError) -> dict[str, object]:
    return {
        "code": error.code,
        "message": error.message,
        "location": _location_json(error.location),
        "ir_location": _location_json(error.ir_location),
        "label": error.label,
        "notes": list(error.notes),
        "terms": list(error.terms),
        "levers": list(error.levers),
        "hint": error.hint,
    }


def _location_json(location: Location | None) -> dict[str, object] | None:
    if location is None:
        return None
    return {"file": location.file, "line": location.line, "text": location.text}


def _each(error: UserError | UserErrors) -> tuple[UserError, ...]:
    return error.errors if isinstance(error, UserErrors) else (error,)
