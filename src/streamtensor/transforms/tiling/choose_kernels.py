# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""choose-kernels: what is chosen for single kernels."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.ir import linalg
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Context, ModulePass
from streamtensor.transforms.tiling.kernel_choices import kernel_name, parse_choices, write_choices


@dataclass(frozen=True)
class ChooseKernelsPass(ModulePass):
    """linalg.generic {dataflow.kernel = "x"}  -->  linalg.generic {dataflow.kernel = "x", dataflow.wanted_tile = [...],
    dataflow.lanes = n, dataflow.order = [...], dataflow.starts_group}

    Each of `choices` is a text such as `unroll.c_fc=64` (`tiling.kernel_choices`). Attributes only, so the numbers
    stay.

    Raises UserError ST0801 for a text that is no choice, and ST0802 for a kernel that the program does not have.
    """

    name = "choose-kernels"

    choices: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not self.choices:
            return
        wanted = parse_choices(self.choices)
        known = {kernel_name(g): g for g in op.walk() if isinstance(g, linalg.GenericOp) and kernel_name(g)}
        for name, choices in wanted.items():
            if name not in known:
                raise UserError("ST0802", f"the program has no kernel '{name}'", hint=did_you_mean(name, known))
            write_choices(known[name], choices)
