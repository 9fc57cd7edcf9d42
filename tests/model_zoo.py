# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small modules of every kind that the compiler promises to take, for the tests of numbers and of C simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Formula(nn.Module):
    """A module that is one formula, with submodules that it names."""

    def __init__(self, formula: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.formula = formula
        self.parts = nn.ModuleDict(parts)

    def forward(self, *inputs: Tensor) -> Any:
        return self.formula(*inputs, **self.parts)


def _random(*shape: int) -> Tensor:
    return torch.randn(*shape)


# ---- linear algebra


def two_mm() -> Made:
    """The matrix chain A B C + D."""
    shapes = ((8, 12), (12, 6), (6, 10), (8, 10))
    return Formula(lambda a, b, c, d: a @ b @ c + d), tuple(_random(*s) for s in shapes)


def three_mm() -> Made:
    """The matrix tree (A B) (C D)."""
    shapes = ((8, 12), (12, 6), (6, 10), (10, 8))
    return Formula(lambda a, b, c, d: (a @ b) @ (c @ d)), tuple(_random(*s) for s in shapes)


def seven_mm() -> Made:
    """A balanced tree of seven products."""

    def formula(*m: Tensor) -> Tensor:
        level = list(m)
        while len(level) > 1:
            level = [a @ b for a, b in zip(level[::2], level[1::2], strict=True)]
        return level[0]

    return Formula(formula), tuple(_random(8, 8) / 3 for _ in range(8))


def atax() -> Made:
    return Formula(lambda a, x: a.t() @ (a @ x)), (_random(8, 12), _random(12))


def bicg() -> Made:
    return Formula(lambda a, p, r: (a @ p, a.t() @ r)), (_random(8, 12), _random(12), _random(8))


def gesummv() -> Made:
    return Formula(lambda a, b, x: 1.5 * (a @ x) + 1.2 * (b @ x)), (_random(8, 12), _random(8, 12), _random(12))


def mvt() -> Made:
    return (
        Formula(lambda a, x, y, p, q: (x + a @ p, y + a.t() @ q)),
        (_random(8, 8), _random(8), _random(8), _random(8), _random(8)),
    )


# ---- perceptrons


def mlp() -> Made:
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 8)), (_random(8, 12),)


def autoencoder() -> Made:
    layers = [nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 16)]
    return nn.Sequential(*layers), (_random(6, 16),)


def residual_mlp() -> Made:
    return (
        Formula(
            lambda x, up, down, norm: x + down(functional.gelu(up(norm(x)))),
            up=nn.Linear(8, 16),
            down=nn.Linear(16, 8),
            norm=nn.LayerNorm(8),
        ),
        (_random(6, 8),),
    )


def feed_forward() -> Made:
    return (
        Formula(
            lambda x, norm, up, down: norm(x + down(functional.relu(up(x)))),
            norm=nn.LayerNorm(8),
            up=nn.Linear(8, 16),
            down=nn.Linear(16, 8),
        ),
        (_random(2, 4, 8),),
    )


def gated(activation: Callable[[Tensor], Tensor]) -> Callable[[], Made]:
    """SwiGLU, GeGLU: a product of two projections, one through an activation."""

    def make() -> Made:
        parts = {"gate": nn.Linear(8, 16), "up": nn.Linear(8, 16), "down": nn.Linear(16, 8)}
        return Formula(lambda x, gate, up, down: down(activation(gate(x)) * up(x)), **parts), (_random(6, 8),)

    return make


# ---- rows


