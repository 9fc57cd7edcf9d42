# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lines of C++ with their indentation."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

LINE_LENGTH = 110


class Writer:
    """Collects lines; `block` indents what is written inside it."""

    def __init__(self, indent: int = 0) -> None:
        self._lines: list[str] = []
        self._indent = indent

    def line(self, text: str = "") -> None:
        """One line at the current indentation."""
        self._lines.append("  " * self._indent + text if text else "")

    def lines(self, other: Writer) -> None:
        """What `other` holds, which has its indentation already."""
        self._lines += other._lines

    def pragma(self, text: str) -> None:
        """A directive of the synthesis tool, at the margin where readers look for it."""
        self._lines.append(f"#pragma HLS {text}")

    def label(self, name: str) -> None:
        """The label of the statement that follows."""
        self.line(f"{name}:")

    @contextmanager
    def block(self, head: str, tail: str = "}") -> Generator[None]:
        """`head {` ... `}`."""
        self.line(f"{head} {{")
        self._indent += 1
        try:
            yield
        finally:
            self._indent -= 1
            self.line(tail)

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines) + "\n" if self._lines else ""


def function_head(start: str, parameters: Sequence[str]) -> str:
    """`start(parameters)`, with a line for each parameter when one line is too short for them."""
    text = f"{start}({', '.join(parameters)})"
    if len(text) <= LINE_LENGTH:
        return text
    return f"{start}(\n    " + ",\n    ".join(parameters) + ")"
