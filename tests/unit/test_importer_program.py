# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The IR module that an import gives: its functions, arguments, operations, locations and parameters."""

import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamtensor.importers.clean import ALLOWED
from streamtensor.importers.program import ImportedModel, import_module, import_program
from streamtensor.importers.segments import canonical_key
from streamtensor.ir import arith, func, linalg
from streamtensor.ir.builtin import DenseIntOrFPElementsAttr, StringAttr, TensorType, f32, f64, i64
from streamtensor.ir.core import BlockArgument
from streamtensor.ir.locations import LOC
from streamtensor.ir.text import make_context, parse_module, print_module, verify_module
from streamtensor.models.cache import cache_names
from streamtensor.models.huggingface import build
from streamtensor.models.prefill import Prefill, prompt_inputs
from streamtensor.models.program import Program
from streamtensor.models.shapes import shape_config

COMMON = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 96,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {
        "n_layer": 2,
        "n_embd": 64,
        "n_head": 4,
        "n_positions": 64,
        "vocab_size": 96,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "qwen2.5-0.5b": COMMON,
    "llama-3.2-1b": COMMON,
    "gemma-3-1b": {**COMMON, "num_key_value_heads": 1, "layer_types": ["sliding_attention", "full_attention"]},
}


@cache
def small(name: str) -> ImportedModel:
    """A two-layer sibling of the shape, on the meta device but for the weights that are looked up."""
    config = shape_config(name, **SMALL[name])
    inputs = tuple(value.to("meta") for value in prompt_inputs([0], 32))
    module = Prefill(build(config, seed=None), 32)
    return import_program(
        Program(
            "prefill",
            module,
            inputs,
            ("ids", "last"),
            ("logits", *cache_names(2)),
            "model.",
            lambda: Prefill(build(config, seed=7), 32),
        )
    )


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(32, 64)
        self.down = nn.Linear(64, 32)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(functional.gelu(self.up(x)))


class Matmul(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b


class Maximum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.amax(-1)


class Numbers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, torch.tensor(0.5)) + torch.tensor([1.0, 2.0])


class Outputs(nn.Module):
    def forward(self, x: Tensor, unused: Tensor) -> dict[str, Tensor]:
        return {"same": x, "twice": x * 2, "again": x}


CONV = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)).eval()


@cache
def plain(name: str) -> ImportedModel:
    module, args = {
        "matmul": (Matmul(), (torch.ones(16, 32), torch.ones(32, 8))),
        "mlp": (Mlp(), (torch.ones(16, 32),)),
        "conv": (CONV, (torch.ones(1, 3, 8, 8),)),
        "maximum": (Maximum(), (torch.ones(4, 8),)),
        "numbers": (Numbers(), (torch.ones(4, 2),)),
        "outputs": (Outputs(), (torch.ones(4), torch.ones(3))),
    }[name]
    return import_module(module, args)


PLAIN = ("matmul", "mlp", "conv", "maximum", "numbers", "outputs")


def imported(name: str) -> ImportedModel:
    return small(name) if name in SMALL else plain(name)


def functions(model: ImportedModel) -> dict[str, func.FuncOp]:
    return {op.sym_name.data: op for op in model.module.ops if isinstance(op, func.FuncOp)}


def places(model: ImportedModel) -> dict[str, str]:
    marks = {name: op.attributes.get("dataflow.place") for name, op in functions(model).items()}
    return {name: mark.data for name, mark in marks.items() if isinstance(mark, StringAttr)}


def argument_marks(model: ImportedModel) -> list[tuple[str, str]]:
    attributes = functions(model)["main"].arg_attrs
    assert attributes is not None
    return [(key, str(value).strip('"')) for mark in attributes for key, value in mark.data.items()]


