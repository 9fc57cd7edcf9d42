# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Generating text with a compiled language model through C simulation, and comparing every step with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.passes import FLOAT_TOLERANCE
from streamtensor.flow.reference import References, is_close
from streamtensor.flow.session import Session, Simulation, Step, prompt_arrays
from streamtensor.flow.token_counts import TokenCheck, check_tokens
from streamtensor.flow.tokens import Sampler, TextStream, Tokenizer
from streamtensor.simulate.csim import FifoReport
from streamtensor.simulate.csim.report import Mode
from streamtensor.simulate.interpreter import compare

Array = npt.NDArray[Any]
Stop = Literal["count", "end", "context", "interrupt"]
"""Why a generation ended: enough tokens, a token that ends the text, a full context, or Ctrl-C."""


@dataclass(frozen=True)
class Check:
    """What PyTorch says: its tokens and text, the steps that were compared (the first is the prompt), the largest
    relative difference of the logits and of the rows of the cache, and whether all of it is equal (floats within a
    tolerance, integers and tokens exactly). `token_check` compares the FIFOs of the prompt's and of the last step's
    launches with the step programs.
    """

    tokens: tuple[int, ...]
    text: str | None
    steps: int
    max_rel_diff: float
    max_rel_diff_cache: float
    equal: bool
    token_check: TokenCheck


@dataclass(frozen=True)
class GenerateResult:
    """The generated `tokens` and their `text` (None without a tokenizer), why they end, the seconds of the C simulation
    for the prompt and for the other tokens, and the FIFO counters of the prefill's and the last decode's launches.
    """

    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    text: str | None
    stop: Stop
    prefill_seconds: float
    decode_seconds: float
    fifos: dict[str, dict[str, FifoReport]] = field(default_factory=dict[str, dict[str, FifoReport]])
    check: Check | None = None

    @property
    def tokens_per_s(self) -> float:
        """Decoded tokens per second of C simulation; 0 when only the prompt was run."""
        return (len(self.tokens) - 1) / self.decode_seconds if self.decode_seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        found: dict[str, Any] = {
            "text": self.text,
            "tokens": list(self.tokens),
            "prompt_tokens": len(self.prompt_tokens),
            "stop": self.stop,
            "prefill_seconds": self.prefill_seconds,
            "decode_seconds": self.decode_seconds,
            "tokens_per_s": self.tokens_per_s,
        }
        if self.check is not None:
            found |= {
                "equal": self.check.equal,
                "steps_compared": self.check.steps,
                "max_rel_diff": self.check.max_rel_diff,
                "max_rel_diff_cache": self.check.max_rel_diff_cache,
                "tolerance": FLOAT_TOLERANCE,
                "reference_tokens": list(self.check.tokens),
                "reference_text": self.check.text,
                "fifos_compared": self.check.token_check.fifos,
                "fifo_tokens_equal": self.check.token_check.equal,
            }
        found["fifos"] = {
            program: {
                name: {"depth": fifo.depth, "tokens": fifo.tokens, "high_water": fifo.high_water}
                for name, fifo in fifos.items()
            }
            for program, fifos in self.fifos.items()
        }
        found["provenance"] = {
            "tokens": "C simulation",
            "seconds": "measured here (CPU, C simulation, not the accelerator)",
            "fifos": "simulated",
        }
        return found


def generate(
    folder: Path | str,
    prompt: str | Sequence[int],
    count: int = 16,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    check: bool = False,
    ignore_end: bool = False,
    fifos: Mode = "bounded",
    depth: int | None = None,
    on_text: Callable[[str], None] | None = None,
    events: Events | None = None,
) -> GenerateResult:
    """Continues `prompt`, a text or token ids, by at most `count` tokens; ends earlier when the model ends its text
    (unless `ignore_end`), the context is full, or Ctrl-C is pressed.

    Temperature 0 takes the most probable token, else one is drawn with `seed`. `on_text` gets the text as it comes.
    `check` runs PyTorch on the same tokens and compares every step. Raises UserError ST0105 for a prompt longer than
    the compiled length, ST0109 for what the tokenizer does not know, ST0103 for damaged weights, ST0604 for a deadlock.
    """
    events = events or SilentEvents()
    folder = Path(folder)
    simulation = Simulation(folder, events, mode=fifos, depths=depth)
    generation = simulation.generation
    tokenizer = Tokenizer(folder) if isinstance(prompt, str) or (folder / "tokenizer.json").is_file() else None
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) and tokenizer is not None else [int(i) for i in prompt]
    prompt_arrays(ids, generation.prompt_len, simulation.vocabulary)  # says what does not fit before anything is built
    run = _Run(
        simulation.session(),
        Sampler(temperature, seed, generation.logit_bits),
        () if ignore_end else generation.end_tokens,
        TextStream(tokenizer) if tokenizer is not None else None,
        on_text,
    )
    simulation.build(events, count + 2)

    def tell(done: int, seconds: float) -> None:
        rate = f", {done / seconds:.2f} tokens/s of C simulation" if seconds and done else ""
        events.stage(f"token {done + 1} of {count}{rate}" if done else "prompt", done + 2, count + 2)

    run.go(ids, count, tell)
    counters = {program: launches.fifos() for program, launches in simulation.launches.items()}
    if run.stop == "context":
        events.note(
            f"stops after {len(run.tokens)} tokens: the context of {generation.context} tokens is full "
            "(compile with a larger --context)"
        )
    text = tokenizer.decode(run.tokens) if tokenizer is not None else None
    result = GenerateResult(
        tuple(ids), tuple(run.tokens), text, run.stop, run.prefill_seconds, run.decode_seconds, counters
    )
    if not check or run.stop == "interrupt":
        return result
    sampler = Sampler(temperature, seed, generation.logit_bits)
    return replace(result, check=_check(simulation, run, ids, sampler, tokenizer, events))


