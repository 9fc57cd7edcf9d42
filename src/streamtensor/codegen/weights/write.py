# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the weights folder; nothing is half-written at any time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.weights.manifest import DATA, FOLDER, MANIFEST, entry_of, manifest_text
from streamtensor.diagnostics import UserError


def write_weights(folder: Path, parameters: Mapping[str, Any]) -> list[Path]:
    """Writes `folder/weights/`: the parameters, numpy arrays or torch tensors, and their manifest.

    Arrays that are contiguous are written from where they are. Both files appear under their names only when they are
    complete, the manifest last: without it there are no weights. Returns the paths of the two files. Raises UserError
    ST0103 for a type that numpy does not have.
    """
    from safetensors.numpy import save_file

    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    arrays = {name: _array(name, value) for name, value in parameters.items()}
    data, manifest = target / DATA, target / MANIFEST
    suffix = f".{os.getpid()}.tmp"
    new_data, new_manifest = data.with_name(data.name + suffix), manifest.with_name(manifest.name + suffix)
    try:
        save_file(arrays, new_data)
        new_manifest.write_text(
            manifest_text({name: entry_of(name, array) for name, array in arrays.items()}), encoding="utf-8"
        )
        manifest.unlink(missing_ok=True)
        new_data.replace(data)
        new_manifest.replace(manifest)
    finally:
        new_data.unlink(missing_ok=True)
        new_manifest.unlink(missing_ok=True)
    return [data, manifest]


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    if hasattr(value, "detach"):  # a torch tensor; torch itself is not needed here
        try:
            value = value.detach().cpu().numpy()
        except TypeError as error:
            raise UserError(
                "ST0103", f"parameter {name} has type {value.dtype}", hint="convert the model to float32 first"
            ) from error
    array = np.ascontiguousarray(value)
    return array.reshape(np.shape(value))  # ascontiguousarray gives scalars a dimension
