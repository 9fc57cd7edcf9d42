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

from streamtensor.codegen.host.packed import PackedParameter, narrow_parameter
from streamtensor.codegen.weights import read_weights, write_weights
from streamtensor.codegen.weights.pieces import pieces
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


def test_all_parameters_are_checked_at_once(tmp_path: Path) -> None:
    given = parameters()
    data, manifest = write_weights(tmp_path, given)
    heard: list[tuple[int, int]] = []
    found = read_weights(tmp_path)
    found.check(progress=lambda done, total: heard.append((done, total)))
    total = sum(array.nbytes for array in given.values())
    assert heard[0] == (0, total)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    heard.clear()
    found.check(progress=lambda done, total: heard.append((done, total)))
    assert not heard  # what was checked once is not again
    content = bytearray(data.read_bytes())
    content[content.index(given["ids"].tobytes()) + 8] ^= 128
    data.write_bytes(content)
    read_weights(tmp_path).check(["h.0.weight", "flag"])
    with pytest.raises(UserError, match=r"weights\.safetensors is damaged: parameter ids ") as caught:
        read_weights(tmp_path).check()
    assert caught.value.code == "ST0103"
    assert str(manifest.parent) in caught.value.message


def test_a_parameter_that_the_manifest_does_not_list_is_named(tmp_path: Path) -> None:
    write_weights(tmp_path, {"w": np.ones((4, 8), np.float32)})
    found = read_weights(tmp_path)
    with pytest.raises(UserError, match=r"manifest\.json does not list parameter w as the program reads it") as caught:
        found.check([tiled("w", (4, 8), 8).name])
    assert caught.value.code == "ST0103"


def test_a_cut_file_names_the_parameter(tmp_path: Path) -> None:
    data, _ = write_weights(tmp_path, {"a": np.ones(100, np.float32), "b": np.ones(100, np.float32)})
    data.write_bytes(data.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"weights\.safetensors ends at byte 790 .* parameter b, .* byte 800"):
        read_weights(tmp_path)


