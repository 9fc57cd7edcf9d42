# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A program of a model: what is imported and compiled; and what a host needs to generate with a model's programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Generation:
    """What a host needs to generate: rows of the prefill program, of the cache, fraction bits of integer logits, and the
    tokens after which a text ends.
    """

    prompt_len: int
    context: int
    logit_bits: int
    end_tokens: tuple[int, ...]

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Generation:
        """The inverse of `dataclasses.asdict`. Raises KeyError or TypeError for other data."""
        return Generation(**{**data, "end_tokens": tuple(data["end_tokens"])})
