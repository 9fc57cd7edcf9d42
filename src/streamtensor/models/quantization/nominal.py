# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An arithmetic for a model whose weights nobody has: for what depends on formats and shapes, not on values."""

from __future__ import annotations

from typing import Any

from streamtensor.models.quantization.families import HEAD, Family, family_of
from streamtensor.models.quantization.quantize import POSITIONS
from streamtensor.models.quantization.scheme import Arithmetic, scheme

RESIDUAL_BITS, ACTIVATION_BITS, LOGIT_BITS = 12, 11, 16
SHIFT = 32


def nominal_arithmetic(config: Any, scheme_name: str) -> Arithmetic | None:
    """The arithmetic of `scheme_name` with the same shift everywhere; None for float32.

    Raises UserError ST0120 (scheme) and ST0121 (a family without integer form).
    """
    chosen = scheme(scheme_name)
    if not chosen.weight_bits:
        return None
    family = family_of(config)
    positions = min(POSITIONS, int(config.max_position_embeddings))
    shifts = dict.fromkeys(_places(family), SHIFT)
    return Arithmetic(chosen, RESIDUAL_BITS, ACTIVATION_BITS, LOGIT_BITS, positions, shifts)


def _places(family: Family) -> list[str]:
    """The places of all requantisations, as `Arithmetic.shifts` names them."""
    attention = family.attention
    output = f"{attention}.{family.output}"
    products = [*(f"{attention}.{name}" for name in family.inputs), output, family.gate, family.up, family.down, HEAD]
    norms = [name for name, _ in family.norms] + [f"{attention}.{name}" for name in family.head_norms]
    inside = [f"{attention}.scores", f"{output}.input", f"{family.down}.input"]
    return [place for place in (*products, *norms, family.final_norm, *inside) if place]
