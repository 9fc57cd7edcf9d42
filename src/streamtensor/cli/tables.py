# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nested results as two columns of text."""

from collections.abc import Iterable, Mapping, Sequence

import click


def flatten(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """The leaves of nested mappings with dotted names; whole numbers with separators, lists by their length.

    What is None is left out: a figure that a later level would give.
    """
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten({str(key): inner for key, inner in value.items()}, f"{prefix}{name}.")
        elif value is not None:
            rows.append((prefix + name, _text(value)))
    return rows


def print_rows(rows: Iterable[tuple[str, str]], *, err: bool = False) -> None:
    """Prints names and values in two columns, on standard error when `err`."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}", err=err)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> None:
    """Prints a table: the columns `left` to the left, numbers to the right; nothing when there are no rows."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    click.echo()
    for row in [header, *rows]:
        cells = [
            f"{cell:<{w}}" if n in left else f"{cell:>{w}}" for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"{len(value)} entries"
    return str(value)
