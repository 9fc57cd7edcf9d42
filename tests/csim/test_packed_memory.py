# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiles and words in external memory, through C simulation: ports, weights, what stays packed between kernels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from streamtensor import flow
from streamtensor.codegen.weights import read_weights
from streamtensor.flow.compile import recompile

DEVICES = Path(__file__).resolve().parents[2] / "src" / "streamtensor" / "targets" / "devices"

pytestmark = pytest.mark.needs("g++")


class Shared(torch.nn.Module):
    """One weight, of which slices are used: three projections of a fused one, and an output that is used transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = torch.nn.Linear(32, 96)
        self.out = torch.nn.Linear(32, 32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).split(32, dim=-1)
        return self.out(torch.softmax(q @ k.t(), -1) @ v) + x


def compiled(module: torch.nn.Module, x: torch.Tensor, out: Path, **options: object) -> flow.Accelerator:
    return flow.compile_module(module, (x,), out=out, **options)  # pyright: ignore[reportArgumentType]


def small_device(folder: Path, bram36: int, uram: int) -> str:
    """A device with little memory, so that kernels are several groups."""
    text = (DEVICES / "u55c.toml").read_text(encoding="utf-8")
    for name, number in (("bram36", bram36), ("uram", uram)):
        text, found = re.subn(rf"(?m)^({name} *= *\{{ *value *= *)[0-9]+", rf"\g<1>{number}", text)
        assert found == 1
    file = folder / "small.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_ports_and_weights_of_a_product(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, x = torch.nn.Linear(64, 48, bias=False), torch.randn(32, 64)
    accelerator = compiled(module, x, tmp_path / "out")
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)

    code = (tmp_path / "out/main/hls/main_0_0.cpp").read_text(encoding="utf-8")
    assert "const hls::vector<float, 16> *weight" in code
    assert "load_weight_to_matmul.write(weight[" in code  # a word of the port is a token of the FIFO
    assert re.search(r"interface m_axi port=weight .*depth=192 ", code)  # 48 * 64 / 16 words
    host = (tmp_path / "out/main/host/host_functions.cpp").read_text(encoding="utf-8")
    assert host.count("void pack") == 1  # the input; the weight was packed when it was written
    assert host.count("void unpack") == 1

    (entry,) = read_weights(tmp_path / "out").entries.values()
    assert (entry.parameter, entry.layout, entry.tile, entry.vector) == ("weight", "packed", (16, 16), (1, 16))
    assert entry.of == tuple(module.weight.shape)
    whole = module.weight.detach().numpy()
    stored = read_weights(tmp_path / "out").stored(entry.name)
    rows, columns = (n // 16 for n in whole.shape)
    np.testing.assert_array_equal(
        stored.reshape(rows, columns, 16, 16), whole.reshape(rows, 16, columns, 16).transpose(0, 2, 1, 3)
    )


def test_slices_of_a_parameter_are_packed_apart_and_read_back_as_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, x = Shared().eval(), torch.randn(32, 32)
    accelerator = compiled(module, x, tmp_path / "out", tile=8)
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)
    weights = read_weights(tmp_path / "out")
    parts = [entry for entry in weights.entries.values() if entry.parameter == "qkv.weight"]
    assert [entry.layout for entry in parts] == ["packed"] * 3
    total = (tmp_path / "out/weights/weights.safetensors").stat().st_size
    numbers = sum(parameter.numel() for parameter in module.parameters())
    assert numbers * 4 <= total < numbers * 4 + 4096  # nothing is stored twice
    for name, parameter in module.named_parameters():
        np.testing.assert_array_equal(weights[name], parameter.detach().numpy())


def test_what_goes_from_one_kernel_to_the_next_stays_packed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, x = Shared().eval(), torch.randn(32, 32)
    accelerator = compiled(module, x, tmp_path / "out", tile=8, device=small_device(tmp_path, 1, 0))
    assert accelerator.summary["kernels"] > 1
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)
    steps = [step.name for step in accelerator.program.steps]
    assert [step for step in steps if "pack" in step] == ["pack_1", "unpack_0"]  # the model's own input and output
    assert steps[0] == "pack_1"
    assert steps[-1] == "unpack_0"
    moved = accelerator.summary["external_bytes"]
    assert 0 < moved["intermediate"] < moved["fused"] < moved["unfused"]


def test_compiling_on_with_another_tile_packs_the_weights_anew(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, x = Shared().eval(), torch.randn(32, 32)
    out = tmp_path / "out"
    compiled(module, x, out, tile=8)
    record = json.loads((out / "compile.json").read_text(encoding="utf-8"))
    record["choices"]["main"]["tile"] = 16
    (out / "compile.json").write_text(json.dumps(record), encoding="utf-8")
    before = (out / "weights/manifest.json").read_text(encoding="utf-8")
    recompile(out, start="materialized")
    assert (out / "weights/manifest.json").read_text(encoding="utf-8") == before  # the layout was chosen before
    recompile(out, start="tensor")
    tiles = {entry.tile for entry in read_weights(out).entries.values() if entry.layout == "packed"}
    assert tiles == {(16, 16)}
    np.testing.assert_allclose(flow.load(out).predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)
    for name, parameter in module.named_parameters():
        np.testing.assert_array_equal(read_weights(out)[name], parameter.detach().numpy())


def test_a_token_of_another_width_is_put_together_from_words(tmp_path: Path) -> None:
    """12 numbers in a row are no port: words of 4 fill a buffer."""
    torch.manual_seed(0)
    module, x = torch.nn.Linear(24, 36), torch.randn(12, 24)
    accelerator = compiled(module, x, tmp_path / "out", tile=12)
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)
    ports = json.loads((tmp_path / "out/main/summary.json").read_text(encoding="utf-8"))["levels"]["fused"]["ports"]
    words = {port["name"]: (port["word_bits"], port["port_bits"]) for port in ports}
    assert words["input"] == words["weight"] == (512, 512)  # 4 x 4
    assert words["bias"] == (128, 512)
    code = (tmp_path / "out/main/hls/main_0_0.cpp").read_text(encoding="utf-8")
    load = code[code.index("static void load_input") : code.index("static void load_weight")]
    assert load.index("pragma HLS pipeline") < load.index("word = input[") < load.index("pragma HLS unroll")


def test_tokens_per_head(tmp_path: Path) -> None:
    """A tile of which one dimension is 1, and a mask of integers and booleans beside floats."""

    class Masked(torch.nn.Module):
        mask: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.proj = torch.nn.Linear(16, 16)
            self.register_buffer("mask", torch.tril(torch.ones(8, 8, dtype=torch.bool)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.proj(x).reshape(8, 2, 8).transpose(0, 1)
            scores = torch.where(self.mask, h @ h.transpose(-1, -2), -1e9)
            return (torch.softmax(scores, -1) @ h).transpose(0, 1).reshape(8, 16)

    torch.manual_seed(0)
    module, x = Masked().eval(), torch.randn(8, 16)
    accelerator = compiled(module, x, tmp_path / "out", tile=4)
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)


def test_the_device_says_how_wide_a_port_is(tmp_path: Path) -> None:
    text = (DEVICES / "u55c.toml").read_text(encoding="utf-8")
    narrow, found = re.subn(r"(?m)^(axi_port_bits *= *\{ *value *= *)512", r"\g<1>128", text)
    assert found == 1
    (tmp_path / "narrow.toml").write_text(narrow, encoding="utf-8")
    torch.manual_seed(0)
    module, x = torch.nn.Linear(16, 16), torch.randn(16, 16)
    accelerator = compiled(module, x, tmp_path / "out", device=str(tmp_path / "narrow.toml"))
    np.testing.assert_allclose(accelerator.predict(x), module(x).detach(), rtol=1e-4, atol=1e-5)
    code = (tmp_path / "out/main/hls/main_0_0.cpp").read_text(encoding="utf-8")
    assert "const hls::vector<float, 4> *weight" in code
    assert "hls::stream<hls::vector<float, 16>" in code  # FIFOs on the chip are as wide as ever
