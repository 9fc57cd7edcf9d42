# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A kernel that does not fit on chip sends the compiler back to tiling."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from streamtensor import flow
from streamtensor.diagnostics import UserError

MODEL = "import torch\ndef make():\n    return torch.nn.Linear(64, 64), (torch.ones(64, 64),)\n"


class Listener:
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def stage(self, name: str, done: int, total: int) -> None:
        """Not of interest."""

    def transfer(self, name: str, done_bytes: int, total_bytes: int) -> None:
        """Not of interest."""

    def note(self, text: str) -> None:
        self.notes.append(text)


def small_device(folder: Path, blocks: int) -> str:
    """The u280 with a few memory blocks only."""
    text = (files("streamtensor.targets") / "devices" / "u280.toml").read_text(encoding="utf-8")
    text = re.sub(r"^bram36 = \{ value = \d+", f"bram36 = {{ value = {blocks}", text, flags=re.MULTILINE)
    text = re.sub(r"^uram = \{ value = \d+", "uram = { value = 0", text, flags=re.MULTILINE)
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_tiles_become_smaller_until_the_kernels_fit(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    listener = Listener()
    out = tmp_path / "out"
    device = small_device(tmp_path, 1)  # 36,864 bits; a product of 32x32 tiles holds 3 * 32 * 32 * 32 bits
    flow.compile_model(
        f"{tmp_path / 'model.py'}:make", out, device=device, tile=32, to="stream", events=listener, verify_numerics=True
    )
    assert any("does not fit" in note and "tiles of 16 instead of 32" in note for note in listener.notes)
    assert json.loads((out / "compile.json").read_text(encoding="utf-8"))["choices"]["main"]["tile"] == 16


def test_what_does_not_fit_with_the_smallest_tile_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.setattr("streamtensor.targets.device.Device.on_chip_bits", property(lambda _: 64))
    with pytest.raises(UserError, match="does not fit on chip") as caught:
        flow.compile_model(f"{tmp_path / 'model.py'}:make", tmp_path / "out", tile=4, to="stream")
    assert caught.value.code == "ST0305"
    assert caught.value.terms
    assert caught.value.levers
    assert not (tmp_path / "out").exists()
