# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running a compiled folder on a prompt or on arrays, and comparing with PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator, Array
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.passes import FLOAT_TOLERANCE
from streamtensor.simulate.csim import FifoReport
from streamtensor.simulate.csim.report import Mode
from streamtensor.simulate.interpreter import compare

Reference = Callable[[Sequence[Array]], tuple[Array, ...]]


@dataclass(frozen=True)
class RunResult:
    """The outcome of a run.

    `outputs` (arrays) or `tokens` and `text` (a prompt), the FIFO counters, and with a check `max_rel_diff` =
    max|a-b| / max|b| against PyTorch, `equal` (within the float32 tolerance, tokens and integers exactly) and
    PyTorch's own tokens and text.
    """

    outputs: tuple[Array, ...] = ()
    tokens: tuple[int, ...] | None = None
    text: str | None = None
    fifos: dict[str, FifoReport] = field(default_factory=dict[str, FifoReport])
    max_rel_diff: float | None = None
    equal: bool | None = None
    reference_tokens: tuple[int, ...] | None = None
    reference_text: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        found: dict[str, Any] = {}
        if self.tokens is None:
            found["outputs"] = [output.tolist() for output in self.outputs]
        else:
            found |= {"tokens": list(self.tokens), "text": self.text}
        if self.equal is not None:
            found |= {"max_rel_diff": self.max_rel_diff, "equal": self.equal, "tolerance": FLOAT_TOLERANCE}
        if self.reference_tokens is not None:
            found |= {"reference_tokens": list(self.reference_tokens), "reference_text": self.reference_text}
        found["fifos"] = {
            name: {"depth": fifo.depth, "tokens": fifo.tokens, "high_water": fifo.high_water}
            for name, fifo in self.fifos.items()
        }
        found["provenance"] = {"outputs": "C simulation", "max_rel_diff": "measured here (CPU)", "fifos": "simulated"}
        return found


def run_inputs(
    folder: Path,
    npz: Path,
    *,
    check: bool = False,
    fifos: Mode = "bounded",
    depth: int | None = None,
    events: Events | None = None,
) -> RunResult:
    """Runs the program of `folder` on the arrays of an .npz file, in the order in which they were stored.

    Raises UserError ST0101 or ST0108 for the file, ST0604 for a deadlock, and what `Accelerator` raises.
    """
    events = events or SilentEvents()
    accelerator = Accelerator(folder)
    arrays = _read_npz(npz)
    accelerator.check_weights(events)
    events.stage("building the C simulation", 0, 2)
    _ = accelerator.library
    events.stage("C simulation", 1, 2)
    launches = accelerator.run(arrays, mode=fifos, depths=depth)
    if not check:
        return RunResult(launches.outputs, fifos=launches.fifos())
    wanted = _reference(accelerator)(arrays)
    difference = compare(list(launches.outputs), list(wanted))
    return RunResult(
        launches.outputs, fifos=launches.fifos(), max_rel_diff=difference, equal=_close(launches.outputs, wanted)
    )


def run_prompt(
    folder: Path,
    prompt: str,
    *,
    count: int = 16,
    check: bool = False,
    fifos: Mode = "bounded",
    depth: int | None = None,
    events: Events | None = None,
) -> RunResult:
    """Continues `prompt` by `count` greedy tokens, at least 1 (fewer when the compiled length is reached).

    Raises UserError ST0105 for a prompt longer than the compiled length, ST0109 when there is no tokenizer or it does
    not know a character, and like `run_inputs`.
    """
    events = events or SilentEvents()
    accelerator = Accelerator(folder)
    rows = accelerator.record.prompt_len
    if not rows:
        raise UserError(
            "ST0108", f"{folder} holds no language model", hint="give its inputs as arrays with --inputs FILE.npz"
        )
    encode, decode = _tokenizer(accelerator)
    ids = encode(prompt)
    _prompt_arrays(ids, rows)  # says what does not fit before anything is built
    steps = min(max(count, 1), rows - len(ids) + 1)
    if steps < count:
        events.note(f"stops after {steps} tokens: the program was compiled for {rows}")
    accelerator.check_weights(events)
    events.stage("building the C simulation", 0, steps + 1)
    _ = accelerator.library
    reports: list[dict[str, FifoReport]] = []

    def simulate(inputs: list[Array]) -> Array:
        events.stage("C simulation", len(reports) + 1, steps + 1)
        launches = accelerator.run(inputs, mode=fifos, depths=depth)
        reports.append(launches.fifos())
        return launches.outputs[0]

    tokens, outputs = _greedy(simulate, ids, rows, steps)
    found = RunResult((outputs[-1],), tuple(tokens), decode(tokens), reports[0])
    if not check:
        return found

    reference = _reference(accelerator)

    asked = itertools.count(1)

    def compute(inputs: list[Array]) -> Array:
        events.stage("PyTorch", next(asked), steps + 1)
        return reference(inputs)[0]

    wanted_tokens, wanted = _greedy(compute, ids, rows, steps, follow=tokens)
    seen = outputs[: len(wanted)]
    return replace(
        found,
        max_rel_diff=compare(seen, wanted),
        equal=wanted_tokens == tokens and _close(seen, wanted),
        reference_tokens=tuple(wanted_tokens),
        reference_text=decode(wanted_tokens),
    )


