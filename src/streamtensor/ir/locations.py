# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model's own source line, kept on operations as the attribute `dataflow.loc`.

The IR framework drops MLIR locations when it prints, so the importer writes them into an attribute, in the form
`file.py:88 self.c_fc(x)`, and passes copy it to whatever they make out of an operation.
"""

from collections.abc import Iterable

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from streamtensor.diagnostics import Location

LOC = "dataflow.loc"


def location_text(op: Operation) -> str:
    """The location attribute of `op` or of the nearest operation around it, or "" when there is none."""
    current: Operation | None = op
    while current is not None:
        loc = current.attributes.get(LOC)
        if isinstance(loc, StringAttr):
            return loc.data
        current = current.parent_op()
    return ""


def location(op: Operation) -> Location | None:
    """The model's source line behind `op`, for a diagnostic; None when it is not known."""
    text = location_text(op)
    if not text:
        return None
    place, _, code = text.partition(" ")
    file, _, line = place.rpartition(":")
    return Location(file, int(line) if line.isdigit() else 0, code)


def copy_location(source: Operation, targets: Iterable[Operation]) -> None:
    """Gives the location of `source` to every operation of `targets` that has none."""
    text = location_text(source)
    if text:
        for op in targets:
            op.attributes.setdefault(LOC, StringAttr(text))
