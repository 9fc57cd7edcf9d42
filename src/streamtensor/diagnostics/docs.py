# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes docs/errors.md from the catalogue: `python -m streamtensor.diagnostics.docs [FILE]`."""

import sys
from pathlib import Path

from streamtensor.diagnostics.catalogue import AREAS, CATALOGUE, explanation


def errors_page() -> str:
    """The text of docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "Generated from `src/streamtensor/diagnostics/catalogue.py` by `make docs`; edit there.",
        "",
        "Every error has a code, which never changes its meaning. `streamtensor explain CODE` prints the same text.",
    ]
    for area, title in AREAS.items():
        lines += ["", f"## {area}xx: {title}"]
        for entry in CATALOGUE.values():
            if entry.code.startswith(area):
                lines += ["", f"### {entry.code}: {entry.title}", "", explanation(entry)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Writes the page to the file named by `arguments`, or to standard output when there is none."""
    if arguments:
        Path(arguments[0]).write_text(errors_page(), encoding="utf-8")
    else:
        sys.stdout.write(errors_page())


if __name__ == "__main__":
    main(sys.argv[1:])
