# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cutting exported graphs: labels, runs, canonical keys; and that the cut program computes what the module does."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from streamtensor.importers.decompose import decompose
from streamtensor.importers.export import export_graph
from streamtensor.importers.labels import block_lists, label_nodes
from streamtensor.importers.segments import Program, cut
from streamtensor.models.parameters import state


class Block(nn.Module):
    """A pre-norm block with a residual."""

    def __init__(self, width: int, *, eps: float = 1e-5, names: Sequence[str] = ("norm", "inner", "outer")) -> None:
        super().__init__()
        self.names = names
        for name, layer in zip(
            names,
            (nn.LayerNorm(width, eps=eps), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)),
            strict=True,
        ):
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        norm, inner, outer = (getattr(self, name) for name in self.names)
        return x + outer(functional.gelu(inner(norm(x))))


class Model(nn.Module):
    """Embedding, position selector, blocks, head."""

    def __init__(self, blocks: Sequence[nn.Module], width: int = 8) -> None:
        super().__init__()
        self.embed = nn.Embedding(16, width)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 16)
        self.register_buffer("positions", torch.arange(4), persistent=False)

    def forward(self, ids: Tensor, last: Tensor) -> Tensor:
        x = self.embed(ids) * 2.0
        for block in self.blocks:
            x = block(x)
        picked = torch.eq(self.get_buffer("positions"), last).float()
        return self.out(picked[None] @ self.norm(x))


IDS = (torch.tensor([[3, 1, 2, 5]]), torch.tensor([2]))


def programs(module: nn.Module, args: Sequence[Tensor]) -> tuple[Any, Program]:
    exported = export_graph(module.eval(), args)
    return exported, cut(exported, label_nodes(exported, module))


def shape_of(program: Program) -> list[tuple[str, str, str]]:
    return [(call.function.name, call.function.place, call.block) for call in program.calls]


class Eager(fx.Interpreter):
    """Runs a function's graph on real tensors; views see values only, for the IR has no strides."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if target is torch.ops.aten.view.default:
            return args[0].reshape(args[1])
        return super().call_function(target, args, kwargs)


def evaluate(module: nn.Module, args: Sequence[Tensor]) -> list[Tensor]:
    """What the cut program gives, each function run in its decomposed form by PyTorch itself."""
    exported, program = programs(module, args)
    graphs = {f.name: Eager(fx.GraphModule(nn.Module(), decompose(f.graph))) for f in program.functions}
    values: dict[fx.Node, Tensor] = {}
    given = iter(args)
    for entry in exported.inputs:
        if entry.kind == "input":
            values[entry.node] = next(given)
        else:
            values[entry.node] = (
                exported.constants[entry.name] if entry.kind == "constant" else state(module, entry.name)
            )
    with torch.no_grad():
        for call in program.calls:
            results = graphs[call.function.name].run(*(values[node] for node in call.arguments))
            values.update(zip(call.results, results, strict=True))
    return [values[node] for node in exported.outputs]


def test_embed_blocks_head() -> None:
    exported, program = programs(Model([Block(8), Block(8), Block(8)]), IDS)
    assert shape_of(program) == [
        ("embed", "host", ""),
        ("block", "device", "blocks.0"),
        ("block", "device", "blocks.1"),
        ("block", "device", "blocks.2"),
        ("head", "device", ""),
    ]
    assert [function.name for function in program.functions] == ["embed", "block", "head"]
    names = {entry.node: entry.name for entry in exported.inputs}
    first, second = program.calls[1], program.calls[2]
    assert [names.get(node) for node in first.arguments][1:3] == ["blocks.0.norm.weight", "blocks.0.norm.bias"]
    assert [names.get(node) for node in second.arguments][1:3] == ["blocks.1.norm.weight", "blocks.1.norm.bias"]
    assert second.arguments[0] is first.results[0]


def test_one_block_in_a_list_is_a_block() -> None:
    _, program = programs(Model([Block(8)]), IDS)
    assert [call.block for call in program.calls] == ["", "blocks.0", ""]


def test_key_ignores_names() -> None:
    odd = Block(8, names=("zz_first", "aa_second", "mm_third"))
    _, program = programs(Model([Block(8), odd]), IDS)
    assert program.calls[1].function is program.calls[2].function


@pytest.mark.parametrize("other", [Block(8, eps=1e-6), nn.Sequential(Block(8), nn.ReLU())])
def test_different_blocks_are_different_functions(other: nn.Module) -> None:
    blocks = [Block(8), other, Block(8)]
    wrapped = [nn.Sequential(block) for block in blocks]  # one class, so that all three count as blocks
    _, program = programs(Model(wrapped), IDS)
    first, second, third = program.calls[1:4]
    assert first.function is third.function
    assert first.function is not second.function
    assert len({function.name for function in program.functions}) == len(program.functions)


def test_wiring_is_part_of_the_key() -> None:
    class Cross(nn.Module):
        def __init__(self, swapped: bool) -> None:
            super().__init__()
            self.swapped = swapped
            self.a, self.b = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            y = x * self.a - x * self.b
            return y * self.b if self.swapped else y * self.a

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([Cross(False), Cross(True), Cross(False)])

        def forward(self, x: Tensor) -> Tensor:
            for block in self.blocks:
                x = block(x)
            return x

    _, program = programs(Stack(), (torch.ones(2, 4),))
    first, second, third = (call.function for call in program.calls)
    assert first is third
    assert first is not second


def test_block_list_needs_two_of_a_class() -> None:
    model = nn.ModuleDict(
        {
            "mixed": nn.ModuleList([nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)]),
            "single": nn.ModuleList([nn.ReLU()]),
            "different": nn.ModuleList([nn.ReLU(), nn.GELU()]),
        }
    )
    assert block_lists(model) == {"mixed": {"0", "2"}, "single": {"0"}, "different": set()}


def test_float_module_is_one_device_function() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))
            self.register_buffer("table", torch.arange(4.0))

        def forward(self, x: Tensor) -> Tensor:
            return x * (1 + self.weight) + self.get_buffer("table") * 2

    _, program = programs(Plain(), (torch.ones(3, 4),))
    assert shape_of(program) == [("main_0", "device", "")]


def test_gather_in_a_float_module_runs_on_the_host() -> None:
    class Permuted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * 2)[:, torch.tensor([2, 0, 1])] + 1

    _, program = programs(Permuted(), (torch.ones(2, 3),))
    assert [call.function.place for call in program.calls] == ["device", "host", "device"]


def test_no_op_calls_do_not_move_a_boundary() -> None:
    """A cast to the same type at the start of a block must not become the block's second result."""

    class Casting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = x.to(torch.float32)
            return x + self.layer(x)

    _, program = programs(Model([Casting(), Casting()]), IDS)
    assert [len(call.results) for call in program.calls] == [2, 1, 1, 1]  # embed also gives the selector


