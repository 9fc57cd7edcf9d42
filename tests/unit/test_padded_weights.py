# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters with zeros behind them: packed, written, read back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from streamtensor.codegen.host import packed as packed_module
from streamtensor.codegen.host.packed import PackedParameter, Padded
from streamtensor.codegen.weights import read_weights, write_weights
from streamtensor.diagnostics import UserError

# 5 x 6 numbers padded to 8 x 8, in tiles of 4 x 4.
TILED = PackedParameter("w", 0, (2, 2, 4, 4), (32, 4, 8, 1), (4, 4), padded=Padded((8, 8), (5, 6), 0, (6, 1)))
# The columns 2 to 4 of the same parameter, transposed, padded to 4 x 6 and not packed.
SLICED = PackedParameter("w", 0, (4, 6), (6, 1), padded=Padded((4, 6), (3, 5), 2, (1, 6)))
W = np.arange(1, 31, dtype=np.int8).reshape(5, 6)


def expected(part: PackedParameter) -> np.ndarray:
    whole = np.zeros(part.padded.shape if part.padded is not None else (), np.int8)
    if part is SLICED:
        whole[:3, :5] = W[:, 2:5].T
        return whole
    whole[:5, :6] = W
    return whole.reshape(2, 4, 2, 4).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("part", [TILED, SLICED])
@pytest.mark.parametrize("slab_bytes", [1, 20, 1 << 20])
def test_the_numbers_in_their_order(part: PackedParameter, slab_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_module, "_SLAB_BYTES", slab_bytes)
    np.testing.assert_array_equal(part.view(W), expected(part))
    back = np.full_like(W, -1)
    part.put(part.view(W), back)
    kept = W if part is TILED else np.where(np.isin(np.arange(6), (2, 3, 4)), W, -1)
    np.testing.assert_array_equal(back, kept)


def test_what_is_all_of_a_parameter() -> None:
    assert TILED.is_all_of(30)
    assert not SLICED.is_all_of(30)


@pytest.mark.parametrize("bits", [0, 4])
def test_written_and_read_back(bits: int, tmp_path: Path) -> None:
    """One that is padded whole needs no plain copy; of one in parts the rest is kept."""
    values = {"w": W % 8}
    part = PackedParameter("w", 0, TILED.shape, TILED.strides, (4, 4), bits=bits, padded=TILED.padded)
    write_weights(tmp_path, values, [part])
    found = read_weights(tmp_path)
    assert set(found.entries) == {part.name}
    assert found.entries[part.name].bytes == (32 if bits else 64)
    np.testing.assert_array_equal(found["w"], W % 8)
    write_weights(tmp_path, values, [SLICED])
    assert set(read_weights(tmp_path).entries) == {"w", SLICED.name}
    np.testing.assert_array_equal(read_weights(tmp_path)["w"], W % 8)


def test_names_say_what_is_padded() -> None:
    names = {one.name for one in (TILED, SLICED, PackedParameter("w", 0, (4, 6), (6, 1)))}
    assert len(names) == 3
    assert PackedParameter.from_json(asdict(TILED)) == TILED


def test_a_parameter_that_is_too_small() -> None:
    with pytest.raises(UserError, match="is no part of a parameter of 29 numbers"):
        TILED.view(np.zeros(29, np.int8))
