# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the manifest says of a parameter, and where the files are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.diagnostics import UserError

FOLDER = "weights"
DATA = "weights.safetensors"
MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One parameter. `layout` is the order of its numbers in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str
    layout: str = "row-major"


def entry_of(name: str, array: npt.NDArray[Any]) -> Entry:
    """The manifest's line for a C-contiguous array."""
    return Entry(name, array.shape, array.dtype.name, array.nbytes, sha256(array))


def sha256(array: npt.NDArray[Any]) -> str:
    """Hash of the bytes of a C-contiguous array, read where they are."""
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


def manifest_text(entries: Mapping[str, Entry]) -> str:
    """The manifest as JSON, a line for each parameter."""
    lines = ",\n".join(f"  {json.dumps(asdict(entry))}" for entry in entries.values())
    return f'{{"format": {_FORMAT}, "parameters": [\n{lines}\n]}}\n'


def parse_manifest(path: Path) -> dict[str, Entry]:
    """The parameters by name. Raises UserError ST0103 that names the file when it is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']} instead of {_FORMAT}")
        entries = [
            Entry(e["name"], tuple(int(n) for n in e["shape"]), e["dtype"], int(e["bytes"]), e["sha256"], e["layout"])
            for e in data["parameters"]
        ]
    except OSError as error:
        raise UserError("ST0103", f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("ST0103", f"{path} is not a manifest of weights: {error!r}") from error
    return {entry.name: entry for entry in entries}
