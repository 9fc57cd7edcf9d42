# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Speed and limits of the cycle simulator and of FIFO sizing: `make bench-timing`, or `timing.py --help`.

Cycles are simulated; seconds are CPU seconds on one core, measured here.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from machine import machine
from tables import table

MODELS = ("gpt2-medium", "qwen2.5-0.5b", "tinyllama-1.1b", "llama-3.2-1b", "gemma-3-1b")
KINDS = {"prefill": 128, "decode": 384}
LAYERS = {"gpt2-medium": 24}  # decoded in one launch
EVENTS = 5e7  # a second
BLOCK_SECONDS, LAYERS_SECONDS, SIZING_SECONDS = 1.0, 2.0, 2.0
CERTIFIED_SECONDS = {"prefill": 180.0, "decode": 60.0}
AGAIN = 0.1  # of the first call
LARGE = (  # tasks, tokens through each FIFO, whether FIFOs are bounded
    (4, 10**9, True),
    (100, 10**9, True),
    (1000, 10**8, True),
    (10_000, 10**4, True),
    (4, 10**9, False),
    (100, 10**7, False),
)

Run = dict[str, Any]


def job(name: str, **arguments: Any) -> Run:
    """Runs one job of timing_jobs.py in a process of its own."""
    print(f"  {name} {arguments}", file=sys.stderr, flush=True)
    command = [sys.executable, str(Path(__file__).resolve().parent / "timing_jobs.py"), name, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark: the job {name} failed with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(models: Sequence[str], kinds: Sequence[str], certified: bool) -> Run:
    """The blocks by model and kind, and the large graphs."""
    blocks = {
        f"{model}, {kind}": job(
            "block",
            shape=model,
            kind=kind,
            rows=KINDS[kind],
            layers=LAYERS.get(model, 1) if kind == "decode" else 1,
            certified=certified,
        )
        for kind in kinds
        for model in models
    }
    asked = [{"tasks": tasks, "tokens": tokens, "bounded": bounded} for tasks, tokens, bounded in LARGE]
    large = [{**one, **job("large", **one)} for one in asked]
    return {"blocks": blocks, "large": large}


def report(found: Run) -> Iterator[str]:
    """The tables as Markdown, paragraph by paragraph."""
    here = found["machine"]
    yield f"Measured here: {here['cpu']}, Python {here['python']}, {here['c++']}; load {here['load']}."
    blocks: Mapping[str, Run] = found["blocks"]
    yield "### Cycle simulator"
    yield _simulation(blocks)
    yield "### Again, with one FIFO a word deeper or shallower"
    yield _again(blocks)
    yield "### FIFO sizing"
    yield _sizing(blocks)
    yield "### Large graphs"
    yield _large(found["large"])


def _simulation(blocks: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for name, run in blocks.items():
        rate = run["events"] / run["full_seconds"]
        layers = run.get("layers_seconds")
        rows.append(
            [
                name,
                f"{run['cycles']:,}",
                f"{run['events'] / 1e6:.1f} M",
                f"{run['full_seconds']:.3f}",
                f"{rate / 1e6:.0f} M",
                _verdict(rate >= EVENTS),
                f"{run['first_seconds']:.4f}",
                _verdict(run["first_seconds"] < BLOCK_SECONDS),
                "yes" if run["equal_to_full"] else "NO",
                "" if layers is None else f"{layers:.3f}",
                "" if layers is None else _verdict(layers < LAYERS_SECONDS),
            ]
        )
    head = ["block", "cycles", "events", "every step simulated, s", "events a second", f"at least {EVENTS / 1e6:.0f} M"]
    head += ["as users get it, s", f"below {BLOCK_SECONDS:.0f} s", "same answer", "24 layers in one launch, s"]
    return table([*head, f"below {LAYERS_SECONDS:.0f} s"], rows)


def _again(blocks: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for name, run in blocks.items():
        again: list[float] = run["again"]
        call, read = run["call_seconds"], run["read_seconds"] + run["first_seconds"]
        in_turn = median(run["in_turn"])
        rows.append(
            [
                name,
                f"{1e3 * call:.0f}",
                f"{1e3 * run['read_seconds']:.1f}",
                f"{1e3 * run['first_seconds']:.1f}",
                f"{run['at_once']} of {len(again)}",
                *(f"{1e3 * value:.2f}" for value in (median(again), again[-1], in_turn)),
                *(f"{value / call:.3f}x" for value in (median(again), again[-1], in_turn)),
                *(_verdict(value <= AGAIN * call) for value in (median(again), again[-1], in_turn)),
                *(f"{value / read:.3f}x" for value in (median(again), again[-1])),
            ]
        )
    head = [
        "block",
        "first call: schedules, programs, simulation, ms",
        "JSON read, ms",
        "simulation alone, ms",
        "known at once",
        "second: median, ms",
        "worst",
        "one after the other",
    ]
    head += ["of the first call: median", "worst", "one after the other"]
    head += [f"{AGAIN}x: median", "worst", "one after the other", "of JSON and simulation: median", "worst"]
    return table(head, rows)


def _sizing(blocks: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for name, run in blocks.items():
        limit = CERTIFIED_SECONDS[name.rpartition(" ")[2]]
        certified = run.get("certified_seconds")
        rows.append(
            [
                name,
                f"{run['sizing_seconds']:.2f}",
                _verdict(run["sizing_seconds"] < SIZING_SECONDS),
                "" if certified is None else f"{certified:.1f}",
                f"{limit:.0f}",
                "" if certified is None else _verdict(certified < limit and bool(run["certified_minimal"])),
            ]
        )
    head = ["block", "schedule, s", f"below {SIZING_SECONDS:.0f} s", "with certificates 1 to 3, s", "limit, s", ""]
    return table(head, rows)


def _large(runs: Sequence[Run]) -> str:
    rows = [
        [
            f"{run['tasks']:,}",
            f"{run['tokens']:.0e}",
            "2 to 4" if run["bounded"] else "any",
            f"{run['gathered']:,}",
            f"{run['events']:.1e}",
            f"{run['simulated']:.1e}",
            f"{run['seconds']:.2f}",
            f"{run['peak_bytes'] / 1e6:.0f}",
            "yes" if run["complete"] else "NO",
        ]
        for run in runs
    ]
    head = [
        "tasks in a chain",
        "tokens through each",
        "depth",
        "most in a FIFO",
        "events",
        "of them simulated",
        "s",
        "peak memory of the process, MB",
    ]
    return table([*head, "complete"], rows)


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def main() -> None:
    """Measures and prints. A missed aim is said, and is no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--no-certificates", action="store_true", help="leave out the longest part")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    options = parser.parse_args()
    here = machine()
    found = {"machine": here, **measure(options.models, options.kinds, not options.no_certificates)}
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(report(found)), file=sys.stdout)


if __name__ == "__main__":
    main()
