# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Figures as text."""

from collections.abc import Mapping, Sequence
from typing import Any

GROUPS: tuple[str, ...] = ("load", "import", "passes", "verify", "emit", "write")
"""What a compilation consists of: loading Python libraries and building the model, import, passes, checks between the
levels, C++, and printing and writing files."""
_GROUP_OF = {"read the model": "load", "verify": "verify", "emit": "emit", "print": "write", "weights": "write"}


def group_of(step: str) -> str:
    """The group of a step as `CompileResult.timings` names it."""
    return "import" if step.startswith("import: ") else _GROUP_OF.get(step, "passes")


def totals(run: Mapping[str, Any]) -> dict[str, float]:
    """CPU seconds by group; `load` is also what no step accounts for."""
    found: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    for step, seconds in run["steps"].items():
        found[group_of(step)] += seconds
    found["load"] += run["cpu_seconds"] - sum(found.values())
    return found


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, aligned: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join("-" * (width + 2) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths))
    return "\n".join([line(head), rule + "|", *map(line, rows)])


def seconds(value: float) -> str:
    """Seconds with as many digits as mean something."""
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def gigabytes(value: float) -> str:
    """Bytes in GB of 10^9."""
    return f"{value / 1e9:.2f}"
