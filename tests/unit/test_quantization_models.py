# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantised models: integer throughout, close to the float model, equal blocks, cache, folders, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from quantized_models import TINY, float_model, quantized_model, sample_ids
from streamtensor.diagnostics import UserError
from streamtensor.importers.export import export_graph
from streamtensor.importers.program import import_module
from streamtensor.ir import func
from streamtensor.models.cache import CachedRows, KeptRows
from streamtensor.models.huggingface import build, config_of
from streamtensor.models.prefill import Prefill, prompt_inputs, visible_rows
from streamtensor.models.quantization.convert import arithmetic_of
from streamtensor.models.quantization.evaluate import evaluate, logits
from streamtensor.models.quantization.folder import load_quantized, read_arithmetic, save_quantized
from streamtensor.models.quantization.quantize import quantize

FAMILIES = tuple(TINY)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("scheme", "limit"), [("w8a8", 0.1), ("w4a8", 0.5), ("w4a8-g16", 0.5)])
def test_logits_are_close_to_those_of_the_float_model(family: str, scheme: str, limit: float) -> None:
    ids = torch.stack(sample_ids(3))
    wanted, found = logits(float_model(family), ids), logits(quantized_model(family, scheme), ids)
    assert float((found - wanted).square().mean().sqrt() / wanted.std()) < limit


