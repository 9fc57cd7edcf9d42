# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches of the design space of gpt2-medium's decoder block on a U55C, and how fast they are: `make bench-explore`.

Latencies are simulated, bits and blocks come from models of the compiler, seconds are measured here.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import monotonic
from typing import Any

from machine import machine
from tables import table

from streamtensor.explore.process_workers import ProcessWorkers
from streamtensor.explore.search import Progress, search
from streamtensor.explore.study import Study
from streamtensor.explore.trial import Trial
from streamtensor.flow.explore import begin, recipe_of, write_page
from streamtensor.models.shapes import shape_config
from streamtensor.report.roofs import MACS_PER_DSP, work_of
from streamtensor.spaces.evaluation import Objective
from streamtensor.targets import load_device

MODEL, DEVICE = "gpt2-medium", "u55c"
ROWS = {"decode": ("context", 384), "prefill": ("prompt_len", 128)}
RESOURCES = (Objective.DSP, Objective.BRAM36, Objective.URAM, Objective.PORTS)
SHOWN = (Objective.LATENCY, Objective.BITS, *RESOURCES, Objective.EXTERNAL_BYTES)
GAIN, TRIAL_SECONDS, STUDY_MINUTES, SPEED_UP = 1.3, 3.0, 10.0, 1.6  # the aims
TRIALS_OF_SPEED = 24


@dataclass(frozen=True)
class Searched:
    """A study, the seconds from its start at which each trial ended, and the CPU seconds of its workers."""

    study: Study
    ends: tuple[float, ...]
    cpu_seconds: float

    @property
    def trials(self) -> list[Trial]:
        """The trials that have an evaluation and fit."""
        return [trial for trial in self.study.trials if trial.feasible]

    def rate(self, warm: int) -> float:
        """Trials a minute behind the first `warm`, in which workers start."""
        return 60 * (len(self.ends) - warm) / (self.ends[-1] - self.ends[warm - 1])


def explored(
    part: str, scheme: str, trials: int, workers: int, searcher: str, folder: Path, trial_seconds: float | None = None
) -> Searched:
    """A study of a block; the model is read before the clock starts. Trials that take longer are stopped."""
    name, rows = ROWS[part]
    recipe = recipe_of(MODEL, {"device": DEVICE, "part": part, "scheme": scheme, name: rows})
    study, space = begin(recipe, folder, searcher=searcher, force=True)
    before = getrusage(RUSAGE_CHILDREN)
    pool = ProcessWorkers(study.question.recipe, workers, trial_seconds)
    start, ends = monotonic(), list[float]()

    def watch(progress: Progress) -> None:
        if progress.done:
            ends.append(monotonic() - start)
            print(f"\r{part} {scheme}: trial {progress.done} of {progress.total}", end="", file=sys.stderr, flush=True)

    try:
        search(study, study.searcher(space), pool, trials, watch=watch)
    finally:
        pool.close()
        print(file=sys.stderr)
    write_page(study)
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Searched(study, tuple(ends), cpu)


def in_new_cache(part: str, scheme: str, workers: int, folder: Path) -> Searched:
    """The same random points whoever evaluates them, with nothing kept from before but the native library."""
    before = os.environ.get("STREAMTENSOR_CACHE")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["STREAMTENSOR_CACHE"] = cache
        try:
            return explored(part, scheme, TRIALS_OF_SPEED + 2 * workers, workers, "random", folder)
        finally:
            if before is None:
                del os.environ["STREAMTENSOR_CACHE"]
            else:
                os.environ["STREAMTENSOR_CACHE"] = before


def roofs(part: str, trial: Trial) -> dict[str, int]:
    """Cycles that no schedule goes below: what the trial moves at the measured rate of the memory, and the block's
    multiplications in all DSPs.
    """
    device, config = load_device(DEVICE), shape_config(MODEL)
    assert trial.evaluation is not None
    moved = trial.evaluation.objectives[Objective.EXTERNAL_BYTES]
    rows = ROWS["prefill"][1] if part == "prefill" else 1
    products = work_of(config).prefill_macs(rows) / int(config.num_hidden_layers)
    return {
        "memory roof": ceil(moved / device.main_memory.measured_bytes_per_second * device.clock_mhz * 1e6),
        "DSP roof": ceil(products / (device.dsp * MACS_PER_DSP)),
    }


