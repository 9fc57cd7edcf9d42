# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a quantisation scheme chooses, and the numbers that one quantised model has everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from streamtensor.diagnostics import UserError

SCHEMES = ("float32", "w8a8", "w4a8", "w4a8-g128")


@dataclass(frozen=True)
class Scheme:
    """`weight_bits` of the blocks' matrices (0: everything stays float32), `group` columns that share a scale (0: one
    scale for each output channel). The LM head has 8 bits, activations have 8 bits.
    """

    name: str
    weight_bits: int
    group: int = 0


def scheme(name: str) -> Scheme:
    """The scheme called `name`: float32, w8a8, w4a8, or w4a8-gN with a scale for each N inputs.

    Raises UserError ST0120 for another name.
    """
    match = re.fullmatch(r"w([48])a8(?:-g(\d+))?", name)
    if name == "float32":
        return Scheme(name, 0)
    if match is None or match[2] in ("0", "1"):
        raise UserError("ST0120", f"there is no quantisation scheme '{name}'", hint=f"one of {', '.join(SCHEMES)}")
    return Scheme(name, int(match[1]), int(match[2] or 0))


@dataclass(frozen=True)
class Arithmetic:
    """What is constant in a quantised model's code, and common to all its blocks.

    `residual_bits`, `activation_bits`, `logit_bits` are fraction bits: of the residual stream (32 bits), of what enters
    and leaves GELU and SiLU (16 bits), of the logits (32 bits). `positions` is the length of the position tables.
    `shifts` are those of requantisations by the place in a block ("attn.c_attn"), or by the whole name outside of them.
    """

    scheme: Scheme
    residual_bits: int
    activation_bits: int
    logit_bits: int
    positions: int
    shifts: Mapping[str, int] = field(default_factory=dict[str, int])

    def as_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        return {**asdict(self), "shifts": dict(self.shifts)}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Arithmetic:
        """What `as_json` wrote. Raises KeyError or TypeError for anything else."""
        fields = dict(value)
        return Arithmetic(scheme=Scheme(**fields.pop("scheme")), **fields)