def _greedy(
    run: Callable[[list[Array]], Array], ids: Sequence[int], rows: int, steps: int, *, follow: Sequence[int] = ()
) -> tuple[list[int], list[Array]]:
    """`steps` most probable tokens after `ids`, one run for each, and the logits of each run.

    Ends at the first token that is not the one of `follow`: from there on the two see different texts.
    """
    tokens: list[int] = []
    logits: list[Array] = []
    while len(tokens) < steps and (not follow or tokens == list(follow[: len(tokens)])):
        logits.append(run(_prompt_arrays([*ids, *tokens], rows)))
        tokens.append(int(logits[-1].argmax()))
    return tokens, logits


def _close(found: Sequence[Array], wanted: Sequence[Array]) -> bool:
    """Floats within the tolerance, everything else exactly."""
    return all(
        compare(a, b) <= (FLOAT_TOLERANCE if np.issubdtype(b.dtype, np.floating) else 0.0)
        for a, b in zip(found, wanted, strict=True)
    )


def _read_npz(file: Path) -> list[Array]:
    if not file.is_file():
        raise UserError("ST0101", f"there is no file {file}")
    try:
        with np.load(file, allow_pickle=False) as data:
            return [data[name] for name in data.files]
    except (ValueError, OSError, AttributeError, EOFError, BadZipFile) as error:
        raise UserError("ST0108", f"{file} is not an .npz file of arrays: {error}") from error


def _prompt_arrays(ids: Sequence[int], rows: int) -> list[Array]:
    """The inputs of a prefill program, as models/prefill.py defines them: padded ids and the last position."""
    if not ids:
        raise UserError("ST0108", "the prompt is empty", hint="give at least one character")
    if len(ids) > rows:
        raise UserError(
            "ST0105",
            f"the prompt has {len(ids)} tokens, the program was compiled for {rows}",
            hint="shorten the prompt, or compile again with a larger --prompt-len",
        )
    padded = np.zeros((1, rows), np.int64)
    padded[0, : len(ids)] = ids
    return [padded, np.array([len(ids) - 1], np.int64)]


def _tokenizer(accelerator: Accelerator) -> tuple[Callable[[str], list[int]], Callable[[Sequence[int]], str]]:
    """Text to tokens and back. Raises UserError ST0109."""
    file = accelerator.folder / "tokenizer.json"
    if not file.is_file():
        raise UserError(
            "ST0109",
            f"{accelerator.folder} has no tokenizer.json, so it can't read text",
            hint="compile a folder that has one, or give token ids with --inputs FILE.npz",
        )
    from tokenizers import Tokenizer

    try:
        tokenizer: Any = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain exceptions
        raise UserError("ST0109", f"{file} can't be read: {error}") from error

    unknown_token = getattr(tokenizer.model, "unk_token", None)
    unknown_id = tokenizer.token_to_id(unknown_token) if unknown_token else None

    def encode(text: str) -> list[int]:
        ids = list(tokenizer.encode(text).ids)
        # A tokenizer may drop a character that it does not know, or give it the id of its unknown token.
        unknown = sorted(
            {c for c in text if not (found := tokenizer.encode(c).ids) or (unknown_id in found and c != unknown_token)}
        )
        if unknown or (tokenizer.decode(ids) != text and len(ids) < len(text)):
            shown = ", ".join(repr(c) for c in unknown) or "some of its characters"
            raise UserError(
                "ST0109", f"the tokenizer does not know {shown}", hint="use the characters of its vocabulary"
            )
        return ids

    def decode(ids: Sequence[int]) -> str:
        return tokenizer.decode(list(ids), skip_special_tokens=False)

    return encode, decode


def _reference(accelerator: Accelerator) -> Reference:
    """The PyTorch module from the recorded source, with the compiled weights in it."""
    record = accelerator.record
    if record.source is None:
        raise UserError(
            "ST0503",
            f"{accelerator.folder} was compiled from a module in Python, which can't be built again",
            hint="compare with your module in Python, or compile FILE.py:callable",
        )
    import torch

    from streamtensor.models.parameters import fill_parameters
    from streamtensor.models.sources import ModelSource

    module = ModelSource.from_record(record.source).program().module.eval()
    weights = {name: torch.from_numpy(np.array(value)) for name, value in accelerator.weights.items()}
    fill_parameters(module, weights, record.prefix)

    def run(inputs: Sequence[Array]) -> tuple[Array, ...]:
        with torch.no_grad():
            result = module(*(torch.from_numpy(value) for value in inputs))
        results = result if isinstance(result, tuple | list) else (result,)
        return tuple(value.detach().numpy() for value in results)

    return run
