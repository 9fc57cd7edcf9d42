# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the weights folder: mapped into memory, each parameter checked against its hash when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.weights.manifest import DATA, FOLDER, MANIFEST, Entry, parse_manifest, sha256
from streamtensor.codegen.weights.types import CODES
from streamtensor.diagnostics import UserError

_LENGTH_BYTES = 8


class Weights(Mapping[str, "npt.NDArray[Any]"]):
    """The parameters of a program by name, as they are in the model, read-only.

    `stored` gives what the file holds, arrays that share its pages. A parameter that is only stored in packed parts
    is put together when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FOLDER / DATA
        self._entries = parse_manifest(folder / FOLDER / MANIFEST)
        self._mapped, self._places = _map(self._path)
        self._checked: dict[str, npt.NDArray[Any]] = {}
        self._parts: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            self._check_place(entry)
            self._parts.setdefault(entry.parameter, []).append(entry)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What the manifest says, by stored name."""
        return self._entries

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        parts = self._parts[name]
        if any(entry.name == name for entry in parts):
            return self.stored(name)
        whole = np.empty(parts[0].of, np.dtype(parts[0].dtype))
        for entry in parts:
            entry.part_of(whole)[...] = self.stored(entry.name)
        whole.flags.writeable = False
        return whole

    def stored(self, name: str) -> npt.NDArray[Any]:
        """A tensor of the file by its stored name, checked against its hash the first time.

        Raises UserError ST0103 when it is damaged, KeyError when there is none.
        """
        if name in self._checked:
            return self._checked[name]
        entry = self._entries[name]
        start, _ = self._places[name]["data_offsets"]
        array = self._mapped[start : start + entry.bytes].view(entry.dtype).reshape(entry.shape)
        if sha256(array) != entry.sha256:
            raise UserError(
                "ST0103",
                f"{self._path} is damaged: parameter {name} is not what the manifest's hash says",
                hint="compile the model again",
            )
        self._checked[name] = array
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _check_place(self, entry: Entry) -> None:
        place = self._places.get(entry.name)
        if place is None:
            raise UserError("ST0103", f"{self._path} has no parameter {entry.name}, which its manifest names")
        start, end = place["data_offsets"]
        said = (CODES.get(entry.dtype), list(entry.shape), entry.bytes)
        if (place["dtype"], place["shape"], end - start) != said or end > self._mapped.size:
            raise UserError("ST0103", f"{self._path} and its manifest do not agree on parameter {entry.name}")


def read_weights(folder: Path) -> Weights:
    """The weights that `write_weights(folder, ...)` wrote.

    Raises UserError ST0103 that names the file when one is missing or damaged; a damaged parameter is found when it is
    asked for.
    """
    return Weights(folder)


def _map(path: Path) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """The bytes behind the header of a safetensors file, and the header: type, shape and place of each tensor."""
    try:
        everything = np.memmap(path, dtype=np.uint8, mode="r")
        length = int.from_bytes(everything[:_LENGTH_BYTES].tobytes(), "little")
        header = json.loads(everything[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes())
        header.pop("__metadata__", None)
        return everything[_LENGTH_BYTES + length :], header
    except OSError as error:
        raise UserError("ST0103", f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, AttributeError) as error:
        raise UserError("ST0103", f"{path} is not a safetensors file") from error