@pytest.mark.parametrize("family", FAMILIES)
def test_no_float_is_left(family: str) -> None:
    """Neither in the parameters nor anywhere in the graph, and products stay integer ones in the exported program."""
    model = quantized_model(family, "w4a8-g16")
    assert not [name for name, value in model.named_parameters() if value.is_floating_point()]
    graph = export_graph(Prefill(model, 16), prompt_inputs([1, 2, 3], 16)).graph
    floats = [
        node
        for node in graph.nodes
        if isinstance(value := node.meta.get("val"), torch.Tensor) and value.is_floating_point()
    ]
    assert not floats


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_keep_their_names(family: str) -> None:
    own = {name for name, _ in float_model(family).named_parameters()}
    found = {name for name, _ in quantized_model(family, "w8a8").named_parameters()}
    assert own <= found
    assert {name.rpartition(".")[2] for name in found - own} <= {
        "weight",  # of the LM head, which is tied in the float model
        "multiplier",
        "input_multiplier",
        "score_multiplier",
        "cos",
        "sin",
        "full_attention_cos",
        "full_attention_sin",
        "sliding_attention_cos",
        "sliding_attention_sin",
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_all_blocks_are_one_function(family: str) -> None:
    """What differs between layers is in tensors: constants in the code are common to all."""
    inputs = prompt_inputs([1, 2, 3], 16)
    imported = import_module(Prefill(quantized_model(family, "w4a8"), 16), inputs)
    blocks = {name: layers for name, layers in imported.layers.items() if layers}
    assert [len(layers) for layers in blocks.values()] == [2]
    places = {
        op.sym_name.data: str(op.attributes.get("dataflow.place"))
        for op in imported.module.ops
        if isinstance(op, func.FuncOp)
    }
    assert all("device" in places[name] for name in blocks)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_decode_step_continues_a_prompt(family: str) -> None:
    """The block over a cache of 8-bit rows gives the bits that the block over the whole prompt gives."""
    model = quantized_model(family, "w8a8")
    base = model.get_decoder() if hasattr(model, "get_decoder") else model.base_model
    block: Any = (getattr(base, "layers", None) or base.h)[0]
    rows, context = 6, 8
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randint(-(1 << 20), 1 << 20, (1, rows, 32), generator=generator).to(torch.int32)
    tables: dict[str, Any] = {}
    if hasattr(base, "rotary_emb"):
        kind = ("sliding_attention",) if family == "gemma3_text" else ()
        tables["position_embeddings"] = base.rotary_emb(hidden, torch.arange(rows)[None], *kind)
    kept = KeptRows()
    result: Any = block(hidden, attention_mask=visible_rows(rows), past_key_values=kept, **tables)
    whole = result[0] if isinstance(result, tuple) else result
    assert whole.dtype == torch.int32
    assert {cached.dtype for cached in kept.rows} == {torch.int8}

    caches = [torch.full((1, cached.shape[1], context, cached.shape[3]), 99, dtype=torch.int8) for cached in kept.rows]
    for cache, cached in zip(caches, kept.rows, strict=True):
        cache[:, :, : rows - 1] = cached[:, :, : rows - 1]
    here = torch.arange(context) == rows - 1
    mask = (torch.arange(context) < rows)[None, None, None]
    if tables:
        tables["position_embeddings"] = tuple(table[:, -1:] for table in tables["position_embeddings"])
    cache = CachedRows([(caches[0], caches[1])], here)
    step: Any = block(hidden[:, -1:], attention_mask=mask, past_key_values=cache, **tables)
    last = step[0] if isinstance(step, tuple) else step
    assert torch.equal(last, whole[:, -1:])


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_on_the_right_changes_nothing(family: str) -> None:
    program = Prefill(quantized_model(family, "w4a8"), 16)
    ids, last = prompt_inputs([5, 9, 2, 40, 7], 16)
    other = ids.clone()
    other[:, 5:] = 63
    assert torch.equal(program(ids, last)[0], program(other, last)[0])
    assert program(ids, last)[0].dtype == torch.int32


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_gives_the_same_model_back(family: str, tmp_path: Path) -> None:
    model = quantized_model(family, "w4a8-g16")
    save_quantized(model, tmp_path)
    arithmetic = read_arithmetic(tmp_path)
    assert arithmetic == arithmetic_of(model)
    assert arithmetic is not None
    again = load_quantized(tmp_path, config_of(family, TINY[family]), arithmetic)
    ids = torch.stack(sample_ids(2))
    assert torch.equal(logits(again, ids), logits(model, ids))
    saved = dict(again.named_parameters())
    assert all(torch.equal(saved[name], value) for name, value in model.named_parameters())


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    save_quantized(quantized_model("gpt2", "w8a8"), tmp_path)
    file = tmp_path / "quantization.json"
    record = json.loads(file.read_text())
    del record["shifts"]["attn.c_attn"]
    file.write_text(json.dumps(record))
    arithmetic = read_arithmetic(tmp_path)
    assert arithmetic is not None
    with pytest.raises(UserError, match=r"no shift for 'attn\.c_attn'") as caught:
        load_quantized(tmp_path, config_of("gpt2", TINY["gpt2"]), arithmetic)
    assert caught.value.code == "ST0103"
    file.write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        read_arithmetic(tmp_path)
    assert read_arithmetic(tmp_path / "nothing") is None


def test_float32_leaves_the_model_alone() -> None:
    model = float_model("gpt2")
    assert quantize(model, "float32", []) is model
    assert all(value.is_floating_point() for _, value in model.named_parameters())


def test_perplexity_of_a_uniform_model() -> None:
    model = build(config_of("gpt2", TINY["gpt2"]), seed=0)
    with torch.no_grad():
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.zero_()
    result = evaluate(model, [1, 2, 3, 4, 5, 6, 7], window=3)
    assert result.perplexity == pytest.approx(64, rel=1e-5)
    assert (result.tokens, result.window) == (6, 3)
    assert evaluate(model, [1, 2]).tokens == 1


def refused(code: str, text: str, family: str, scheme: str = "w8a8", samples: int = 1, **fields: Any) -> None:
    model = build(config_of(family, fields), seed=0)
    with pytest.raises(UserError, match=text) as caught:
        quantize(model, scheme, sample_ids(samples))
    assert caught.value.code == code


def test_refusals() -> None:
    refused("ST0120", "no quantisation scheme 'w3a8'", "gpt2", "w3a8", **TINY["gpt2"])
    refused("ST0122", "no sample", "gpt2", samples=0, **TINY["gpt2"])
    refused(
        "ST0121",
        "the family 'opt'",
        "opt",
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        ffn_dim=32,
        vocab_size=64,
        word_embed_proj_dim=32,
    )
    relu: dict[str, Any] = {**TINY["gpt2"], "activation_function": "relu"}
    refused("ST0121", "activation 'relu'", "gpt2", **relu)
    capped: dict[str, Any] = {**TINY["gemma3_text"], "final_logit_softcapping": 30.0}
    refused("ST0121", "final_logit_softcapping", "gemma3_text", **capped)


def test_values_that_are_not_finite_are_named() -> None:
    model = build(config_of("gpt2", TINY["gpt2"]), seed=0)
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight.fill_(float("inf"))
    with pytest.raises(UserError, match="not finite") as caught:
        quantize(model, "w8a8", sample_ids(1))
    assert caught.value.code == "ST0122"