def report(part: str, scheme: str, found: Searched) -> Iterator[str]:
    """What a study found, beside the default point and the rules."""
    study, known = found.study, {found.study.rule(trial): trial for trial in found.trials if found.study.rule(trial)}
    best = study.best(Objective.LATENCY)
    assert best is not None
    default = known["default"]
    rules = {name: trial for name, trial in known.items() if name != "default"}
    first = min(rules.values(), key=_latency, default=default)
    rows = [_row("default tile and unroll", default, default)]
    rows += [_row(f"rule {name}", trial, default) for name, trial in rules.items()]
    rows.append(_row(f"best of {len(study.trials)} trials: {best.number}, {best.origin}", best, default))
    for label, limit in (("default", default), ("best rule", first)):
        same = [trial for trial in found.trials if _no_more(trial, limit, (*RESOURCES, Objective.BITS))]
        least = min(same, key=_latency)
        rows.append(_row(f"best with the resources of the {label}: {least.number}", least, default))
    name, size = ROWS[part]
    yield f"### {MODEL}, {part}, {name.replace('_', ' ')} {size}, {scheme}"
    yield table(["point", *map(str, SHOWN), "against the default"], rows)
    gain = _latency(default) / _latency(best)
    walls = " and ".join(f"the {name} {cycles:,} cycles" for name, cycles in roofs(part, best).items())
    yield f"Latency {gain:.1f}x below the default (aim {GAIN}x: {_met(gain >= GAIN)}). For the best point {walls}."
    seconds = median(trial.evaluation.seconds for trial in study.trials if trial.evaluation is not None)
    minutes, count = found.ends[-1] / 60, len(study.trials)
    lost = sum(trial.lost for trial in study.trials)
    failed = sum(trial.problem is not None for trial in study.trials) - lost
    yield (
        f"{count} trials, {len(found.trials)} fit, {len(study.front)} in the Pareto set, {failed} without a result, "
        f"{lost} stopped since they took too long."
    )
    yield (
        f"{minutes:.1f} minutes (aim {STUDY_MINUTES:.0f} for 200: {_met(minutes * 200 / count <= STUDY_MINUTES)}); "
        f"a trial {seconds:.2f} s in the median (aim {TRIAL_SECONDS:.0f} s: {_met(seconds <= TRIAL_SECONDS)}), "
        f"{found.cpu_seconds / count:.2f} CPU seconds in the mean, the start of the workers included."
    )


def report_speed(one: Searched, two: Searched) -> Iterator[str]:
    """Trials a minute of one worker and of two."""
    ratio = two.rate(4) / one.rate(2)
    yield "### Two workers against one"
    yield (
        f"{one.rate(2):.1f} and {two.rate(4):.1f} trials a minute, random points, caches empty at the start: "
        f"{ratio:.2f}x (aim {SPEED_UP}x: {_met(ratio >= SPEED_UP)})."
    )


def _row(label: str, trial: Trial, default: Trial) -> list[str]:
    assert trial.evaluation is not None
    values = trial.evaluation.objectives
    return [label, *(f"{values[one]:,.0f}" for one in SHOWN), f"{_latency(default) / _latency(trial):.2f}x"]


def _latency(trial: Trial) -> float:
    assert trial.evaluation is not None
    return trial.evaluation.objectives[Objective.LATENCY]


def _no_more(trial: Trial, limit: Trial, objectives: Sequence[Objective]) -> bool:
    mine, most = trial.values(objectives), limit.values(objectives)
    assert mine is not None
    assert most is not None
    return all(a <= b for a, b in zip(mine, most, strict=True))


def _met(good: bool) -> str:
    return "met" if good else "MISSED"


def main() -> None:
    """Explores and prints. A missed aim is said, and is no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--parts", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--schemes", nargs="+", default=["w4a8", "float32"])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trial-timeout", type=float, default=60.0, metavar="SECONDS", help="of the search's trials")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the studies there")
    parser.add_argument("--no-speed", action="store_true", help="leave out one worker against two")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        here: dict[str, Any] = machine()
        print(f"Measured on: {json.dumps(here)}\n")
        for part in options.parts:
            for scheme in options.schemes:
                into = folder / f"{part}-{scheme}"
                found = explored(part, scheme, options.trials, options.workers, "optuna", into, options.trial_timeout)
                print("\n\n".join(report(part, scheme, found)) + "\n", flush=True)
        if not options.no_speed:
            one, two = (in_new_cache("decode", "w4a8", n, folder / f"speed-{n}") for n in (1, 2))
            print("\n\n".join(report_speed(one, two)), flush=True)


if __name__ == "__main__":
    main()
