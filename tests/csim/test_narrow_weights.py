# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""4-bit weights: two in a byte of external memory, bit-equal to PyTorch in C simulation."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import streamtensor
from quantized_models import float_model
from streamtensor import flow
from streamtensor.codegen.weights import read_weights
from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator
from streamtensor.models.quantization.layers import IntegerLinear, LinearForm
from streamtensor.simulate.csim import Library, build

pytestmark = pytest.mark.needs("g++")


def layer_of(inputs: int, outputs: int, *, transposed: bool = False, group: int = 0) -> IntegerLinear:
    """A product with random numbers; the weights are all that 4 bits hold."""
    form = LinearForm(inputs, outputs, transposed, True, group, 32, 4, weight_bits=4)
    layer = IntegerLinear(form, torch.device("cpu")).eval()
    generator = torch.Generator().manual_seed(0)
    for name, parameter in layer.named_parameters():
        low, high = (-8, 8) if name == "weight" else (1, 200)
        parameter.copy_(torch.randint(low, high, parameter.shape, generator=generator))
    return layer


def rows_of(inputs: int) -> torch.Tensor:
    return torch.randint(-128, 128, (1, 16, inputs), generator=torch.Generator().manual_seed(1)).to(torch.int8)


def native(accelerator: Accelerator) -> Library:
    """The same C simulation with native integers."""
    path = accelerator.path
    sources = [*sorted(path.glob("hls/*.cpp")), path / "host/host_functions.cpp", path / "csim/csim_main.cpp"]
    folders = [path / "hls", path / "host"]
    return Library(build(sources, path / "csim/native", include_dirs=folders, defines=["ST_NATIVE_INT"]))


@pytest.mark.parametrize(
    ("inputs", "outputs", "transposed", "group", "tile"),
    [
        (64, 32, False, 0, 16),  # words of 128 numbers
        (40, 8, True, 16, 8),  # slices of whole and of shorter groups
        (33, 9, False, 0, 16),  # odd sizes: numbers of one tile begin in the middle of a byte
        (35, 7, True, 7, 5),  # 7 columns are padded to 10, two tiles of 5
    ],
)
def test_a_product_equals_pytorch(
    inputs: int, outputs: int, transposed: bool, group: int, tile: int, tmp_path: Path
) -> None:
    layer, x = layer_of(inputs, outputs, transposed=transposed, group=group), rows_of(inputs)
    accelerator = streamtensor.compile(layer, (x,), tile=tile, out=tmp_path / "out", verify_numerics=True)
    assert torch.equal(accelerator.predict(x), layer(x))
    accelerator.__dict__["library"] = native(accelerator)
    assert torch.equal(accelerator.predict(x), layer(x))

    ports = json.loads((tmp_path / "out/main/summary.json").read_text(encoding="utf-8"))["levels"]["fused"]["ports"]
    weights = [port for port in ports if port["name"].startswith("weight")]
    stored = 10 if outputs == 7 else outputs
    assert sum(port["data_bytes"] for port in weights) == pytest.approx(inputs * stored / 2, abs=len(weights))
    entries = [entry for entry in accelerator.weights.entries.values() if entry.parameter == "weight"]
    assert sum(entry.bytes for entry in entries) == pytest.approx(inputs * stored / 2, abs=len(entries))
    np.testing.assert_array_equal(accelerator.weights["weight"], layer.weight.numpy())


def test_a_port_moves_128_numbers(tmp_path: Path) -> None:
    layer, x = layer_of(64, 32), rows_of(64)
    streamtensor.compile(layer, (x,), tile=16, out=tmp_path / "out")
    code = (tmp_path / "out/main/hls/main_0_0.cpp").read_text(encoding="utf-8")
    assert "const hls::vector<uint8_t, 64> *weight" in code
    assert re.search(r"\.write\(st::nibbles<128, hls::vector<ap_int<4>, 128>>\(weight\[", code)
    assert re.search(r"interface m_axi port=weight .*depth=16 ", code)  # 32 * 64 / 128 words
    program = json.loads((tmp_path / "out/main/program.json").read_text(encoding="utf-8"))
    (buffer,) = [buffer for buffer in program["buffers"] if buffer["dtype"] == "int4"]
    assert np.prod(buffer["shape"]) == 32 * 64


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    layer, x = layer_of(32, 16), rows_of(32)
    layer.weight[0, 0] = 8
    with pytest.raises(UserError, match="parameter weight has numbers from -8 to 8"):
        streamtensor.compile(layer, (x,), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("family", "scheme"), [("llama", "w4a8-g16"), ("gpt2", "w4a8")])
def test_prefill_and_decode_read_the_same_weights(family: str, scheme: str, tmp_path: Path) -> None:
    """No number is stored twice: both programs want every matrix in the same tiles and words."""
    float_model(family).save_pretrained(str(tmp_path / "model"))
    flow.compile_model(str(tmp_path / "model"), tmp_path / "out", scheme=scheme, prompt_len=16, context=32)
    weights = read_weights(tmp_path / "out")
    numbers: Counter[str] = Counter()
    for entry in weights.entries.values():
        numbers[entry.parameter] += math.prod(entry.shape)
    assert numbers == {name: value.size for name, value in weights.items()}
    narrow = {entry.parameter for entry in weights.entries.values() if entry.bits}
    assert len(narrow) == {"llama": 7, "gpt2": 4}[family] * 2  # matrices of a layer
