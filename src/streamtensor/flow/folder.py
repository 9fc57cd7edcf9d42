# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled folders: their record, and writing them so that an interruption leaves the old one or the new one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError
from streamtensor.pipelines import LEVEL_FILES

RECORD = "compile.json"
FORMAT = 2


@dataclass(frozen=True)
class Generation:
    """What a host needs to generate: rows of the prefill program, of the cache, fraction bits of integer logits, and
    the tokens after which a text ends.
    """

    prompt_len: int
    context: int
    logit_bits: int
    end_tokens: tuple[int, ...]

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Generation:
        """The inverse of `dataclasses.asdict`. Raises KeyError or TypeError for other data."""
        ends = tuple(int(token) for token in data["end_tokens"])
        return Generation(int(data["prompt_len"]), int(data["context"]), int(data["logit_bits"]), ends)


@dataclass(frozen=True)
class Record:
    """How a folder was compiled, so that it can be run, checked and compiled on.

    `source` is the record of the model (None for a module that was given in Python), `choices` the numbers of the
    pipeline by program, `prefix` what stands before the parameters' names in the wrapped module, `generation` how a
    language model generates (None for other modules), `ir_files` the sha256 of each IR file as the compiler wrote it,
    `points` by program the point of its design space, where one was given.
    """

    device: str
    choices: Mapping[str, Mapping[str, Any]]
    programs: tuple[str, ...]
    source: Mapping[str, Any] | None = None
    prefix: str = ""
    tokenizer: bool = False
    generation: Generation | None = None
    ir_files: Mapping[str, str] = field(default_factory=dict[str, str])
    points: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def write(self, folder: Path) -> None:
        """Writes the record into `folder`."""
        data = {"format": FORMAT, **{name: getattr(self, name) for name in self.__dataclass_fields__}}
        data["generation"] = asdict(self.generation) if self.generation is not None else None
        write_text(folder / RECORD, json.dumps(data, indent=1) + "\n")

    @staticmethod
    def read(folder: Path) -> Record:
        """The record of a compiled folder. Raises UserError ST0503 when `folder` is none, or its record is damaged."""
        if not folder.is_dir():
            raise UserError("ST0503", f"there is no folder {folder}", hint="compile a model into it first")
        file = folder / RECORD
        if not file.is_file():
            raise UserError("ST0503", f"{folder} is not a compiled folder: it has no {RECORD}")
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if data.pop("format") != FORMAT:
                raise UserError("ST0503", f"{file} was written by another version", hint="compile the model again")
            data["programs"] = tuple(data["programs"])
            if not data["programs"]:
                raise ValueError("it names no program")
            if data["generation"] is not None:
                data["generation"] = Generation.from_json(data["generation"])
            return Record(**data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError("ST0503", f"{file} is damaged: {error}", hint="compile the model again") from error


def write_text(file: Path, text: str) -> None:
    """Writes `text` to a temporary name and renames it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def sha256(file: Path) -> str:
    """The hash of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ir_hashes(folder: Path, programs: tuple[str, ...]) -> dict[str, str]:
    """The sha256 of each IR file in a folder, by its path relative to the folder."""
    files = [folder / program / name for program in programs for name in LEVEL_FILES.values()]
    return {file.relative_to(folder).as_posix(): sha256(file) for file in files if file.is_file()}


@contextmanager
def new_folder(out: Path, *, force: bool = False, base: Path | None = None) -> Generator[Path, None, None]:
    """A folder to write into that becomes `out` when the block ends, and vanishes when it fails.

    With `base` it starts as a copy of that folder (files are hard links where the file system allows it). An `out` that
    this compiler wrote and nobody edited is replaced; anything else that is there needs `force`.

    Raises UserError ST0501 when `out` can't be replaced or written.
    """
    if base is None or out.resolve() != base.resolve():
        _check_replaceable(out, force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise UserError("ST0501", f"{out} can't be written: {error.strerror}") from error
    try:
        os.chmod(made, 0o755)
        if base is not None:
            shutil.copytree(base, made, dirs_exist_ok=True, copy_function=_link)
        yield made
        _swap(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _swap(made: Path, out: Path) -> None:
    """Puts `made` in the place of `out`; a failure puts the old folder back."""
    old = made.with_name(made.name + ".old")
    try:
        if out.exists():
            out.rename(old)
        try:
            made.rename(out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
    except OSError as error:
        raise UserError("ST0501", f"{out} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _check_replaceable(out: Path, force: bool) -> None:
    if not out.exists() or force:
        return
    if not out.is_dir():
        raise UserError("ST0501", f"{out} is a file", hint="name another folder, or add --force")
    if not any(out.iterdir()):
        return
    if not (out / RECORD).is_file():
        raise UserError(
            "ST0501", f"{out} holds files that this compiler did not write", hint="name another folder, or add --force"
        )
    for name, digest in Record.read(out).ir_files.items():
        if (out / name).is_file() and sha256(out / name) != digest:
            raise UserError(
                "ST0501",
                f"{out / name} was edited since it was compiled",
                hint=f"go on from it with --from, name another folder, or add --force to replace {out}",
            )
