# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One program of a model: what is imported and compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Program:
    """A module, example inputs, and the names of its inputs and outputs.

    `module` may be on the meta device; `weights` gives the same module with values. `prefix` stands before the names of
    the model's own parameters. `cache` names the tensors that are kept between runs: an input of such a name is
    the whole tensor, an output of such a name are new rows of it.
    """

    name: str
    module: torch.nn.Module
    inputs: tuple[torch.Tensor, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    prefix: str
    weights: Callable[[], torch.nn.Module]
    cache: tuple[str, ...] = ()
