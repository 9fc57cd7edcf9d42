# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of a study: whole or not there, whatever happens to the process that writes them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamtensor.diagnostics import UserError


def write_whole(file: Path, text: str) -> None:
    """Writes `text` to a temporary name and renames it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def write_json(file: Path, value: Any) -> None:
    """Writes JSON that is equal for equal values."""
    write_whole(file, json.dumps(value, indent=1) + "\n")


def append_line(file: Path, value: Any) -> None:
    """Adds a line of JSON, which is on the disk when this returns."""
    with file.open("ab") as stream:
        stream.write(json.dumps(value).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def drop_partial_line(file: Path) -> None:
    """Cuts off what a process that was killed left of a line."""
    if not file.is_file():
        return
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as stream:
            stream.truncate(whole)


@contextmanager
def locked(file: Path) -> Generator[None, None, None]:
    """Holds a lock that ends with the process. Raises UserError ST0810 when another process holds it."""
    with file.open("a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                "ST0810", f"another process works on {file.parent}", hint="wait for it, or end it"
            ) from error
        try:
            yield
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)
