# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes docs/passes.md from the pipelines: `python -m streamtensor.cli.pass_docs [FILE]`.

The law of a pass is its docstring, its options are its fields, and the reason for its place is the comment on its line
in `pipelines.py`.
"""

import ast
import inspect
import io
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from streamtensor import pipelines
from streamtensor.cli.pipeline_text import describe_options
from streamtensor.ir.core import ModulePass
from streamtensor.pipelines import FIFO_RESERVE_PERCENT, LEVEL_FILES, Choices, all_passes, passes_to
from streamtensor.transforms import linalg

INTRODUCTION = """\
# Passes

Generated from `src/streamtensor/pipelines.py` and the passes by `make docs`; edit there.

The levels in order, and the passes that lead to each, with the reason for a pass's place. The law of a pass says what
it turns into what, `before  -->  after`, and why that is right. Options are written `pass{option=value}` for
`streamtensor-opt -p`, with the default in brackets; `streamtensor compile` sets `tile` by `--tile` and `limit-bits` by
the device: its on-chip memory less RESERVE % for FIFOs and DMAs.

The tensor level begins with what the importer gives: linalg on tensors, one function for each unique block of the
model. After the stream level the emitters write code; they are not passes."""


def passes_page(tests: Path | None = None) -> str:
    """The text of docs/passes.md; `tests` is the folder of filecheck tests, for links to those that exist."""
    parts = [INTRODUCTION.replace("RESERVE", str(FIFO_RESERVE_PERCENT))]
    reasons = {"tensor": iter(_reasons(linalg))}
    others = iter(_reasons(pipelines))
    for number, (level, file) in enumerate(LEVEL_FILES.items(), start=1):
        passes = passes_to(level, Choices())
        found = reasons.get(level, others)
        rows = [(one, *next(found)) for one in passes]
        parts.append(f"## {number}. {level} (`{file}`)")
        parts.append(_order(rows))
        shown: set[str] = set()
        for one, _, _ in rows:
            if one.name not in shown:
                shown.add(one.name)
                parts += _pass(type(one), tests)
    used = {one.name for level in LEVEL_FILES for one in passes_to(level, Choices())}
    parts.append("## Not in a pipeline")
    parts.append(
        "General clean-up from the IR framework, for `streamtensor-opt`: "
        + ", ".join(f"`{name}`" for name in all_passes() if name not in used)
        + "."
    )
    return "\n\n".join(parts) + "\n"


def _order(rows: Sequence[tuple[ModulePass, str, str]]) -> str:
    """The passes of a level in order, each with the reason for its place."""
    lines: list[str] = []
    for number, (one, name, reason) in enumerate(rows, start=1):
        assert name == type(one).__name__, f"{name} in the source stands where {type(one).__name__} runs"
        lines.append(f"{number}. [{one.name}](#{one.name})" + (f": {reason}" if reason else ""))
    return "\n".join(lines)


def _pass(cls: type[ModulePass], tests: Path | None) -> Iterator[str]:
    yield f"### {cls.name}"
    yield from _law(inspect.cleandoc(cls.__doc__ or ""))
    options = describe_options(cls)
    if options:
        yield f"Options: `{options}`."
    source = Path(inspect.getfile(cls)).relative_to(Path(pipelines.__file__).parents[2])
    links = [f"[source](../{source.as_posix()})"]
    if tests is not None:
        links += [f"[filecheck test](../tests/filecheck/{file})" for file in _tests(tests, cls.name)]
    yield " · ".join(links)


def _law(text: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs that hold `-->` are code, the others text."""
    for paragraph in text.split("\n\n"):
        if "-->" not in paragraph:
            yield paragraph
        else:
            yield "```\n" + textwrap.dedent(paragraph) + "\n```"


def _tests(folder: Path, name: str) -> list[str]:
    """The filecheck tests of a pass, relative to `folder`: NAME.mlir and NAME-SOMETHING.mlir that run the pass."""
    pattern = re.compile(rf"RUN:.*\b{re.escape(name)}(?![\w-])")
    found = sorted(folder.rglob(f"{name}*.mlir"))
    return [file.relative_to(folder).as_posix() for file in found if pattern.search(file.read_text(encoding="utf-8"))]


def _reasons(module: ModuleType) -> list[tuple[str, str]]:
    """(class, comment on its line) of every pass that is made in a module, in the order of the source."""
    source = inspect.getsource(module)
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Pass")
    ]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    return [(node.func.id, comments.get(node.end_lineno or 0, "")) for node in calls if isinstance(node.func, ast.Name)]


def main(arguments: list[str]) -> None:
    """Writes the page to the file named by `arguments`, or to standard output when there is none."""
    tests = Path(pipelines.__file__).parents[2] / "tests" / "filecheck"
    page = passes_page(tests if tests.is_dir() else None)
    if arguments:
        Path(arguments[0]).write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main(sys.argv[1:])
