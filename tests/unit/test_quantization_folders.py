# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor quantize` and `evaluate`, and reading GPTQ checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from torch import Tensor

from quantized_models import TINY, float_model, sample_ids
from streamtensor.cli.evaluate_command import command as evaluate_command
from streamtensor.cli.quantize_command import command as quantize_command
from streamtensor.diagnostics import UserError
from streamtensor.flow import quantization
from streamtensor.models.huggingface import config_of, folder_config
from streamtensor.models.quantization.evaluate import logits
from streamtensor.models.quantization.gptq import read_gptq
from streamtensor.models.quantization.quantize import quantize
from streamtensor.models.sources import load_source

MODEL = Path(__file__).resolve().parents[2] / "examples" / "char_gpt2"
GROUP = 16


def invoke(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("texts")
    sample, held_out = folder / "sample.txt", folder / "held_out.txt"
    sample.write_text((MODEL / "corpus.txt").read_text()[:2000])
    held_out.write_text((MODEL / "heldout.txt").read_text()[:1100])
    return sample, held_out


@pytest.fixture(scope="module")
def quantized(texts: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quantized") / "w8a8"
    result = invoke(quantize_command, MODEL, "--scheme", "w8a8", "--calibration", texts[0], "-o", out, "--json")
    answer = json.loads(result.stdout)
    assert answer["scheme"] == "w8a8"
    assert answer["calibration_tokens"] == 7 * 256
    return out


def perplexity(folder: Path, text: Path) -> float:
    answer = json.loads(invoke(evaluate_command, folder, "--text", text, "--json").stdout)
    assert answer["tokens"] == 4 * 256
    assert answer["provenance"].startswith("measured")
    return answer["perplexity"]


def test_eight_bits_cost_little(quantized: Path, texts: tuple[Path, Path]) -> None:
    exact, rounded = perplexity(MODEL, texts[1]), perplexity(quantized, texts[1])
    assert 1.2 < exact < 1.5
    assert exact < rounded < 1.02 * exact


def test_the_folder_is_smaller_and_has_the_tokenizer(quantized: Path) -> None:
    assert (quantized / "tokenizer.json").read_bytes() == (MODEL / "tokenizer.json").read_bytes()
    assert (quantized / "model.safetensors").stat().st_size < 0.4 * (MODEL / "model.safetensors").stat().st_size
    weights = load_file(quantized / "model.safetensors")
    assert weights["transformer.h.0.attn.c_attn.weight"].dtype == torch.int8
    assert not [name for name, value in weights.items() if value.is_floating_point()]


def test_the_folder_can_be_compiled(quantized: Path) -> None:
    source = load_source(str(quantized), prompt_len=16)
    program = source.programs()[0]
    assert all(value.device.type == "meta" for value in program.module.parameters())
    assert str(quantized / "quantization.json") in source.record()["sha256"]
    logits, *rows = program.weights()(*(torch.zeros_like(value, device="cpu") for value in program.inputs))
    assert logits.dtype == torch.int32
    assert {value.dtype for value in rows} == {torch.int8}


def test_refusals(quantized: Path, texts: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"

    def refused(code: str, source: Path, scheme: str = "w8a8", text: Path = texts[0]) -> None:
        with pytest.raises(UserError) as caught:
            quantization.quantize_folder(source, scheme, text, out)
        assert caught.value.code == code
        assert not out.exists()

    refused("ST0101", MODEL, text=tmp_path / "nothing.txt")
    refused("ST0101", tmp_path)
    refused("ST0120", MODEL, "w5a8")
    refused("ST0120", MODEL, "float32")
    refused("ST0121", quantized)
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    refused("ST0122", MODEL, text=empty)
    with pytest.raises(UserError) as caught:
        quantization.quantize_folder(MODEL, "w8a8", texts[0], quantized)
    assert caught.value.code == "ST0501"
    with pytest.raises(UserError) as caught:
        quantization.evaluate_folder(MODEL, empty)
    assert caught.value.code == "ST0123"


def write_gptq(folder: Path, **changes: Any) -> dict[str, Tensor]:
    """A GPTQ checkpoint of the tiny Llama with random integers; gives the float weights that they stand for."""
    model = float_model("llama")
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    wanted: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(5)
    for name, module in model.model.layers.named_modules():
        if not isinstance(module, torch.nn.Linear):
            continue
        path = f"model.layers.{name}"
        numbers = torch.randint(0, 16, (module.in_features, module.out_features), generator=generator)
        scales = (torch.rand(module.in_features // GROUP, module.out_features, generator=generator) + 0.5) / 50
        places = 4 * torch.arange(8)
        packed = (numbers.reshape(-1, 8, module.out_features) << places[None, :, None]).sum(1)
        del tensors[f"{path}.weight"]
        tensors[f"{path}.qweight"] = packed.to(torch.int32)
        tensors[f"{path}.qzeros"] = torch.full((len(scales), module.out_features // 8), 0x77777777, dtype=torch.int32)
        tensors[f"{path}.scales"] = scales.half()
        tensors[f"{path}.g_idx"] = (torch.arange(module.in_features) // GROUP).to(torch.int32)
        columns = torch.repeat_interleave(scales.half().float(), GROUP, 0)
        wanted[f"{path}.weight"] = ((numbers - 8) * columns).T
    tensors |= changes.pop("tensors", {})
    save_file(tensors, folder / "model.safetensors")
    fields = config_of("llama", TINY["llama"]).to_dict()
    fields["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "sym": True, **changes}
    (folder / "config.json").write_text(json.dumps(fields))
    return wanted


def test_a_gptq_checkpoint_compiles_directly(tmp_path: Path) -> None:
    """The scheme is the checkpoint's own, its integers are the parameters, and only random tokens give the ranges."""
    wanted = write_gptq(tmp_path)
    model = load_source(str(tmp_path), prompt_len=16, context=32).language_model()
    assert model.scheme == f"w4a8-g{GROUP}"
    assert model.is_calibrated_on_random_tokens
    prefill, decode = model.programs()
    assert decode.inputs[2].dtype == torch.int8
    for program in (prefill, decode):
        assert all(value.device.type == "meta" for value in program.module.parameters())
    _, given = read_gptq(tmp_path, folder_config(tmp_path))
    assert len(given) == len(wanted)
    for path, weight in given.items():
        assert torch.equal(model.real.get_parameter(f"{path}.weight"), weight.numbers)
    with pytest.raises(UserError) as refused:
        load_source(str(tmp_path), prompt_len=16, scheme="w5a8")
    assert refused.value.code == "ST0120"


def test_a_model_against_another_form_of_it(quantized: Path, texts: tuple[Path, Path]) -> None:
    answer = json.loads(invoke(evaluate_command, quantized, "--text", texts[1], "--against", MODEL, "--json").stdout)
    assert answer["against"] == pytest.approx(perplexity(MODEL, texts[1]))
    assert answer["ratio"] == pytest.approx(answer["perplexity"] / answer["against"])
    assert answer["ratio"] > 1


def test_a_quantised_folder_has_one_scheme(quantized: Path) -> None:
    assert load_source(str(quantized), prompt_len=16, scheme="w8a8").language_model().scheme == "w8a8"
    with pytest.raises(UserError) as refused:
        load_source(str(quantized), prompt_len=16, scheme="w4a8")
    assert refused.value.code == "ST0121"


def test_a_gptq_checkpoint_keeps_its_integers(tmp_path: Path) -> None:
    wanted = write_gptq(tmp_path)
    model, given = read_gptq(tmp_path, folder_config(tmp_path))
    state = model.state_dict()
    assert len(wanted) == len(given) == 14
    assert all(torch.allclose(state[name], value, atol=1e-6) for name, value in wanted.items())
    assert torch.equal(state["model.norm.weight"], float_model("llama").state_dict()["model.norm.weight"])
    integer = quantize(model, "w4a8-g16", sample_ids(4), given=given)
    for path, weight in given.items():
        assert torch.equal(integer.get_parameter(f"{path}.weight"), weight.numbers)
    ids = torch.stack(sample_ids(2))
    exact, found = logits(model, ids), logits(integer, ids)
    assert float((found - exact).square().mean().sqrt() / exact.std()) < 0.1
    with pytest.raises(UserError, match="2 scales for 32 inputs, the scheme 1") as caught:
        quantize(model, "w4a8", sample_ids(1), given=given)
    assert caught.value.code == "ST0124"


def test_other_checkpoints_are_refused_by_name(tmp_path: Path) -> None:
    path = "model.layers.1.mlp.up_proj"
    zeros = torch.full((2, 6), 0x77777777, dtype=torch.int32)
    zeros[1, 3] = 0x77757777
    order = torch.arange(32).flip(0).to(torch.int32) // GROUP
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sym": False}, "zero points"),
        ({"desc_act": True}, "reordered columns"),
        ({"bits": 8}, "8 bits"),
        ({"quant_method": "awq"}, "'awq'"),
        ({"tensors": {f"{path}.qzeros": zeros}}, f"{path} has zero points"),
        ({"tensors": {f"{path}.g_idx": order}}, f"{path} has reordered columns"),
    ]
    for changes, text in cases:
        write_gptq(tmp_path, **changes)
        with pytest.raises(UserError, match=text) as caught:
            read_gptq(tmp_path, folder_config(tmp_path))
        assert caught.value.code == "ST0124"


def test_the_second_version_of_the_format(tmp_path: Path) -> None:
    zeros = {
        f"model.layers.{layer}.{name}.qzeros": torch.full(
            (inputs // GROUP, outputs // 8), -0x77777778, dtype=torch.int32
        )
        for layer in range(2)
        for name, inputs, outputs in [
            ("self_attn.q_proj", 32, 32),
            ("self_attn.k_proj", 32, 16),
            ("self_attn.v_proj", 32, 16),
            ("self_attn.o_proj", 32, 32),
            ("mlp.gate_proj", 32, 48),
            ("mlp.up_proj", 32, 48),
            ("mlp.down_proj", 48, 32),
        ]
    }
    wanted = write_gptq(tmp_path, tensors=zeros, checkpoint_format="gptq_v2")
    model, _ = read_gptq(tmp_path, folder_config(tmp_path))
    assert all(torch.allclose(model.state_dict()[name], value, atol=1e-6) for name, value in wanted.items())
