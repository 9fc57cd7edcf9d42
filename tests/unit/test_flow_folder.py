# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled folders are made whole or not at all, and what a person wrote is not lost."""

from pathlib import Path

import pytest

from streamtensor.diagnostics import UserError
from streamtensor.flow.folder import Record, ir_hashes, new_folder, write_text

IR = "main/10-tensor.mlir"


def make(out: Path, text: str = "ir", *, force: bool = False) -> None:
    """A compiled folder with one IR file."""
    with new_folder(out, force=force) as folder:
        write_text(folder / IR, text)
        Record("u55c", {"main": {"tile": 16}}, ("main",), ir_files=ir_hashes(folder, ("main",))).write(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_record_reads_back(tmp_path: Path) -> None:
    make(tmp_path / "out")
    record = Record.read(tmp_path / "out")
    assert (record.device, record.choices, record.programs) == ("u55c", {"main": {"tile": 16}}, ("main",))
    assert set(record.ir_files) == {IR}


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "out") as folder:
            write_text(folder / IR, "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_a_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")

    def fail() -> None:
        with new_folder(out, base=out) as folder:
            write_text(folder / IR, "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == ["out"]
    assert (out / IR).read_text() == "old"


def test_what_nobody_edited_is_replaced(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    make(tmp_path / "out", "new")
    assert (tmp_path / "out" / IR).read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_a_copy_shares_nothing_that_is_written_later(tmp_path: Path) -> None:
    make(tmp_path / "a", "old")
    with new_folder(tmp_path / "b", base=tmp_path / "a") as folder:
        assert (folder / IR).read_text() == "old"
        write_text(folder / IR, "new")
    assert (tmp_path / "a" / IR).read_text() == "old"
    assert (tmp_path / "b" / IR).read_text() == "new"


def test_an_edited_file_needs_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out)
    (out / IR).write_text("edited")
    with pytest.raises(UserError, match="was edited since it was compiled") as caught:
        make(out)
    assert caught.value.code == "ST0501"
    assert (out / IR).read_text() == "edited"
    make(out, "new", force=True)
    assert (out / IR).read_text() == "new"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_somebody_else_wrote_needs_force(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(UserError) as caught:
        make(out)
    assert caught.value.code == "ST0501"
    assert out.exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert (tmp_path / "out" / IR).is_file()


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "5", "{}", '{"format": 1}', '{"format": 99, "programs": []}', '{"format": 2, "programs": 3}'),
        '{"format": 2, "programs": [], "generation": null, "device": "u55c", "choices": {}}',
        '{"format": 2, "programs": ["main"], "generation": 5}',
    ],
)
def test_a_damaged_record_is_an_error_of_the_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "compile.json").write_text(text)
    with pytest.raises(UserError) as caught:
        Record.read(tmp_path)
    assert caught.value.code == "ST0503"
