# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PyTorch modules that a compiled folder came from, with the compiled weights in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.codegen.weights import Weights
from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator
from streamtensor.flow.passes import FLOAT_TOLERANCE
from streamtensor.flow.session import DECODE, PREFILL, Session, vocabulary_of
from streamtensor.simulate.interpreter import compare

Array = npt.NDArray[Any]
Reference = Callable[[Sequence[Array]], tuple[Array, ...]]


class PlainCache:
    """Keys and values as plain arrays."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> None:
        self.arrays = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}

    def write(self, rows: Mapping[str, Array], position: int) -> None:
        """Puts new rows [1, KV heads, rows, head_dim] in the places from `position` on."""
        for name, values in rows.items():
            self.arrays[name][:, :, position : position + values.shape[2]] = values

    def read(self, name: str) -> Array:
        """The whole tensor [1, KV heads, context, head_dim]."""
        return self.arrays[name]


class References:
    """The modules of all programs of a compiled folder.

    Raises UserError ST0503 for a folder that was compiled from a module in Python, ST0101 and ST0103 when a file that
    the model was made from is gone or has changed.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        record = accelerator.record
        if record.source is None:
            raise UserError(
                "ST0503",
                f"{accelerator.folder} was compiled from a module in Python, which can't be built again",
                hint="compare with your module in Python, or compile FILE.py:callable",
            )
        self._source, self._prefix, self._generation = record.source, record.prefix, record.generation
        self._weights: Weights = accelerator.weights
        self._accelerator = accelerator

    @cached_property
    def _programs(self) -> dict[str, Any]:
        from streamtensor.models.sources import ModelSource

        return {program.name: program for program in ModelSource.from_record(self._source).programs()}

    @cached_property
    def _values(self) -> dict[str, Any]:
        import torch

        return {name: torch.from_numpy(np.array(value)) for name, value in self._weights.items()}

    def module(self, program: str) -> Any:
        """The module of a program, with the compiled weights."""
        from streamtensor.models.parameters import fill_parameters

        module = self._programs[program].module.eval()
        fill_parameters(module, self._values, self._prefix)
        return module

    def run(self, program: str) -> Reference:
        """The module of a program as a function of arrays."""
        import torch

        module = self.module(program)

        def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
            with torch.no_grad():
                result = module(*(torch.from_numpy(value) for value in inputs))
            results = result if isinstance(result, tuple | list) else (result,)
            return tuple(value.detach().numpy() for value in results)

        return run

    def session(self) -> Session:
        """A session of the PyTorch modules of a language model."""
        assert self._generation is not None, "a language model"
        decode_program = self._programs[DECODE]
        names = decode_program.cache
        inputs = dict(zip(decode_program.input_names, decode_program.inputs, strict=True))
        dtype = str(inputs[names[0]].dtype).removeprefix("torch.")
        cache = PlainCache({name: tuple(inputs[name].shape) for name in names}, dtype)
        prefill, decode = self.run(PREFILL), self.run(DECODE)

        def step(given: Sequence[Array]) -> Sequence[Array]:
            return decode([*given, *(cache.arrays[name] for name in names)])

        return Session(prefill, step, cache, names, self._generation, vocabulary_of(self._accelerator))


def is_close(found: Array, wanted: Array) -> bool:
    """Whether the accelerator gives what PyTorch gives: floats within the tolerance, everything else exactly."""
    return compare([found], [wanted]) <= (FLOAT_TOLERANCE if np.issubdtype(wanted.dtype, np.floating) else 0.0)