@pytest.mark.parametrize("name", [*SMALL, *PLAIN])
def test_only_tensor_ir(name: str) -> None:
    model = imported(name)
    verify_module(model.module)
    for op in model.module.walk():
        assert op.name in ALLOWED or op.name.startswith(("arith.", "math.")), op.name
        assert op.name != "math.fpowi"
        for value in (*op.operands, *op.results):
            element = value.type.element_type if isinstance(value.type, TensorType) else value.type
            assert element != f64
        if isinstance(op, arith.ConstantOp):
            assert not isinstance(op.value, DenseIntOrFPElementsAttr)
        if isinstance(op, linalg.GenericOp):
            assert all(result.uses for result in op.results)


@pytest.mark.parametrize("name", [*SMALL, *PLAIN])
def test_text_goes_round(name: str) -> None:
    text = print_module(imported(name).module)
    again = parse_module(make_context(), text)
    verify_module(again, text)
    assert print_module(again) == text


@pytest.mark.parametrize("name", SMALL)
def test_language_models(name: str) -> None:
    model = small(name)
    assert places(model) == {"embed": "host", "block": "device", "head": "device"}
    stem = "transformer.h" if name == "gpt2" else "model.layers"
    assert model.layers == {"embed": (), "block": (f"{stem}.0", f"{stem}.1"), "head": ()}
    calls = [op.callee.string_value() for op in functions(model)["main"].body.block.ops if isinstance(op, func.CallOp)]
    assert calls == ["embed", "block", "block", "head"]
    main = functions(model)["main"]
    config = shape_config(name, **SMALL[name])
    rows = TensorType(f32, [1, config.num_key_value_heads if name != "gpt2" else 4, 32, 16])
    assert [value.type for value in main.args] == list(main.function_type.inputs)
    assert list(main.function_type.outputs) == [TensorType(f32, [1, 96]), *4 * [rows]]


def test_gpt2_arguments() -> None:
    model = small("gpt2")
    marks = argument_marks(model)
    assert marks[:2] == [("dataflow.name", "ids"), ("dataflow.name", "last")]
    names = [value for key, value in marks if key == "dataflow.param"]
    assert len(marks) == 2 + len(names)
    assert list(model.parameters) == names
    assert len(set(names)) == len(names)
    assert "transformer.wte.weight" in names
    assert "lm_head.weight" not in names  # tied: it is the embedding table
    assert {"prompt_mask", "prompt_positions"} < set(names)
    state = build(shape_config("gpt2", **SMALL["gpt2"]), seed=None).state_dict()
    assert set(names) == (set(state) - {"lm_head.weight"}) | {"prompt_mask", "prompt_positions"}
    types = [value.type for value in functions(model)["main"].args]
    assert types[:2] == [TensorType(i64, [1, 32]), TensorType(i64, [1])]
    for name, kind in zip(names, types[2:], strict=True):
        assert isinstance(kind, TensorType)
        assert tuple(kind.get_shape()) == tuple(model.parameters[name].shape)


def test_blocks_get_their_own_parameters() -> None:
    model = small("gpt2")
    main = functions(model)["main"]
    names = [value for _, value in argument_marks(model)]
    blocks = [op for op in main.body.block.ops if isinstance(op, func.CallOp) and op.callee.string_value() == "block"]
    read = [[names[value.index] for value in call.operands if isinstance(value, BlockArgument)] for call in blocks]
    assert read[1] == [name.replace("h.0.", "h.1.") for name in read[0]]
    assert blocks[1].operands[0] is blocks[0].results[0]


def test_parameter_values_are_the_modules_own() -> None:
    module = Mlp()
    model = import_module(module, (torch.ones(16, 32),))
    assert list(model.parameters) == ["up.weight", "up.bias", "down.weight", "down.bias"]
    for name, value in module.named_parameters():
        assert model.parameters[name].data_ptr() == value.data_ptr()
    with pytest.raises(KeyError):
        model.parameters["nothing"]


