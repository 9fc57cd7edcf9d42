# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sources: folders, shapes and callables, what they give, how they are recorded, and every way in which they fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from streamtensor.diagnostics import UserError
from streamtensor.models.huggingface import build
from streamtensor.models.parameters import fill_parameters, state
from streamtensor.models.shapes import shape_config
from streamtensor.models.sources import ModelSource, load_source

TINY = {
    "n_layer": 2,
    "n_embd": 16,
    "n_head": 2,
    "n_positions": 48,
    "vocab_size": 32,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def save(folder: Path, **options: Any) -> Any:
    model = build(shape_config("gpt2", **TINY), seed=5)
    model.save_pretrained(str(folder), **options)
    return model


def fails(code: str, call: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        call()
    assert caught.value.code == code, str(caught.value)
    return caught.value


def test_folder(tmp_path: Path) -> None:
    model = save(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    source = load_source(str(tmp_path), prompt_len=20)
    assert (source.kind, source.prompt_len, source.asked_prompt_len) == ("folder", 32, 20)
    prefill, decode = source.programs()
    cache = ("keys_0", "values_0", "keys_1", "values_1")
    assert (prefill.name, prefill.input_names, prefill.output_names) == ("prefill", ("ids", "last"), ("logits", *cache))
    assert (decode.name, decode.input_names) == ("decode", ("ids", "position", *cache))
    assert decode.output_names == prefill.output_names
    assert decode.cache == cache
    assert [tuple(value.shape) for value in decode.inputs] == [(1, 1), (1,), *4 * [(1, 2, 48, 8)]]
    assert source.tokenizer() == (tmp_path / "tokenizer.json").resolve()
    wanted = model.state_dict()["transformer.h.1.mlp.c_fc.weight"]
    for program in (prefill, decode):
        assert all(parameter.device.type == "meta" for parameter in program.module.parameters())
        assert state(program.weights(), "model.transformer.h.1.mlp.c_fc.weight").equal(wanted)


def test_sharded_folder(tmp_path: Path) -> None:
    model = save(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    real = load_source(str(tmp_path)).language_model().real
    for name, value in model.state_dict().items():
        assert state(real, name).equal(value)


def test_wrapper_gives_the_logits_of_the_last_token(tmp_path: Path) -> None:
    from streamtensor.models.prefill import prompt_inputs

    model = save(tmp_path)
    module = load_source(str(tmp_path)).programs()[0].weights()
    for length in (1, 7, 32):
        prompt = [(3 * index + length) % 32 for index in range(length)]
        with torch.no_grad():
            logits = module(*prompt_inputs(prompt, 32))[0]
            wanted = model(input_ids=torch.tensor([prompt]), use_cache=False).logits[:, -1]
        torch.testing.assert_close(logits, wanted, rtol=1e-5, atol=1e-6)


def test_sliding_window_mask() -> None:
    from streamtensor.models.prefill import Prefill, prompt_inputs

    config = shape_config(
        "gemma-3-1b",
        num_hidden_layers=2,
        hidden_size=32,
        intermediate_size=48,
        num_attention_heads=2,
        head_dim=16,
        vocab_size=64,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
    )
    model = build(config, seed=1)
    prompt = list(range(1, 31))
    with torch.no_grad():
        logits = Prefill(model, 32)(*prompt_inputs(prompt, 32))[0]
        wanted = model(input_ids=torch.tensor([prompt]), use_cache=False).logits[:, -1]
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-6)


def test_prompt_inputs_errors() -> None:
    from streamtensor.models.prefill import prompt_inputs

    fails("ST0105", lambda: prompt_inputs([1] * 17, 16))
    fails("ST0108", lambda: prompt_inputs([], 16))


def test_prompt_length(tmp_path: Path) -> None:
    save(tmp_path)
    assert [load_source(str(tmp_path), prompt_len=n).prompt_len for n in (1, 16, 17, 48)] == [16, 16, 32, 48]
    error = fails("ST0105", lambda: load_source(str(tmp_path), prompt_len=49))
    assert "48" in error.hint
    fails("ST0105", lambda: load_source(str(tmp_path), prompt_len=0))


def test_shape_needs_a_seed() -> None:
    error = fails("ST0102", lambda: load_source("gpt2"))
    assert "--random-weights" in error.hint
    source = load_source("gpt2", random_weights=3)
    assert (source.kind, source.path, source.seed, source.prompt_len) == ("shape", "gpt2", 3, 32)


def test_missing_things(tmp_path: Path) -> None:
    fails("ST0101", lambda: load_source(str(tmp_path / "nothing")))
    fails("ST0101", lambda: load_source("./nothing"))
    fails("ST0101", lambda: load_source(str(tmp_path)))
    error = fails("ST0102", lambda: load_source("gpt2-medum", random_weights=0))
    assert "gpt2-medium" in error.hint
    fails("ST0101", lambda: load_source(str(tmp_path / "nothing.py") + ":make"))


def test_folder_without_weights(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    error = fails("ST0101", lambda: load_source(str(tmp_path)))
    assert "pytorch_model.bin" in error.hint
    assert load_source(str(tmp_path), random_weights=1).seed == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_broken_safetensors(tmp_path: Path, damage: str) -> None:
    save(tmp_path)
    file = tmp_path / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "text": b"not tensors at all"}[damage])
    assert "model.safetensors" in fails("ST0103", lambda: load_source(str(tmp_path))).message


def test_missing_shard(tmp_path: Path) -> None:
    save(tmp_path, max_shard_size="8KB")
    gone = sorted(tmp_path.glob("model-*.safetensors"))[1]
    gone.unlink()
    assert gone.name in fails("ST0103", lambda: load_source(str(tmp_path))).message
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    fails("ST0103", lambda: load_source(str(tmp_path)))


def test_broken_config(tmp_path: Path) -> None:
    save(tmp_path)
    file = tmp_path / "config.json"
    fields = json.loads(file.read_text())
    file.write_text("{")
    fails("ST0103", lambda: load_source(str(tmp_path)))
    file.write_text(json.dumps({**fields, "model_type": "no_such_family"}))
    assert "no_such_family" in fails("ST0102", lambda: load_source(str(tmp_path))).message
    file.write_text(json.dumps({**fields, "model_type": "t5"}))
    fails("ST0102", lambda: load_source(str(tmp_path)).programs())


@pytest.mark.parametrize(("name", "size"), [("n_layer", 0), ("n_layer", -1), ("n_head", 0), ("vocab_size", 0)])
def test_a_configuration_without_a_size(tmp_path: Path, name: str, size: int) -> None:
    fields = {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 32, "vocab_size": 64, "n_positions": 64}
    (tmp_path / "config.json").write_text(json.dumps({**fields, name: size}))
    message = fails("ST0103", lambda: load_source(str(tmp_path), random_weights=1)).message
    assert f"{name} is {size}, a model has 1 or more" in message


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(str(file))
    name = next(name for name in tensors if name.endswith("h.1.mlp.c_fc.weight"))
    save_file({key: value for key, value in tensors.items() if key != name}, str(file), {"format": "pt"})
    assert "h.1.mlp.c_fc.weight" in fails("ST0103", lambda: load_source(str(tmp_path)).language_model().real).message
    save_file({**tensors, name: torch.zeros(3, 3)}, str(file), {"format": "pt"})
    fails("ST0103", lambda: load_source(str(tmp_path)).language_model().real)


def test_record(tmp_path: Path) -> None:
    save(tmp_path)
    source = load_source(str(tmp_path), prompt_len=16)
    record = json.loads(json.dumps(source.record()))
    assert ModelSource.from_record(record) == source
    assert any(name.endswith("model.safetensors") for name in record["sha256"])
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes() + b" ")
    assert "model.safetensors" in fails("ST0103", lambda: ModelSource.from_record(record)).message
    file.unlink()
    fails("ST0101", lambda: ModelSource.from_record(record))


GOOD = """
import torch

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout()), (torch.zeros(2, 4),)

def single():
    return torch.nn.ReLU(), torch.zeros(2)

def fails():
    return 1 / 0

def wrong():
    return 3

def wrong_inputs():
    return torch.nn.ReLU(), (1, 2)

def needs(argument):
    return argument
"""


def test_callable(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(GOOD)
    source = load_source(f"{file}:make")
    (program,) = source.programs()
    assert (source.kind, program.name, program.prefix) == ("callable", "main", "")
    assert not program.module.training
    assert program.weights() is program.module
    assert [tuple(value.shape) for value in program.inputs] == [(2, 4)]
    assert len(load_source(f"{file}:single").programs()[0].inputs) == 1
    assert ModelSource.from_record(source.record()) == source


def test_callable_errors(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(GOOD)
    error = fails("ST0107", lambda: load_source(f"{file}:mak").programs())
    assert "make" in error.hint
    error = fails("ST0107", lambda: load_source(f"{file}:fails").programs())
    assert error.location is not None
    assert (error.location.file, error.location.text) == ("model.py", "return 1 / 0")
    fails("ST0107", lambda: load_source(f"{file}:wrong").programs())
    fails("ST0107", lambda: load_source(f"{file}:wrong_inputs").programs())
    fails("ST0107", lambda: load_source(f"{file}:needs").programs())
    fails("ST0107", lambda: load_source(f"{file}:not a name"))
    fails("ST0107", lambda: load_source(str(file)))
    file.write_text("def make(:\n")
    error = fails("ST0107", lambda: load_source(f"{file}:make"))
    assert error.location is not None
    assert error.location.line == 1
    file.write_text("import nothing_of_that_name\n")
    error = fails("ST0107", lambda: load_source(f"{file}:make").programs())
    assert error.location is not None
    assert error.location.line == 1


def test_fill_parameters_makes_a_meta_module_run(tmp_path: Path) -> None:
    from streamtensor.models.prefill import prompt_inputs

    save(tmp_path)
    source = load_source(str(tmp_path))
    program = source.programs()[0]
    real = program.weights()
    values = {
        name.removeprefix(program.prefix): value for name, value in (*real.named_parameters(), *real.named_buffers())
    }
    fill_parameters(program.module, values, program.prefix)
    inputs = prompt_inputs([1, 2, 3], 32)
    assert program.module(*inputs)[0].equal(real(*inputs)[0])
    tied = state(program.module, "model.lm_head.weight")
    assert tied.data_ptr() == values["transformer.wte.weight"].data_ptr()  # neither copied nor untied


def test_fill_parameters_checks_shapes() -> None:
    module = torch.nn.Linear(2, 3)
    error = fails("ST0103", lambda: fill_parameters(module, {"weight": torch.zeros(2, 3)}))
    assert "weight" in error.message