@dataclass
class _Run:
    """One generation as it goes on."""

    session: Session
    sampler: Sampler
    end_tokens: Sequence[int]
    stream: TextStream | None
    on_text: Callable[[str], None] | None
    tokens: list[int] = field(default_factory=list[int])
    steps: list[Step] = field(default_factory=list[Step])
    stop: Stop = "count"
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0

    def go(self, ids: Sequence[int], count: int, tell: Callable[[int, float], None]) -> None:
        """Runs until one of the reasons to stop; Ctrl-C keeps what there is."""
        try:
            tell(0, 0.0)
            start = perf_counter()
            self.steps.append(self.session.start(ids))
            self.prefill_seconds = perf_counter() - start
            while True:
                self._take(self.sampler.choose(self.steps[-1].logits))
                if self._is_over(count):
                    return
                tell(len(self.tokens), self.decode_seconds)
                start = perf_counter()
                self.steps.append(self.session.step(self.tokens[-1]))
                self.decode_seconds += perf_counter() - start
        except KeyboardInterrupt:
            self.stop = "interrupt"

    def _take(self, token: int) -> None:
        self.tokens.append(token)
        new = self.stream.add(token) if self.stream is not None else ""
        if new and self.on_text is not None:
            self.on_text(new)

    def _is_over(self, count: int) -> bool:
        if self.tokens[-1] in self.end_tokens:
            self.stop = "end"
        elif len(self.tokens) >= count:
            self.stop = "count"
        elif self.session.is_full:
            self.stop = "context"
        else:
            return False
        return True


def _check(
    simulation: Simulation, run: _Run, ids: Sequence[int], sampler: Sampler, tokenizer: Tokenizer | None, events: Events
) -> Check:
    """Runs PyTorch on the same tokens: what it would choose after each, its logits, rows and cache.

    Ends at the first token that PyTorch would not have chosen: from there on the two see different texts.
    """
    session = References(simulation.prefill).session()
    tokens: list[int] = []
    logits, rows, is_equal = 0.0, 0.0, True
    for number, mine in enumerate(run.steps):
        events.stage("PyTorch", number, len(run.steps))
        wanted = session.start(ids) if not number else session.step(tokens[-1])
        logits = _worse(logits, compare([mine.logits], [wanted.logits]))
        rows = _worse(rows, compare(list(mine.rows.values()), list(wanted.rows.values())))
        is_equal = is_equal and is_close(mine.logits, wanted.logits)
        is_equal = is_equal and all(is_close(mine.rows[name], wanted.rows[name]) for name in session.names)
        tokens.append(sampler.choose(wanted.logits))
        if tokens[-1] != run.tokens[number]:
            break
    if tokens == run.tokens:
        end = session.position
        for name in session.names:
            mine_rows, rows_of = run.session.cache.read(name)[:, :, :end], session.cache.read(name)[:, :, :end]
            is_equal = is_equal and is_close(mine_rows, rows_of)
    text = tokenizer.decode(tokens) if tokenizer is not None else None
    programs = {accelerator.program_name: accelerator for accelerator in (simulation.prefill, simulation.decode)}
    counted = [check_tokens(programs[name], launches) for name, launches in simulation.launches.items()]
    return Check(
        tuple(tokens),
        text,
        len(tokens),
        logits,
        rows,
        is_equal and tokens == run.tokens,
        reduce(add, counted, TokenCheck(0, ())),
    )


def _worse(first: float, second: float) -> float:
    """The larger difference; one that is no number stays none."""
    return float(np.maximum(first, second))
