# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published results of LLM accelerators, each with its source; nothing here was measured by this project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GPT2_MEDIUM = "gpt2-medium"

_STREAMTENSOR = "Ye and Chen, StreamTensor, MICRO 2025, arXiv 2509.13694"


@dataclass(frozen=True)
class System:
    """Who was measured on what: `arithmetic` of weights and activations, and where it was published."""

    name: str
    device: str
    arithmetic: str
    source: str
    is_fpga: bool

    @property
    def title(self) -> str:
        """As a table says it."""
        return f"{self.name}, {self.device}" + (f", {self.arithmetic}" if self.arithmetic else "")


@dataclass(frozen=True)
class PublishedRow:
    """One measurement: batch 1, `input` prompt tokens, `output` generated ones; None where nothing was published."""

    system: System
    model: str
    input: int
    output: int | None
    latency_ms: float | None
    ttft_ms: float | None
    tokens_per_s: float | None


STREAMTENSOR = System("StreamTensor", "U55C", "W4A8", _STREAMTENSOR, True)
ALLO = System("Allo", "U280", "W4A8", f"as compared in {_STREAMTENSOR}", True)
DFX = System("DFX", "U280", "FP16", f"as compared in {_STREAMTENSOR}", True)
A100 = System("A100", "A100", "", f"as compared in {_STREAMTENSOR}", False)
RTX2080TI = System("2080Ti", "2080Ti", "", f"as compared in {_STREAMTENSOR}", False)
CODO = System(
    "CODO",
    "U280, 300 MHz",
    "W4A8",
    "Zhang et al., CODO: An Automated Compiler for Comprehensive Dataflow Optimization, arXiv 2604.12618; whether its"
    " figures include the LM head, and at which lengths its tokens/s were taken, is not known here",
    True,
)

# in = out: latency ms, TTFT ms, decode tokens/s
_GPT2_MEDIUM: Mapping[System, Mapping[int, tuple[float, float, float]]] = {
    STREAMTENSOR: {
        32: (194.99, 34.59, 199.51),
        64: (358.24, 61.27, 215.51),
        128: (696.65, 125.35, 224.05),
        256: (1387.76, 272.85, 229.61),
    },
    ALLO: {
        32: (238.32, 81.50, 204.05),
        64: (476.64, 162.99, 204.05),
        128: (953.28, 325.98, 204.05),
        256: (1906.56, 651.96, 204.05),
    },
    DFX: {
        32: (350.00, 177.20, 185.19),
        64: (694.70, 349.10, 185.19),
        128: (1384.00, 692.80, 185.19),
        256: (2800.00, 1417.60, 185.19),
    },
    A100: {
        32: (291.16, 8.72, 113.30),
        64: (567.41, 8.76, 114.56),
        128: (1118.28, 8.65, 115.35),
        256: (2227.79, 8.53, 115.35),
    },
    RTX2080TI: {
        32: (518.46, 24.98, 64.85),
        64: (1010.81, 25.23, 64.94),
        128: (3969.76, 25.26, 32.45),
        256: (7914.23, 25.23, 32.45),
    },
}
_CODO_TTFT_MS = {32: 20.40, 64: 32.64, 128: 110.40}
_CODO_TOKENS_PER_S = 231.48

PUBLISHED: tuple[PublishedRow, ...] = (
    *(
        PublishedRow(system, GPT2_MEDIUM, length, length, *figures)
        for system, rows in _GPT2_MEDIUM.items()
        for length, figures in rows.items()
    ),
    *(
        PublishedRow(CODO, GPT2_MEDIUM, length, None, None, ttft, _CODO_TOKENS_PER_S)
        for length, ttft in _CODO_TTFT_MS.items()
    ),
)


@dataclass(frozen=True)
class Statement:
    """A published figure that is no row of a table: of which models, what it is about, the figure, the source."""

    models: tuple[str, ...]
    what: str
    figure: str
    source: str


_QWEN, _LLAMA, _GEMMA = "qwen2.5-0.5b", "tinyllama-1.1b", "gemma-3-1b"
_EVALUATED = (GPT2_MEDIUM, _QWEN, _LLAMA, _GEMMA)
_ENERGY = "energy efficiency against an A100"

STATEMENTS = (
    Statement(
        _EVALUATED,
        "on-chip memory of intermediate results of one layer, after fusion, over all models",
        "14.8-16.8 % of before",
        _STREAMTENSOR,
    ),
    Statement(
        _EVALUATED,
        "PyTorch to RTL, over all models",
        "1251.7-1547.9 s, of it the compiler 26.8-63.4 s",
        _STREAMTENSOR,
    ),
    Statement((_QWEN,), _ENERGY, "up to 1.99x", _STREAMTENSOR),
    Statement((_GEMMA,), _ENERGY, "up to 1.59x", _STREAMTENSOR),
    Statement((_LLAMA,), _ENERGY, "below 1", _STREAMTENSOR),
)


def published_rows(model: str, input: int, output: int) -> list[PublishedRow]:
    """What was published of `model` at this length; a row without an output length fits every one."""
    return [row for row in PUBLISHED if row.model == model and row.input == input and row.output in (output, None)]


def statements_about(model: str) -> tuple[Statement, ...]:
    """What else was published of `model`."""
    return tuple(one for one in STATEMENTS if model in one.models)


def best_fpga(rows: Iterable[PublishedRow]) -> tuple[float | None, float | None, float | None]:
    """The lowest latency and TTFT and the highest tokens/s among the FPGA rows; None where none has the figure."""
    fpga = [row for row in rows if row.system.is_fpga]
    return (
        min((row.latency_ms for row in fpga if row.latency_ms is not None), default=None),
        min((row.ttft_ms for row in fpga if row.ttft_ms is not None), default=None),
        max((row.tokens_per_s for row in fpga if row.tokens_per_s is not None), default=None),
    )
