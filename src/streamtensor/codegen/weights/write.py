# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the weights folder; nothing is half-written at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

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
from streamtensor.codegen.weights.types import CODES
from streamtensor.diagnostics import InternalError, UserError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Stored:
    """One tensor of the file before it is written; `make` gives its numbers and its line in the manifest."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Callable[[], tuple[Array, Entry]]

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def write_weights(
    folder: Path, parameters: Mapping[str, Any], packed: Sequence[PackedParameter] = (), plain: Sequence[str] = ()
) -> list[Path]:
    """Writes `folder/weights/`: the parameters, numpy arrays or torch tensors, and their manifest.

    Each of `packed` is written in its order. A parameter is also written as it is when it is one of `plain`, or when
    its packed parts are not all of it: the whole model can be read back. They are packed one after the other while
    they are written, and the others are written from where they are. Both files appear under their names only when
    they are complete, the manifest last: without it there are no weights. Returns the paths of the two files. Raises
    UserError ST0103 for a type that numpy does not have.
    """
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    stored = _stored({name: _array(name, value) for name, value in parameters.items()}, packed, set(plain))
    data, manifest = target / DATA, target / MANIFEST
    suffix = f".{os.getpid()}.tmp"
    new_data, new_manifest = data.with_name(data.name + suffix), manifest.with_name(manifest.name + suffix)
    try:
        with new_data.open("wb") as file:
            entries = _write(file, stored)
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
            found.append(_Stored(name, array.shape, array.dtype, lambda n=name, a=array: (a, plain_entry(n, a))))
        for part in mine:
            found.append(_Stored(part.name, part.shape, array.dtype, lambda p=part, a=array: _pack(p, a)))
    return found


def _pack(part: PackedParameter, whole: Array) -> tuple[Array, Entry]:
    array = np.ascontiguousarray(part.view(whole)).reshape(part.shape)
    return array, packed_entry(part, whole, array)


def _make_up(parts: Sequence[PackedParameter], array: Array) -> bool:
    """Whether every number of a parameter is in one of its parts."""
    if not parts:
        return False
    seen = np.zeros(array.shape, np.bool_)
    for part in parts:
        part.view(seen)[...] = True
    return bool(seen.all())


def _write(file: BinaryIO, stored: Sequence[_Stored]) -> dict[str, Entry]:
    """Writes a safetensors file: the length of a JSON header, the header, the data; wide numbers first, so that all lie
    at multiples of their size.
    """
    order = sorted(stored, key=lambda one: -one.dtype.itemsize)
    header: dict[str, Any] = {}
    place = 0
    for one in order:
        code = CODES.get(one.dtype.name)
        if code is None:
            raise UserError("ST0103", f"parameter {one.name} has type {one.dtype}", hint="convert the model to float32")
        ends = [place, place + one.nbytes]
        header[one.name] = {"dtype": code, "shape": list(one.shape), "data_offsets": ends}
        place = ends[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    entries: dict[str, Entry] = {}
    for one in order:
        array, entries[one.name] = one.make()
        file.write(array.reshape(-1).view(np.uint8).data)
    return {one.name: entries[one.name] for one in stored}


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