def test_host_order_does_not_depend_on_trace_order() -> None:
    class Tables(nn.Module):
        def __init__(self, flip: bool) -> None:
            super().__init__()
            self.flip = flip
            self.embed = nn.Embedding(8, 4)
            self.register_buffer("f", torch.arange(4.0))

        def forward(self, ids: Tensor) -> Tensor:
            frequencies = self.get_buffer("f")
            if self.flip:
                sine = torch.sin(ids[..., None] * frequencies)
                cosine = torch.cos(ids[..., None] * frequencies)
            else:
                cosine = torch.cos(ids[..., None] * frequencies)
                sine = torch.sin(ids[..., None] * frequencies)
            x = self.embed(ids)
            return (x @ x.transpose(-1, -2)) @ cosine + sine

    keys = []
    for flip in (False, True):
        _, program = programs(Tables(flip), (torch.zeros(1, 4, dtype=torch.int64),))
        assert [call.function.place for call in program.calls] == ["host", "device"]
        keys.append(program.functions[0].key)
    assert keys[0] == keys[1]


class Everything(nn.Module):
    """Every formula of the decompositions, on one input."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = nn.BatchNorm2d(4)
        self.group = nn.GroupNorm(2, 4)
        self.rms = nn.RMSNorm(6)
        nn.init.uniform_(self.rms.weight)
        for layer in (self.batch, self.group):
            nn.init.uniform_(layer.weight)
            nn.init.uniform_(layer.bias)
        for name in ("running_mean", "running_var"):
            nn.init.uniform_(self.batch.get_buffer(name))

    def forward(self, x: Tensor) -> list[Tensor]:
        positive = x.abs() + 0.1
        rows = x[0, 0]
        attention = x.expand(2, 4, 5, 6)
        return [
            self.batch(x),
            self.group(x),
            self.rms(x),
            functional.layer_norm(x, (5, 6)),
            functional.softmax(x, 1),
            functional.gelu(x),
            functional.gelu(x, approximate="tanh"),
            functional.silu(x),
            positive**3 + positive**0.5 + positive**-2 + positive**7 + positive**2.5,
            x.var(-1),
            x.var((1, 2), correction=0, keepdim=True),
            x.std(-1),
            torch.linalg.vector_norm(x, dim=-1),
            torch.addmm(rows, rows @ rows.T, rows, beta=0.5, alpha=2.0),
            torch.baddbmm(x[0], x[0] @ x[0].transpose(1, 2), x[0]),
            functional.scaled_dot_product_attention(attention, attention, attention, is_causal=True),
            functional.scaled_dot_product_attention(attention, attention[:, :2], attention[:, 2:], enable_gqa=True),
            functional.scaled_dot_product_attention(attention, attention, attention, attn_mask=rows @ rows.T > 0),
            functional.scaled_dot_product_attention(attention, attention, attention, attn_mask=rows @ rows.T),
        ]


CASES: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
    "model": (Model([Block(8), Block(8), Block(8)]), IDS),
    "formulas": (Everything(), (torch.randn(1, 4, 5, 6, generator=torch.Generator().manual_seed(1)),)),
    "encoder": (
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
        (torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(2)),),
    ),
    "in place": (
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
        (torch.ones(1, 2, 5, 5),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cut_program_computes_the_module(name: str) -> None:
    module, args = CASES[name]
    results = evaluate(module, args)
    with torch.no_grad():
        wanted = module(*args)
    wanted = [wanted] if isinstance(wanted, Tensor) else wanted
    assert len(results) == len(wanted)
    for result, value in zip(results, wanted, strict=True):
        torch.testing.assert_close(result, value, rtol=2e-5, atol=2e-6)