def rope() -> Made:
    """A rotary embedding over the halves of the head dimension."""

    def formula(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        rotated = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * cosine + rotated * sine

    return Formula(formula), (_random(2, 6, 8), _random(6, 8), _random(6, 8))


class Attention(nn.Module):
    """Multi-head attention with one fused projection and a causal mask."""

    def __init__(self, width: int, heads: int, rows: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.register_buffer("mask", torch.triu(torch.full((rows, rows), -1e9), 1))

    def forward(self, x: Tensor) -> Tensor:
        rows, width = x.shape
        q, k, v = (
            part.reshape(rows, self.heads, width // self.heads).transpose(0, 1)
            for part in self.qkv(x).split(width, dim=-1)
        )
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5 + self.mask
        mixed = torch.softmax(scores, -1) @ v
        return self.out(mixed.transpose(0, 1).reshape(rows, width))


# ---- images


class ConvolutionalResidual(nn.Module):
    """relu(x + conv(relu(norm(conv(x))))), with a projection of x where the block goes down by a stride."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, stride=stride, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Conv2d(channels, channels, 1, stride=stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.skip(x) + self.second(functional.relu(self.norm(self.first(x)))))


def depthwise_separable() -> Made:
    layers = [nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.BatchNorm2d(6), nn.ReLU6(), nn.Conv2d(6, 8, 1), nn.ReLU6()]
    return nn.Sequential(*layers), (_random(1, 6, 8, 8),)


def image_classifier() -> Made:
    features = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*features, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 10)), (_random(1, 1, 8, 8),)


def pooled_classifier() -> Made:
    layers = [nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, 5)), (_random(1, 3, 8, 8),)


def squeeze_excite() -> Made:
    parts = {"conv": nn.Conv2d(4, 4, 3, padding=1), "down": nn.Conv2d(4, 2, 1), "up": nn.Conv2d(2, 4, 1)}

    def formula(x: Tensor, conv: nn.Module, down: nn.Module, up: nn.Module) -> Tensor:
        y = conv(x)
        return y * torch.sigmoid(up(functional.relu(down(y.mean((2, 3), keepdim=True)))))

    return Formula(formula, **parts), (_random(1, 4, 6, 6),)


def inception() -> Made:
    parts = {"point": nn.Conv2d(4, 4, 1), "wide": nn.Conv2d(4, 6, 3, padding=1)}

    def formula(x: Tensor, point: nn.Module, wide: nn.Module) -> Tensor:
        return torch.cat([point(x), wide(x), functional.max_pool2d(x, 3, 1, 1)], 1)

    return Formula(formula, **parts), (_random(1, 4, 6, 6),)


def growing() -> Made:
    """Each convolution takes all that is before it, joined along the channels."""
    parts = {"first": nn.Conv2d(4, 4, 3, padding=1), "second": nn.Conv2d(8, 4, 3, padding=1)}

    def formula(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
        y = torch.cat([x, functional.relu(first(x))], 1)
        return torch.cat([y, functional.relu(second(y))], 1)

    return Formula(formula, **parts), (_random(1, 4, 6, 6),)


def signal() -> Made:
    """One-dimensional convolutions, with a stride and a dilation."""
    layers = [nn.Conv1d(3, 4, 5, stride=2, padding=2), nn.ReLU(), nn.Conv1d(4, 4, 3, padding=2, dilation=2)]
    return nn.Sequential(*layers), (_random(1, 3, 16),)


def _formula(formula: Callable[..., Any], *shapes: tuple[int, ...], **parts: nn.Module) -> Callable[[], Made]:
    return lambda: (Formula(formula, **parts), tuple(_random(*shape) for shape in shapes))


def _images(*layers: nn.Module, shape: tuple[int, ...] = (1, 4, 8, 8)) -> Callable[[], Made]:
    return lambda: (nn.Sequential(*layers), (_random(*shape),))


ZOO: dict[str, Callable[[], Made]] = {
    "2mm": two_mm,
    "3mm": three_mm,
    "7 matmuls": seven_mm,
    "atax": atax,
    "bicg": bicg,
    "gesummv": gesummv,
    "mvt": mvt,
    "mlp": mlp,
    "autoencoder": autoencoder,
    "residual mlp": residual_mlp,
    "feed-forward block": feed_forward,
    "multi-head attention": lambda: (Attention(8, 2, 4), (_random(4, 8),)),
    "swiglu": gated(functional.silu),
    "geglu": gated(functional.gelu),
    "layer norm": lambda: (nn.LayerNorm(12), (_random(6, 12),)),
    "rms norm": lambda: (nn.RMSNorm(12), (_random(6, 12),)),
    "softmax": lambda: (nn.Softmax(-1), (_random(6, 12),)),
    "rope": rope,
    "convolutional residual": lambda: (ConvolutionalResidual(4), (_random(1, 4, 8, 8),)),
    "convolutional residual, stride 2": lambda: (ConvolutionalResidual(4, 2), (_random(1, 4, 8, 8),)),
    "depthwise separable": depthwise_separable,
    "image classifier": image_classifier,
    "pooled classifier": pooled_classifier,
    "squeeze and excite": squeeze_excite,
    "inception": inception,
    "growing": growing,
    "signal": signal,
}
"""The modules that are compiled, run at every level and simulated."""

PIECES: dict[str, Callable[[], Made]] = {
    "convolution without padding": _images(nn.Conv2d(4, 6, 3)),
    "convolution, batch of 2": _images(nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), shape=(2, 4, 6, 6)),
    "convolution, wide window": _images(nn.Conv2d(2, 3, 5, padding=2), shape=(1, 2, 8, 8)),
    "convolution, dilated": _images(nn.Conv2d(4, 4, 3, padding=2, dilation=2)),
    "convolution, groups": _images(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 8, 3, padding=1, groups=2)),
    "convolution, three dimensions": _images(nn.Conv3d(2, 3, 3, padding=1), shape=(1, 2, 4, 4, 4)),
    "patches": _images(nn.Conv2d(3, 8, 4, stride=4), nn.Flatten(2), shape=(1, 3, 8, 8)),
    "max pooling that overlaps": _images(nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
    "average pooling": _images(nn.ReLU(), nn.AvgPool2d(2)),
    "adaptive pooling": _images(nn.AdaptiveAvgPool2d(2)),
    "group norm": _images(nn.GroupNorm(2, 4), nn.SiLU()),
    "batch norm": _images(nn.BatchNorm2d(4), nn.Hardswish(), shape=(2, 4, 4, 4)),
    "layer norm over two dimensions": lambda: (nn.LayerNorm([4, 6]), (_random(2, 4, 6),)),
    "log softmax": lambda: (nn.LogSoftmax(-1), (_random(4, 6),)),
    "mish": lambda: (nn.Mish(), (_random(4, 6),)),
    "softplus": lambda: (nn.Softplus(), (30 * _random(4, 6),)),
    "gelu": lambda: (nn.GELU(approximate="tanh"), (_random(4, 6),)),
    "concatenation of columns": _formula(lambda x, y: torch.cat([torch.exp(x), y], 1), (8, 4), (8, 12)),
    "concatenation of rows": _formula(lambda x, y: torch.exp(torch.cat([x * 2, y], 0)), (8, 4), (3, 4)),
    "concatenation with itself": _formula(lambda x: (lambda y: torch.cat([y, x + 1, y, y], 1))(torch.exp(x)), (4, 6)),
    "concatenation in a product": _formula(
        lambda x, part: torch.cat([x, part(x)], 1) @ torch.cat([x.t(), x.t(), part(x).t()], 0)[:10],
        (5, 6),
        part=nn.Linear(6, 4),
    ),
    "convnext block": _formula(
        lambda x, wide, norm, up, down: (
            x + down(functional.gelu(up(norm(wide(x).permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        ),
        (1, 4, 8, 8),
        wide=nn.Conv2d(4, 4, 7, padding=3, groups=4),
        norm=nn.LayerNorm(4),
        up=nn.Linear(4, 8),
        down=nn.Linear(8, 4),
    ),
    "instance norm": _images(nn.Conv2d(4, 4, 3, padding=1), nn.InstanceNorm2d(4, affine=True), shape=(1, 4, 6, 6)),
    "cosine similarity": lambda: (nn.CosineSimilarity(-1), (_random(4, 6), _random(4, 6))),
    "causal filter": _formula(
        lambda x, taps: functional.silu(taps(functional.pad(x, (3, 0)))),
        (1, 4, 12),
        taps=nn.Conv1d(4, 4, 4, groups=4),
    ),
    "stack": _formula(lambda x, y: torch.stack([torch.exp(x), y], 1), (4, 6), (4, 6)),
    "split": _formula(lambda x: [2 * part for part in torch.exp(x).split([3, 5], -1)], (4, 8)),
    "chunk and gate": _formula(lambda x: torch.mul(*torch.sigmoid(x).chunk(2, -1)), (4, 8)),
    "every other row": _formula(lambda x: torch.exp(x)[::2, 1:] * 2, (8, 4)),
    "padding": _formula(lambda x: functional.pad(torch.exp(x), (1, 2, 3, 4), value=5.0), (6, 4)),
    "padding that cuts": _formula(lambda x: functional.pad(torch.exp(x), (-1, 2, 0, -2)), (6, 4)),
    "ones": _formula(lambda x: x + torch.ones(4), (6, 4)),
    "range": _formula(lambda x: x * torch.arange(4, dtype=torch.float32), (6, 4)),
    "numbers": _formula(lambda x: x * torch.tensor([1.0, 2.0, 3.0, 4.0]), (6, 4)),
    "identity matrix": _formula(lambda x: x @ torch.eye(4) + torch.tril(torch.ones(6, 4)), (6, 4)),
    "joined with ones": _formula(lambda x: torch.cat([x, torch.ones(6, 2)], 1), (6, 4)),
    "powers": _formula(lambda x: x.abs().pow(1.5) + x**3 + (x.abs() + 1) ** -2, (4, 6)),
    "clamp": _formula(lambda x: x.clamp(-0.5, 0.5), (4, 6)),
    "thresholds": _formula(lambda x: torch.where(x > 0.1, x, x * 0.3) + (x <= -0.7).float(), (4, 6)),
    "mask": _formula(lambda x, y: torch.where(x > 0, x, y).masked_fill(y > 1, -1.0), (4, 6), (4, 6)),
    "einsum": _formula(lambda x, y: torch.einsum("bij,bkj->bik", x, y), (2, 4, 6), (2, 3, 6)),
    "statistics": _formula(lambda x: (x.mean(-1), x.var(-1), x.std(0)), (4, 6)),
    "norm": _formula(lambda x: functional.normalize(x, dim=-1), (4, 6)),
    "outer product": _formula(lambda x, y: torch.outer(x, y), (4,), (6,)),
}
"""Single operations; compiled and run at every level."""


REFUSED: dict[str, Callable[[], Made]] = {
    "running sum": _formula(lambda x: torch.cumsum(x, -1), (4, 6)),
    "largest": _formula(lambda x: torch.topk(x, 2)[0], (4, 6)),
    "sorted": _formula(lambda x: torch.exp(x).sort(-1)[0], (4, 6)),
    "reversed": _formula(lambda x: torch.exp(x).flip(0), (4, 6)),
    "recurrent": lambda: (nn.LSTM(4, 4), (_random(3, 1, 4),)),
    "transposed convolution": _images(nn.ConvTranspose2d(4, 3, 3, stride=2)),
    "unfolded": _images(nn.Unfold(3)),
    "resized": _images(nn.Upsample(scale_factor=2)),
    "resized smoothly": _images(nn.Upsample(scale_factor=2, mode="bilinear")),
    "mirrored edges": _images(nn.ReflectionPad2d(1)),
}
"""What can't be a stream, or not yet: one clear error with the operation and the line."""


def make(name: str) -> Made:
    """The module called `name` in inference mode, and its inputs; the same numbers every time."""
    torch.manual_seed(0)
    module, inputs = {**ZOO, **PIECES, **REFUSED}[name]()
    return module.eval(), inputs
