# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values that are kept between runs under the hash of everything that decides them.

A key must name all of the input; the sources of the compiler itself are part of every key. Files are written under a
temporary name and renamed, so that several processes may share the folder: who comes second writes the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from streamtensor.timing.native_library import cache_folder

_SOURCES = (".py", ".toml", ".cpp", ".h")


@cache
def sources_digest() -> str:
    """The hash of the package's own sources and data files."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.suffix in _SOURCES):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def digest_of(*parts: str) -> str:
    """A short hash of texts, the compiler's sources included."""
    return hashlib.sha256("\0".join((sources_digest(), *parts)).encode()).hexdigest()[:32]


def kept(kind: str, key: str) -> Any:
    """The JSON value that was kept as `key` among those of a `kind`; None where there is none."""
    try:
        return json.loads(_file(kind, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep(kind: str, key: str, value: Any) -> None:
    """Keeps a JSON value. A folder that can't be written loses nothing but time."""
    file = _file(kind, key)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value), encoding="utf-8")
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)


def kept_or_made(kind: str, key: str, make: Callable[[], Any]) -> Any:
    """The kept value, or what `make` gives, as JSON has it."""
    value = kept(kind, key)
    if value is None:
        value = json.loads(json.dumps(make()))
        keep(kind, key, value)
    return value


def _file(kind: str, key: str) -> Path:
    return cache_folder() / kind / key[:2] / f"{key}.json"
