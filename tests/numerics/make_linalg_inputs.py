# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the inputs of the tensor IR tests: small PyTorch modules, as the importer gives them.

    python tests/numerics/make_linalg_inputs.py

The files are committed, so that the tests of the passes need no PyTorch and do not change when the importer does.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).parent / "linalg_inputs"
MADE: dict[str, Callable[[], tuple[nn.Module, tuple[torch.Tensor, ...]]]] = {}


def example(*shapes: tuple[int, ...]) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Registers a module class under its name with inputs of the given shapes."""

    def register(cls: type[nn.Module]) -> type[nn.Module]:
        name = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).lstrip("_")
        MADE[name] = lambda: (cls(), tuple(torch.zeros(shape) for shape in shapes))
        return cls

    return register


@example((8, 12), (12, 16))
class Matmul(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


@example((1, 8, 16))
class MlpResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(functional.gelu(self.up(x), approximate="tanh"))


@example((2, 4, 6))
class Softmax(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x * 0.5, dim=1)


@example((1, 6, 16))
class LayerNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x)


@example((2, 8, 16))
class InterleavedAttention(nn.Module):
    """One projection whose result holds q, k, v of each head next to each other; a batch of two."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).view(2, 8, 2, 3, 8).unbind(3)
        scores = torch.einsum("bshd,bthd->bhst", q, k) / 8**0.5
        return self.out(torch.einsum("bhst,bthd->bshd", torch.softmax(scores, -1), v).reshape(2, 8, 16))


@example((1, 8, 16))
class GroupedAttention(nn.Module):
    """Four query heads share two key and value heads."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(16, 16), nn.Linear(16, 8), nn.Linear(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = self.q(x).view(1, 8, 4, 4).transpose(1, 2)
        k, v = (p(x).view(1, 8, 2, 4).transpose(1, 2) for p in (self.k, self.v))
        k, v = (t[:, :, None].expand(1, 2, 2, 8, 4).reshape(1, 4, 8, 4) for t in (k, v))
        weights = torch.softmax(q @ k.transpose(2, 3), -1)
        return (weights @ v).transpose(1, 2).reshape(1, 8, 16)


@example((1, 1, 16), (1, 2, 6, 8), (1, 2, 6, 8))
class DecodeStep(nn.Module):
    """One token against a cache: rows of length one everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.out, self.norm = nn.Linear(16, 16), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, x: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        q = self.q(self.norm(x)).view(1, 1, 2, 8).transpose(1, 2)
        weights = torch.softmax(q @ keys.transpose(2, 3), -1)
        return x + self.out((weights @ values).transpose(1, 2).reshape(1, 1, 16))


@example((1, 3, 8, 8))
class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Linear(4 * 6 * 6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.conv(x)).flatten(1))


@example((4, 6))
class Regroup(nn.Module):
    """A reshape without common factors between two computations, and one with some."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.exp(x)
        return y.view(6, 4).sum(1), torch.tanh(y.view(2, 12)).t()


@example((1, 6, 16))
class LastRow(nn.Module):
    """Only the last position of the result is returned."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.out = nn.LayerNorm(16), nn.Linear(16, 24, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.norm(x))[:, -1]


def gpt2() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """One block of a small GPT-2."""
    from transformers import GPT2Config
    from transformers.models.gpt2.modeling_gpt2 import GPT2Block

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config = GPT2Config(
                n_embd=16,
                n_head=2,
                n_positions=8,
                attn_implementation="eager",  # pyright: ignore[reportCallIssue]  # taken by the base class
            )
            self.block = GPT2Block(config, layer_idx=0).eval()

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            result = self.block(x, attention_mask=mask)
            return result[0] if isinstance(result, tuple) else result

    return Block(), (torch.zeros(1, 8, 16), torch.zeros(1, 1, 8, 8))


MADE["gpt2_block"] = gpt2


def main() -> None:
    from streamtensor.importers.program import import_module
    from streamtensor.ir import func
    from streamtensor.ir.builtin import ModuleOp
    from streamtensor.ir.text import print_module

    FOLDER.mkdir(exist_ok=True)
    for name, make in MADE.items():
        module, inputs = make()
        imported = import_module(module.eval(), inputs).module
        device = [op for op in imported.ops if isinstance(op, func.FuncOp) and op.sym_name.data != "main"]
        for op in imported.walk():
            op.attributes.pop("dataflow.loc", None)
        assert len(device) == 1, name
        device[0].detach()
        (FOLDER / f"{name}.mlir").write_text(print_module(ModuleOp([device[0]])))


if __name__ == "__main__":
    main()
