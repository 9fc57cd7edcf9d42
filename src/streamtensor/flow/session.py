# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A language model that generates: prefill once, then decode token by token, with the KV cache between the runs.

The same session runs the C simulation of a compiled folder and the PyTorch modules that it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator, Launches
from streamtensor.flow.cache import Cache
from streamtensor.flow.events import Events
from streamtensor.flow.folder import Generation, Record
from streamtensor.simulate.csim.report import Mode

Array = npt.NDArray[Any]
Run = Callable[[Sequence[Array]], Sequence[Array]]

PREFILL, DECODE = "prefill", "decode"


class Rows(Protocol):
    """Where a session keeps keys and values."""

    def write(self, rows: Mapping[str, Array], position: int) -> None:
        """Puts new rows [1, KV heads, rows, head_dim] in the places from `position` on."""
        ...

    def read(self, name: str) -> Array:
        """The whole tensor [1, KV heads, context, head_dim]."""
        ...


@dataclass(frozen=True)
class Step:
    """What one run gave: the logits [1, vocabulary], and the new rows of the cache by name."""

    logits: Array
    rows: dict[str, Array]


class Session:
    """One request at a time: `start` with a prompt, then `step` with each token."""

    def __init__(
        self, prefill: Run, decode: Run, cache: Rows, names: Sequence[str], generation: Generation, vocabulary: int
    ) -> None:
        self.names = tuple(names)
        self.generation = generation
        self.vocabulary = vocabulary
        self.position = 0
        self.cache = cache
        self._prefill, self._decode = prefill, decode

    def start(self, ids: Sequence[int]) -> Step:
        """Forgets what was and reads a prompt; the logits are those after its last token.

        Raises UserError ST0108 for an empty prompt or a token that is not in the vocabulary, ST0105 for a prompt that
        is longer than the program.
        """
        outputs = self._prefill(prompt_arrays(ids, self.generation.prompt_len, self.vocabulary))
        step = self._step(outputs, len(ids))
        self.cache.write(step.rows, 0)
        self.position = len(ids)
        return step

    def step(self, token: int) -> Step:
        """The logits after one token more.

        Raises UserError ST0105 when the context is full, ST0108 for a token that is not in the vocabulary.
        """
        _check_tokens([token], self.vocabulary)
        if self.is_full:
            raise UserError(
                "ST0105",
                f"the context of {self.generation.context} tokens is full",
                hint="start again with a shorter text, or compile again with a larger --context",
            )
        outputs = self._decode([np.array([[token]], np.int64), np.array([self.position], np.int64)])
        step = self._step(outputs, 1)
        self.cache.write(step.rows, self.position)
        self.position += 1
        return step

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another token."""
        return self.position >= self.generation.context

    def _step(self, outputs: Sequence[Array], rows: int) -> Step:
        return Step(outputs[0], {n: value[:, :, :rows] for n, value in zip(self.names, outputs[1:], strict=True)})


def prompt_arrays(ids: Sequence[int], rows: int, vocabulary: int) -> list[Array]:
    """The inputs of a prefill program, as models/prefill.py defines them: padded ids and the last position.

    Raises UserError ST0108 for an empty prompt or a token that is not in the vocabulary, ST0105 for a prompt that is
    longer than the program.
    """
    if not ids:
        raise UserError("ST0108", "the prompt is empty", hint="give at least one character")
    if len(ids) > rows:
        raise UserError(
            "ST0105",
            f"the prompt has {len(ids)} tokens, the program was compiled for {rows}",
            hint="shorten the prompt, or compile again with a larger --prompt-len",
        )
    _check_tokens(ids, vocabulary)
    padded = np.zeros((1, rows), np.int64)
    padded[0, : len(ids)] = ids
    return [padded, np.array([len(ids) - 1], np.int64)]


def vocabulary_of(accelerator: Accelerator) -> int:
    """The number of tokens of a language model's program: the logits have one number for each."""
    return accelerator.program.buffer(accelerator.program.outputs[0].buffer).shape[-1]


def check_arrays(accelerator: Accelerator, arrays: Sequence[Array]) -> None:
    """Looks at the inputs of a language model's program that say which rows of tables the host reads.

    Raises UserError ST0108 for a token that is not in the vocabulary, or a position behind the program's rows. Other
    programs, and other inputs, are not looked at.
    """
    generation = accelerator.record.generation
    if generation is None:
        return
    rows = {"last": generation.prompt_len, "position": generation.context}
    for port, array in zip(accelerator.program.inputs, arrays, strict=False):
        if port.name == "ids":
            _check_tokens(array.reshape(-1).tolist(), vocabulary_of(accelerator))
        for position in array.reshape(-1).tolist() if port.name in rows else ():
            if not 0 <= position < rows[port.name]:
                raise UserError(
                    "ST0108",
                    f"input {port.name} is {position}, the program has {rows[port.name]} rows",
                    hint=f"give a number from 0 to {rows[port.name] - 1}",
                )


def _check_tokens(ids: Sequence[int], vocabulary: int) -> None:
    """The host reads the embedding of a token without a look at its number, so it is looked at here."""
    for token in ids:
        if not 0 <= token < vocabulary:
            raise UserError(
                "ST0108",
                f"there is no token {token}, the model knows {vocabulary}",
                hint=f"give numbers from 0 to {vocabulary - 1}",
            )


class Simulation:
    """The two programs of a compiled folder as C simulations, and the last `launches` of each by its name.

    Raises UserError ST0108 when the folder holds no language model, ST0103 for damaged weights, before anything runs.
    """

    def __init__(
        self, folder: Path, events: Events, *, mode: Mode = "bounded", depths: Mapping[str, int] | int | None = None
    ) -> None:
        generation = Record.read(folder).generation
        if generation is None:
            raise UserError(
                "ST0108", f"{folder} holds no language model", hint="give its inputs as arrays with --inputs FILE.npz"
            )
        self.prefill = Accelerator(folder, PREFILL)
        self.decode = Accelerator(folder, DECODE, weights=self.prefill.weights)
        self.generation = generation
        self.vocabulary = vocabulary_of(self.prefill)
        self.launches: dict[str, Launches] = {}
        self._mode: Mode = mode
        self._depths = depths
        for accelerator in (self.prefill, self.decode):
            accelerator.check_weights(events)

    def build(self, events: Events, total: int) -> None:
        """Compiles the C simulations of both programs, unless they are there; two of `total` stages."""
        for number, accelerator in enumerate((self.prefill, self.decode)):
            events.stage(f"building the C simulation of {accelerator.program_name}", number, total)
            _ = accelerator.library

    def session(self) -> Session:
        """A session with an empty cache."""
        cache = Cache(self.decode.program)
        return Session(
            lambda inputs: self._run(self.prefill, inputs, None),
            lambda inputs: self._run(self.decode, inputs, cache),
            cache,
            [port.name for port in self.decode.program.outputs[1:]],
            self.generation,
            self.vocabulary,
        )

    def _run(self, accelerator: Accelerator, inputs: Sequence[Array], cache: Cache | None) -> Sequence[Array]:
        launches = accelerator.run(inputs, mode=self._mode, depths=self._depths, cache=cache)
        self.launches[accelerator.program_name] = launches
        return launches.outputs