@pytest.mark.parametrize("missing", ["weights.safetensors", "manifest.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_weights(tmp_path, parameters())
    (tmp_path / "weights" / missing).unlink()
    with pytest.raises(UserError, match=missing) as caught:
        read_weights(tmp_path)
    assert caught.value.code == "ST0103"


@pytest.mark.parametrize("header", [b"{}", b'{"a": 3}', b'{"a": {"dtype": "F32"}}', b"[]", b"3"])
def test_a_damaged_header_is_an_error(tmp_path: Path, header: bytes) -> None:
    data, _ = write_weights(tmp_path, {"a": np.ones(100, np.float32)})
    data.write_bytes(len(header).to_bytes(8, "little") + header + bytes(400))
    with pytest.raises(UserError, match=r"weights\.safetensors") as caught:
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


def tiled(parameter: str, shape: tuple[int, int], columns: int, offset: int = 0) -> PackedParameter:
    """A part of a parameter with `columns` columns, in tiles of 2x4, in words of 1x4."""
    sizes = (shape[0] // 2, shape[1] // 4, 2, 1, 1, 4)
    return PackedParameter(parameter, offset, sizes, (2 * columns, 4, columns, 4, columns, 1), (2, 4), (1, 4))


def test_packed_parameters_are_stored_in_their_order_and_read_back(tmp_path: Path) -> None:
    whole = np.arange(4 * 16, dtype=np.float32).reshape(4, 16)
    left, right = tiled("w", (4, 8), 16), tiled("w", (4, 8), 16, offset=8)
    write_weights(tmp_path, {"w": whole, "b": np.ones(3, np.int8)}, [left, right])
    found = read_weights(tmp_path)
    assert set(found) == {"w", "b"}
    assert list(found.entries) == [left.name, right.name, "b"]
    np.testing.assert_array_equal(found["w"], whole)
    assert not found["w"].flags.writeable
    wanted = whole[:, 8:].reshape(2, 2, 2, 4).transpose(0, 2, 1, 3).reshape(right.shape)
    np.testing.assert_array_equal(found.stored(right.name), wanted)
    assert not found.stored(right.name).flags.owndata
    entry = found.entries[right.name]
    assert (entry.layout, entry.parameter, entry.of, entry.offset) == ("packed", "w", (4, 16), 8)
    assert (entry.tile, entry.vector, entry.bytes) == ((2, 4), (1, 4), 128)
    stored = load_file(tmp_path / "weights/weights.safetensors")[right.name]
    np.testing.assert_array_equal(stored, wanted)


def test_a_parameter_is_stored_as_it_is_when_its_parts_are_not_all_of_it(tmp_path: Path) -> None:
    whole = np.arange(4 * 16, dtype=np.float32).reshape(4, 16)
    part = tiled("w", (4, 8), 16)
    write_weights(tmp_path, {"w": whole}, [part])
    assert set(read_weights(tmp_path).entries) == {"w", part.name}
    np.testing.assert_array_equal(read_weights(tmp_path)["w"], whole)


def test_a_parameter_that_is_also_wanted_as_it_is(tmp_path: Path) -> None:
    whole = np.arange(4 * 16, dtype=np.float32).reshape(4, 16)
    write_weights(tmp_path, {"w": whole}, [tiled("w", (4, 16), 16)], ["w"])
    assert len(read_weights(tmp_path).entries) == 2


def test_a_damaged_part_is_found_when_its_parameter_is_read(tmp_path: Path) -> None:
    whole = np.arange(4 * 16, dtype=np.float32).reshape(4, 16)
    data, manifest = write_weights(tmp_path, {"w": whole}, [tiled("w", (4, 16), 16)])
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"offset": 0', '"offset": 1'), encoding="utf-8")
    with pytest.raises(UserError, match="is no part of a parameter of 64 numbers"):
        _ = read_weights(tmp_path)["w"]
    manifest.write_text(text, encoding="utf-8")
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.safetensors is damaged: parameter w@"):
        _ = read_weights(tmp_path)["w"]


def test_numbers_lie_at_multiples_of_their_size(tmp_path: Path) -> None:
    write_weights(tmp_path, {"flag": np.array([True]), "w": np.ones(3, np.float64), "i": np.ones(1, np.int16)})
    found = read_weights(tmp_path)
    assert found["w"].ctypes.data % 8 == 0
    assert found["i"].ctypes.data % 2 == 0


@pytest.mark.parametrize("shape", [(4, 6), (3, 5), (1, 1), (7,), (2, 3, 3)])
def test_numbers_of_four_bits_share_bytes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(-8, 8, shape).astype(np.int8)
    form = narrow_parameter("w", shape)
    data, _ = write_weights(tmp_path, {"w": whole, "b": np.ones(3, np.int8)}, [form])
    found = read_weights(tmp_path)
    entry = found.entries[form.name]
    assert entry.bytes == -(-whole.size // 2)
    assert (entry.bits, entry.dtype, entry.shape) == (4, "int8", shape)
    stored = found.stored(form.name)
    assert stored.dtype == np.uint8
    for number, value in enumerate(whole.reshape(-1)):
        assert (stored[number // 2] >> (4 * (number % 2))) & 15 == int(value) & 15
    np.testing.assert_array_equal(found["w"], whole)
    assert found["w"].dtype == np.int8
    assert set(found.entries) == {form.name, "b"}
    assert load_file(data)[form.name].nbytes == entry.bytes


def test_a_number_that_has_more_than_four_bits_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="parameter w has numbers from -9 to 7, but 4-bit numbers lie") as caught:
        write_weights(tmp_path, {"w": np.array([3, -9, 7], np.int8)}, [narrow_parameter("w", (3,))])
    assert caught.value.code == "ST0103"
    assert not list((tmp_path / "weights").iterdir())


def test_progress_ends_with_all_bytes(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    whole = np.zeros((3, 1 << 20), np.float32)
    write_weights(tmp_path, {"w": whole}, progress=lambda done, total: heard.append((done, total)))
    assert heard[0] == (0, whole.nbytes)
    assert heard[-1] == (whole.nbytes, whole.nbytes)
    assert len(heard) >= 12


@pytest.mark.parametrize("size", [1, 3, 8, 64, 1000])
def test_pieces_are_the_numbers_in_order(size: int) -> None:
    whole = np.arange(4 * 6 * 5, dtype=np.int8).reshape(4, 6, 5)
    for view in (whole, whole.T, whole[1:, ::2], whole[:, :0], np.array(5, np.int8)):
        found = list(pieces(view, size))
        assert all(0 < piece.nbytes <= size and piece.flags.c_contiguous for piece in found)
        flat = [number for piece in found for number in piece.reshape(-1).tolist()]
        assert flat == view.reshape(-1).tolist()


def test_an_interrupted_packing_leaves_the_old_weights(tmp_path: Path) -> None:
    write_weights(tmp_path, {"w": np.ones(2, np.float32)})

    def interrupt(done: int, total: int) -> None:
        if 2 * done > total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_weights(tmp_path, {"w": np.zeros((4, 1 << 18), np.float32)}, progress=interrupt)
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == ["manifest.json", "weights.safetensors"]
    read_weights(tmp_path).check()
    np.testing.assert_array_equal(read_weights(tmp_path)["w"], [1, 1])
