# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights are written whole, read without a copy, and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

from streamtensor.codegen.weights import read_weights, write_weights
from streamtensor.diagnostics import UserError

Array = npt.NDArray[Any]


class Tensor:
    """What write_weights needs of a torch tensor."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.dtype = "torch.bfloat16"

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Array:
        if self.array.size == 0:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


def parameters() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    return {
        "h.0.weight": rng.standard_normal((3, 5)).astype(np.float32),
        "transposed": rng.standard_normal((4, 6)).astype(np.float32).T,
        "ids": np.arange(7),
        "flag": np.array([True, False]),
        "scalar": np.array(2.5, np.float32),
        'name with "quotes" and ü': np.ones((1, 1, 2), np.int8),
    }


def test_round_trip(tmp_path: Path) -> None:
    given = parameters()
    paths = write_weights(tmp_path, given)
    assert paths == [tmp_path / "weights/weights.safetensors", tmp_path / "weights/manifest.json"]
    found = read_weights(tmp_path)
    assert set(found) == set(given)
    for name, array in given.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape
        assert not found[name].flags.writeable
        assert found[name].flags.c_contiguous
        assert not found[name].flags.owndata
    assert found.entries["h.0.weight"].bytes == 60
    assert found.entries["h.0.weight"].layout == "row-major"


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    write_weights(tmp_path, parameters())
    loaded = load_file(tmp_path / "weights/weights.safetensors")
    for name, array in parameters().items():
        np.testing.assert_array_equal(loaded[name], array)


def test_tensors_are_taken_like_arrays(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_weights(tmp_path, {"w": Tensor(array)})
    np.testing.assert_array_equal(read_weights(tmp_path)["w"], array)


def test_a_type_that_numpy_lacks_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    write_weights(tmp_path, {"w": np.ones(2, np.float32)})
    with pytest.raises(UserError, match="bfloat16"):
        write_weights(tmp_path, {"w": np.zeros(2, np.float32), "v": Tensor(np.zeros(0))})
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["manifest.json", "weights.safetensors"]
    np.testing.assert_array_equal(read_weights(tmp_path)["w"], [1, 1])


def test_a_changed_byte_is_found_when_its_parameter_is_read(tmp_path: Path) -> None:
    given = parameters()
    data, _ = write_weights(tmp_path, given)
    content = bytearray(data.read_bytes())
    place = content.index(given["h.0.weight"].tobytes())
    content[place + 3] ^= 1
    data.write_bytes(content)
    found = read_weights(tmp_path)
    np.testing.assert_array_equal(found["ids"], given["ids"])
    with pytest.raises(UserError, match=r"weights\.safetensors is damaged: parameter h\.0\.weight") as caught:
        _ = found["h.0.weight"]
    assert caught.value.code == "ST0103"


@pytest.mark.parametrize("missing", ["weights.safetensors", "manifest.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_weights(tmp_path, parameters())
    (tmp_path / "weights" / missing).unlink()
    with pytest.raises(UserError, match=missing) as caught:
        read_weights(tmp_path)
    assert caught.value.code == "ST0103"


@pytest.mark.parametrize("length", [0, 4, 40, -10])
def test_a_truncated_file_is_an_error(tmp_path: Path, length: int) -> None:
    data, _ = write_weights(tmp_path, parameters())
    data.write_bytes(data.read_bytes()[:length])
    with pytest.raises(UserError, match=r"weights\.safetensors") as caught:
        read_weights(tmp_path)
    assert caught.value.code == "ST0103"


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99, "parameters": []}', '{"format": 1, "parameters": [{}]}'])
def test_a_damaged_manifest_is_an_error(tmp_path: Path, text: str) -> None:
    _, manifest = write_weights(tmp_path, parameters())
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"manifest\.json") as caught:
        read_weights(tmp_path)
    assert caught.value.code == "ST0103"


def test_a_manifest_of_other_weights_is_an_error(tmp_path: Path) -> None:
    _, manifest = write_weights(tmp_path, parameters())
    data = json.loads(manifest.read_text(encoding="utf-8"))
    data["parameters"][0]["shape"] = [15]
    manifest.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UserError, match="do not agree"):
        read_weights(tmp_path)
