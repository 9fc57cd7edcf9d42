# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the weights folder: mapped into memory, checked against its hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.weights.manifest import DATA, FOLDER, MANIFEST, Entry, parse_manifest
from streamtensor.codegen.weights.pieces import pieces
from streamtensor.codegen.weights.types import CODES
from streamtensor.codegen.weights.write import Progress
from streamtensor.diagnostics import UserError

_LENGTH_BYTES = 8


class Weights(Mapping[str, "npt.NDArray[Any]"]):
    """The parameters of a program by name, as they are in the model, read-only.

    `stored` gives what the file holds, arrays that share its pages; `check` compares the file with its hashes. A
    parameter that is only stored in packed parts is put together when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FOLDER / DATA
        self._manifest = folder / FOLDER / MANIFEST
        self._entries = parse_manifest(self._manifest)
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
            entry.put(self.stored(entry.name), whole)
        whole.flags.writeable = False
        return whole

    def stored(self, name: str) -> npt.NDArray[Any]:
        """A tensor of the file by its stored name, checked against its hash the first time.

        Raises UserError ST0103 when it is damaged, KeyError when there is none.
        """
        if name not in self._checked:
            self._check([self._entries[name]], None)
        return self._checked[name]

    def check(self, names: Iterable[str] | None = None, *, progress: Progress | None = None) -> None:
        """Compares stored tensors, all of them unless `names` says which, with their hashes; each only once.

        Raises UserError ST0103 that names the file and the parameter when one is missing or damaged.
        """
        wanted = list(self._entries) if names is None else list(dict.fromkeys(names))
        for name in wanted:
            if name not in self._entries:
                parameter = name.partition("@")[0]
                raise UserError(
                    "ST0103",
                    f"{self._manifest} does not list parameter {parameter} as the program reads it ({name})",
                    hint="compile the model again",
                )
        self._check([self._entries[name] for name in wanted if name not in self._checked], progress)

    def _check(self, entries: Iterable[Entry], progress: Progress | None) -> None:
        entries = list(entries)
        done, total = 0, sum(entry.bytes for entry in entries)
        for entry in entries:
            start, _ = self._places[entry.name]["data_offsets"]
            content = self._mapped[start : start + entry.bytes]
            digest = hashlib.sha256()
            for piece in pieces(content):
                if progress is not None:
                    progress(done, total)
                digest.update(piece.data)
                done += piece.nbytes
            if digest.hexdigest() != entry.sha256:
                raise UserError(
                    "ST0103",
                    f"{self._path} is damaged: parameter {entry.name} is not what the manifest's hash says",
                    hint="compile the model again",
                )
            self._checked[entry.name] = content.view(entry.stored_dtype).reshape(entry.stored_shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _check_place(self, entry: Entry) -> None:
        place = self._places.get(entry.name)
        if place is None:
            raise UserError("ST0103", f"{self._path} has no parameter {entry.name}, which its manifest names")
        start, end = place["data_offsets"]
        if end > self._mapped.size:
            raise UserError(
                "ST0103",
                f"{self._path} ends at byte {self._mapped.size} of its data, within or before parameter {entry.name}, "
                f"which ends at byte {end}",
                hint="compile the model again",
            )
        said = (CODES.get(entry.stored_dtype), list(entry.stored_shape), entry.bytes)
        if (place["dtype"], place["shape"], end - start) != said:
            raise UserError("ST0103", f"{self._path} and its manifest do not agree on parameter {entry.name}")


def read_weights(folder: Path) -> Weights:
    """The weights that `write_weights(folder, ...)` wrote.

    Raises UserError ST0103 that names the file when one is missing, cut short or no such file, and the parameter; a
    damaged parameter is found by `Weights.check`, or when it is asked for.
    """
    return Weights(folder)


def _map(path: Path) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """The bytes behind the header of a safetensors file, and the header: type, shape and place of each tensor."""
    try:
        everything = np.memmap(path, dtype=np.uint8, mode="r")
        length = int.from_bytes(everything[:_LENGTH_BYTES].tobytes(), "little")
        header = json.loads(everything[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes())
        header.pop("__metadata__", None)
        for place in header.values():
            _, _, (_, _) = place["dtype"], place["shape"], map(int, place["data_offsets"])
        return everything[_LENGTH_BYTES + length :], header
    except OSError as error:
        raise UserError("ST0103", f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise UserError("ST0103", f"{path} is not a safetensors file") from error