def test_weights_of_a_meta_module_are_made_when_they_are_asked_for() -> None:
    model = small("gpt2")
    real = Prefill(build(shape_config("gpt2", **SMALL["gpt2"]), seed=7), 32)
    assert model.parameters["transformer.h.1.attn.c_attn.weight"].equal(real.model.transformer.h[1].attn.c_attn.weight)
    assert model.parameters["prompt_mask"].equal(real.prompt_mask)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_modules_are_one_device_function(name: str) -> None:
    assert places(plain(name)) == {"main_0": "device"}


def test_names_of_inputs_and_outputs() -> None:
    assert (plain("matmul").input_names, plain("matmul").output_names) == (("a", "b"), ("output",))
    outputs = plain("outputs")
    assert outputs.input_names == ("x", "unused")
    assert outputs.output_names == ("output_0", "output_1", "output_2")
    main = functions(outputs)["main"]
    returned = main.body.block.last_op
    assert returned is not None
    assert returned.operands[0] is main.args[0]
    assert returned.operands[2] is main.args[0]


def test_maximum_has_no_arg_max_beside_it() -> None:
    reductions = [
        op for op in plain("maximum").module.walk() if isinstance(op, linalg.GenericOp) and "reduction" in str(op)
    ]
    assert [len(op.results) for op in reductions] == [1]
    assert not any(op.name == "arith.cmpf" for op in plain("maximum").module.walk())


def test_numbers_become_constants_and_tensors_become_arguments() -> None:
    model = plain("numbers")
    (name,) = model.parameters
    assert model.parameters[name].tolist() == [1.0, 2.0]


def test_gelu_and_layer_norm_are_few_operations() -> None:
    count = Counter(op.name for op in functions(small("gpt2"))["block"].walk())
    assert count["math.rsqrt"] == 2
    assert count["math.tanh"] == 1
    assert count["math.exp"] == 1
    assert count["arith.maximumf"] == 1
    assert "math.powf" not in count
    assert "arith.truncf" not in count


@pytest.mark.parametrize("name", [*SMALL, "mlp", "conv"])
def test_every_operation_knows_its_line(name: str) -> None:
    for op in imported(name).module.walk():
        if not op.name.startswith(("linalg.", "tensor.")) or op.name in ("linalg.yield", "tensor.yield"):
            continue
        mark = op.attributes.get(LOC)
        assert isinstance(mark, StringAttr), op
        assert re.match(r"[^/ ][^ ]*\.py:[1-9]\d*( \S.*)?$", mark.data), mark.data
        if name != "conv":  # made of PyTorch's own layers only
            assert not mark.data.startswith("torch/"), mark.data


def test_location_names_the_models_line() -> None:
    texts = {str(op.attributes.get(LOC)) for op in plain("mlp").module.walk()}
    assert any("return x + self.down(functional.gelu(self.up(x)))" in text for text in texts)


def test_timings_name_the_steps() -> None:
    timings = small("gpt2").timings
    assert {"export", "cut", "decompose", "linalg", "upstream", "translate"} <= set(timings)
    assert all(seconds >= 0 for seconds in timings.values())


def test_import_is_deterministic() -> None:
    module = Mlp()
    texts = {print_module(import_module(module, (torch.ones(16, 32),)).module) for _ in range(2)}
    assert len(texts) == 1


def test_integer_products_run_on_the_device() -> None:
    a, b = torch.ones(4, 8, dtype=torch.int8), torch.ones(8, 4, dtype=torch.int8)

    class Product(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a.int() @ b.int()

    assert "device" in places(import_module(Product(), (a, b))).values()


def test_key_of_a_graph_is_hashable() -> None:
    graph = torch.fx.Graph()
    value = graph.placeholder("x")
    value.meta = {"val": torch.ones(2), "parameter": False}
    graph.output((graph.call_function(torch.ops.aten.sum.dim_IntList, (value, [0]), {"dtype": torch.float32}),))
    assert hash(canonical_key(graph, "device")) == hash(canonical_key(graph, "device"))
    assert canonical_key(graph, "device") != canonical_key(graph, "host")
