# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the manifest says of a stored parameter, and where the files are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from streamtensor.codegen.host.packed import PackedParameter, Padded
from streamtensor.codegen.weights.nibbles import unpack_nibbles
from streamtensor.diagnostics import UserError

FOLDER = "weights"
DATA = "weights.safetensors"
MANIFEST = "manifest.json"
_FORMAT = 4
_SIZES = ("shape", "of", "strides", "tile", "vector")


@dataclass(frozen=True)
class Entry:
    """One tensor of the file: a parameter as it is in the model, or a part of one in the order of a port.

    `layout` is "row-major" or "packed". A packed one holds numbers of `parameter`, which has the shape `of`: number
    i, j, ... is number offset + i * strides[0] + j * strides[1] + ... of it. Its shape is data / tile ++ tile / vector
    ++ vector: tile by tile, the tile in words of `vector`. Where it is `padded`, number offset + ... is one of
    the padded array instead. With `bits` 4 the file holds two numbers of it in a byte,
    the first one in the low half; `dtype` is the model's type, in which it is read back.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str
    layout: str
    parameter: str
    of: tuple[int, ...]
    offset: int = 0
    strides: tuple[int, ...] = ()
    tile: tuple[int, ...] = ()
    vector: tuple[int, ...] = ()
    bits: int = 0
    padded: Padded | None = None

    @property
    def stored_dtype(self) -> str:
        """The type of the file's numbers."""
        return "uint8" if self.bits else self.dtype

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of the file's tensor: bytes where numbers share them."""
        return (self.bytes,) if self.bits else self.shape

    def numbers(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The numbers, in the model's type and the shape of this entry, of what the file holds."""
        if not self.bits:
            return stored
        return unpack_nibbles(stored, math.prod(self.shape)).reshape(self.shape).astype(self.dtype, copy=False)

    def put(self, stored: npt.NDArray[Any], whole: npt.NDArray[Any]) -> None:
        """Puts what the file holds into the parameter `whole` (C-contiguous), where it belongs.

        Raises UserError ST0103 when that does not lie inside the parameter.
        """
        part = PackedParameter(self.parameter, self.offset, self.shape, self.strides, padded=self.padded)
        part.put(self.numbers(stored), whole)


def plain_entry(name: str, whole: npt.NDArray[Any]) -> Entry:
    """The manifest's line for a parameter as it is; its hash is not known yet."""
    return Entry(name, whole.shape, whole.dtype.name, whole.nbytes, "", "row-major", name, whole.shape)


def packed_entry(packed: PackedParameter, whole: npt.NDArray[Any]) -> Entry:
    """The manifest's line for a part of the parameter `whole`; its hash is not known yet."""
    count = math.prod(packed.shape)
    return Entry(
        packed.name,
        packed.shape,
        whole.dtype.name,
        -(-count * packed.bits // 8) if packed.bits else count * whole.itemsize,
        "",
        "packed",
        packed.parameter,
        whole.shape,
        packed.offset,
        packed.strides,
        packed.tile,
        packed.vector,
        packed.bits,
        packed.padded,
    )


def manifest_text(entries: Mapping[str, Entry]) -> str:
    """The manifest as JSON, a line for each tensor of the file."""
    lines = ",\n".join(f"  {json.dumps(asdict(entry))}" for entry in entries.values())
    return f'{{"format": {_FORMAT}, "parameters": [\n{lines}\n]}}\n'


def parse_manifest(path: Path) -> dict[str, Entry]:
    """The stored tensors by name. Raises UserError ST0103 that names the file when it is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']} instead of {_FORMAT}")
        entries = [_entry(line) for line in data["parameters"]]
    except OSError as error:
        raise UserError("ST0103", f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError("ST0103", f"{path} is not a manifest of weights: {error!r}") from error
    return {entry.name: entry for entry in entries}


def _entry(line: Mapping[str, Any]) -> Entry:
    sizes = {name: tuple(int(n) for n in line[name]) for name in _SIZES}
    return Entry(
        name=str(line["name"]),
        dtype=str(line["dtype"]),
        bytes=int(line["bytes"]),
        sha256=str(line["sha256"]),
        layout=str(line["layout"]),
        parameter=str(line["parameter"]),
        offset=int(line["offset"]),
        bits=int(line["bits"]),
        padded=Padded.from_json(line["padded"]) if line["padded"] is not None else None,
        **sizes,
    )
