# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pages of docs/: generated ones are up to date, links lead somewhere, commands and passes that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from streamtensor.cli.compile_command import command as compile_command
from streamtensor.cli.opt import command as opt_command
from streamtensor.cli.pass_docs import passes_page
from streamtensor.cli.pipeline_text import build_passes, parse_pipeline
from streamtensor.cli.run_command import command as run_command
from streamtensor.pipelines import LEVEL_FILES, Choices, all_passes, passes_to

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
COMMANDS: dict[str, click.Command] = {
    "streamtensor compile": compile_command,
    "streamtensor run": run_command,
    "streamtensor-opt": opt_command,
}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page make, outside of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def shell_lines(page: Path) -> Iterator[str]:
    """The commands in the `sh` blocks of a page, without comments; a line that ends with a backslash goes on."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s#.*", "", line).strip()


def test_the_page_of_passes_is_up_to_date() -> None:
    page = (DOCS / "passes.md").read_text(encoding="utf-8")
    assert page == passes_page(ROOT / "tests" / "filecheck"), "run `make docs`"


def test_the_page_of_passes_has_every_pass_at_its_level_with_its_law() -> None:
    page = passes_page()
    for number, (level, file) in enumerate(LEVEL_FILES.items(), start=1):
        section = page.split(f"\n## {number}. {level} (`{file}`)\n")[1].split("\n## ")[0]
        ordered = re.findall(r"^\d+\. \[([\w-]+)\]", section, flags=re.MULTILINE)
        assert ordered == [one.name for one in passes_to(level, Choices())]
        for name in ordered:
            assert "-->" in section.split(f"\n### {name}\n")[1].split("\n### ")[0], f"{name} has no law"
    # The reason that stands on a pass's line in pipelines.py, and an option with its default.
    assert "[size-streams](#size-streams): after single use: one FIFO for each reader" in page
    assert "Options: `{tile=int (16) rows=int (0) reduction=int (0) lane-bits=int (0)}`." in page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors(there), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_take_the_options_that_are_shown(page: Path) -> None:
    for line in shell_lines(page):
        program = next((name for name in COMMANDS if line == name or line.startswith(f"{name} ")), None)
        if program is None:
            continue
        known = {name for parameter in COMMANDS[program].params for name in parameter.opts} | {"--help"}
        shown = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", re.sub(r"'[^']*'|\"[^\"]*\"", "", line)))
        assert shown <= known, f"{name_of(page)}: {line}"
        for pipeline in re.findall(r"-p '?([^\s']+)", line):
            if not pipeline.isupper() and "PASS" not in pipeline:
                build_passes(parse_pipeline(pipeline), all_passes())


def test_every_decision_is_in_the_index_and_numbered_once() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    files = sorted((DOCS / "decisions").glob("*.md"))
    assert [file.name[:4] for file in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    for file in files:
        title = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert title.startswith(file.name[:4])
        assert f"[{title}](decisions/{file.name})" in index


def test_a_wrong_option_and_a_dead_link_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One Title: two\n\n```sh\nstreamtensor run DIR \\\n  --nothing x   # why\n```\n")
    assert anchors(page) == {"one-title-two"}
    assert list(shell_lines(page)) == ["streamtensor run DIR    --nothing x"]
