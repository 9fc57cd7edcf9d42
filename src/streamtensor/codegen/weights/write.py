# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the weights folder; nothing is half-written at any time."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from streamtensor.codegen.host.packed import PackedParameter
from streamtensor.codegen.weights.manifest import (
    DATA,
    FOLDER,
    MANIFEST,
    Entry,
    manifest_text,
    packed_entry,
    plain_entry,
)
from streamtensor.codegen.weights.nibbles import HIGH, LOW, fit_nibbles, pack_nibbles
from streamtensor.codegen.weights.pieces import Array, pieces
from streamtensor.codegen.weights.types import CODES
from streamtensor.diagnostics import InternalError, UserError

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and those that there are."""


@dataclass(frozen=True)
class _Stored:
    """One tensor of the file before it is written: its line in the manifest without a hash, its parameter, and where in
    it its numbers are (None: they are the parameter).
    """

    entry: Entry
    whole: Array
    part: PackedParameter | None = None

    @property
    def nbytes(self) -> int:
        """The bytes of its numbers in the model's type."""
        return math.prod(self.entry.shape) * self.whole.itemsize

    def pieces(self) -> Iterator[tuple[int, Array]]:
        """What is written, one piece after the other, and the bytes of the parameter that each stands for."""
        if not self.entry.bits:
            for piece in self._plain():
                yield piece.nbytes, piece
            return
        rest = np.empty(0, self.whole.dtype)  # the number that waits for the other half of its byte
        for piece in self._plain():
            if not fit_nibbles(piece):
                raise UserError(
                    "ST0103",
                    f"parameter {self.entry.parameter} has numbers from {piece.min()} to {piece.max()}, "
                    f"but 4-bit numbers lie between {LOW} and {HIGH}",
                    hint="quantise the model again",
                )
            flat = np.concatenate((rest, piece.reshape(-1))) if rest.size else piece.reshape(-1)
            even = flat.size // 2 * 2
            rest = flat[even:].copy()
            yield piece.nbytes, pack_nibbles(flat[:even])
        if rest.size:
            yield 0, pack_nibbles(rest)

    def _plain(self) -> Iterator[Array]:
        """Its numbers in the model's type."""
        for slab in [self.whole] if self.part is None else self.part.slabs(self.whole):
            yield from pieces(slab)


def write_weights(
    folder: Path,
    parameters: Mapping[str, Any],
    packed: Sequence[PackedParameter] = (),
    plain: Sequence[str] = (),
    *,
    progress: Progress | None = None,
) -> list[Path]:
    """Writes `folder/weights/`: the parameters, numpy arrays or torch tensors, and their manifest.

    Each of `packed` is written in its order. A parameter is also written as it is when it is one of `plain`, or when
    its packed parts are not all of it: the whole model can be read back. All are packed, hashed and written in pieces
    from where they are, so that the memory that it takes does not grow with them. Both files appear under their names
    only when they are complete, the manifest last: without it there are no weights. `progress` hears of bytes of
    the parameters. Returns the paths of the two files. Raises UserError ST0103 for a type that numpy does not have,
    and for a number that does not fit into 4 bits where it should.
    """
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    stored = _stored({name: _array(name, value) for name, value in parameters.items()}, packed, set(plain))
    data, manifest = target / DATA, target / MANIFEST
    suffix = f".{os.getpid()}.tmp"
    new_data, new_manifest = data.with_name(data.name + suffix), manifest.with_name(manifest.name + suffix)
    try:
        with new_data.open("wb") as file:
            entries = _write(file, stored, progress or (lambda _done, _total: None))
        new_manifest.write_text(manifest_text(entries), encoding="utf-8")
        manifest.unlink(missing_ok=True)
        new_data.replace(data)
        new_manifest.replace(manifest)
    finally:
        new_data.unlink(missing_ok=True)
        new_manifest.unlink(missing_ok=True)
    return [data, manifest]


def _stored(arrays: Mapping[str, Array], packed: Sequence[PackedParameter], plain: set[str]) -> list[_Stored]:
    parts: dict[str, dict[str, PackedParameter]] = {}
    for part in packed:
        if part.parameter not in arrays:
            raise InternalError(f"the program packs {part.parameter}, which is no parameter")
        parts.setdefault(part.parameter, {})[part.name] = part
    found: list[_Stored] = []
    for name, array in arrays.items():
        mine = list(parts.get(name, {}).values())
        if name in plain or not _make_up(mine, array):
            found.append(_Stored(plain_entry(name, array), array))
        found += [_Stored(packed_entry(part, array), array, part) for part in mine]
    return found


def _make_up(parts: Sequence[PackedParameter], array: Array) -> bool:
    """Whether every number of a parameter is in one of its parts."""
    if any(part.is_all_of(array.size) for part in parts):
        return True
    if sum(math.prod(part.shape) for part in parts) < array.size or not parts:
        return False
    seen = np.zeros(array.shape, np.bool_)
    for part in parts:
        part.put(np.ones(part.shape, np.bool_), seen)
    return bool(seen.all())


def _write(file: BinaryIO, stored: Sequence[_Stored], progress: Progress) -> dict[str, Entry]:
    """Writes a safetensors file: the length of a JSON header, the header, the data; wide numbers first, so that all lie
    at multiples of their size.
    """
    order = sorted(stored, key=lambda one: -np.dtype(one.entry.stored_dtype).itemsize)
    header: dict[str, Any] = {}
    place = 0
    for entry in [one.entry for one in order]:
        code = CODES.get(entry.stored_dtype)
        if code is None:
            raise UserError(
                "ST0103", f"parameter {entry.name} has type {entry.dtype}", hint="convert the model to float32"
            )
        ends = [place, place + entry.bytes]
        header[entry.name] = {"dtype": code, "shape": list(entry.stored_shape), "data_offsets": ends}
        place = ends[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    done, total = 0, sum(one.nbytes for one in order)
    progress(done, total)
    entries: dict[str, Entry] = {}
    for one in order:
        digest = hashlib.sha256()
        for taken, piece in one.pieces():
            content = piece.reshape(-1).view(np.uint8).data
            digest.update(content)
            file.write(content)
            done += taken
            progress(done, total)
        entries[one.entry.name] = replace(one.entry, sha256=digest.hexdigest())
    return {one.entry.name: entries[one.entry.name] for one in stored}


def _array(name: str, value: Any) -> Array:
    if hasattr(value, "detach"):  # a torch tensor; torch itself is not needed here
        try:
            value = value.detach().cpu().numpy()
        except TypeError as error:
            raise UserError(
                "ST0103", f"parameter {name} has type {value.dtype}", hint="convert the model to float32 first"
            ) from error
    array = np.ascontiguousarray(value)
    return array.reshape(np.shape(value))  # ascontiguousarray gives scalars a dimension
