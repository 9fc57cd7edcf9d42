# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time and memory of the compiler and of the C simulation: `make bench`, or `python benchmarks/run.py --help`.

Every job runs in a fresh process. Figures are medians over the repetitions; all are measured here, on a CPU, and say
nothing about an accelerator.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from machine import machine
from tables import GROUPS, gigabytes, group_of, seconds, table, totals

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
TARGET_SECONDS = 60.0  # compile of the gpt2-medium block, wall clock
TARGET_BYTES = 4e9
TARGET_PACKING = 100.0  # MB of float32 a second

Run = dict[str, Any]


def job(name: str, **arguments: Any) -> Run:
    """Runs one job of jobs.py in a process of its own; its messages go to standard error."""
    print(f"  {name} {arguments}", file=sys.stderr, flush=True)
    command = [sys.executable, str(HERE / "jobs.py"), name, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark: the job {name} failed with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def middle(runs: Sequence[Run]) -> Run:
    """The median of each figure over several runs of one job."""
    found = dict(runs[0])
    for name, value in runs[0].items():
        if isinstance(value, Mapping):
            found[name] = middle([run[name] for run in runs])
        elif isinstance(value, int | float):
            found[name] = median(run[name] for run in runs)
    return found


def measure(folder: Path, repetitions: int, quick: bool) -> Run:
    """Runs all jobs; compiled folders go below `folder`."""
    block, demo = str(folder / "block"), str(folder / "demo")
    block_runs = [
        job("compile", source=f"{EXAMPLES / 'gpt2_block.py'}:block", out=block)
        for _ in range(1 if quick else repetitions)
    ]
    found: Run = {"repetitions": len(block_runs), "block": middle(block_runs)}
    found["demo"] = job("compile", source=str(EXAMPLES / "char_gpt2"), out=demo, prompt_len=96)
    found["demo_w4a8"] = job(
        "compile", source=str(EXAMPLES / "char_gpt2"), out=str(folder / "demo_w4a8"), prompt_len=96, scheme="w4a8"
    )
    found["demo_csim"] = job("simulate", folder=demo, runs=3)
    found["weights"] = job("weights", folder=str(folder), megabytes=100 if quick else 500)
    if not quick:
        found["block_csim"] = job("simulate", folder=block, runs=1)
        found["models"] = {
            name: job("compile", source=name, out=str(folder / name), to="stream", random_weights=0)
            for name in ("gpt2", "gpt2-medium")
        }
    return found


def report(found: Run) -> Iterator[str]:
    """The figures as Markdown, paragraph by paragraph."""
    here = found["machine"]
    yield (
        f"Measured here: {here['cpu']}, {here['cores']} cores, {gigabytes(here['memory_bytes'])} GB, {here['system']}, "
        f"Python {here['python']}, {here['c++']}; load average {here['load']} at the start, {here['load_after']} at "
        "the end. Wall seconds include waiting for others on the machine; CPU seconds do not."
    )
    yield "## Compile of the gpt2-medium block, prompt 32, PyTorch to HLS C++"
    runs = found["repetitions"]
    yield "One run in a fresh process." if runs == 1 else f"Median of {runs} runs, each in a fresh process."
    yield _against_targets(found["block"])
    yield _totals_table({"block": found["block"]})
    yield "## The same by step"
    steps = found["block"]["steps"]
    yield table(("step", "group", "CPU s"), [(name, group_of(name), f"{value:.3f}") for name, value in steps.items()])
    if "models" in found:
        yield "## Whole models, to the stream level: passes do not depend on the number of layers"
        yield _layers(found["models"])
        yield _totals_table(found["models"])
        yield _steps_table(found["models"])
    yield "## The demo's model (character GPT-2, prompt 96), PyTorch to HLS C++"
    yield "Two programs, prefill and decode. In W4A8 the fixed-point functions are many small operations."
    in_both = {"float32": found["demo"], "W4A8": found["demo_w4a8"]}
    yield _totals_table(in_both)
    yield _steps_table(in_both)
    yield "## C simulation"
    yield _simulations(
        {"demo": found["demo_csim"], **({"block": found["block_csim"]} if "block_csim" in found else {})}
    )
    yield "## Weights"
    yield _weights(found["weights"])


def _weights(run: Run) -> str:
    verdict = _verdict(run["float32_write_mb_s"] >= TARGET_PACKING)
    rows = [
        ("pack, hash and write float32", f"{run['float32_write_mb_s']:.0f}", f"above {TARGET_PACKING:.0f}", verdict),
        ("pack to 4 bits, hash and write int8", f"{run['int4_write_mb_s']:.0f}", "", ""),
        ("compare a file with its hashes", f"{run['float32_check_mb_s']:.0f}", "", ""),
    ]
    return table((f"{run['megabytes']:.0f} MB", "MB/s of input, measured here", "target", ""), rows)


def _against_targets(run: Run) -> str:
    rows = [
        (
            "whole process, wall s",
            seconds(run["wall_seconds"]),
            f"below {TARGET_SECONDS:.0f}",
            _verdict(run["wall_seconds"] < TARGET_SECONDS),
        ),
        ("whole process, CPU s", seconds(run["cpu_seconds"]), "", ""),
        (
            "peak memory (RSS), GB",
            gigabytes(run["peak_bytes"]),
            f"below {gigabytes(TARGET_BYTES)}",
            _verdict(run["peak_bytes"] < TARGET_BYTES),
        ),
    ]
    return table(("", "measured here", "target", ""), rows)


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def _totals_table(runs: Mapping[str, Run]) -> str:
    rows = [(f"{group}, CPU s", *(seconds(totals(run)[group]) for run in runs.values())) for group in GROUPS]
    rows += [
        ("whole process, CPU s", *(seconds(run["cpu_seconds"]) for run in runs.values())),
        ("whole process, wall s", *(seconds(run["wall_seconds"]) for run in runs.values())),
        ("peak memory (RSS), GB", *(gigabytes(run["peak_bytes"]) for run in runs.values())),
    ]
    return table(("", *runs), rows)


def _steps_table(runs: Mapping[str, Run]) -> str:
    steps = list(dict.fromkeys(step for run in runs.values() for step in run["steps"]))
    rows = [(step, *(f"{run['steps'].get(step, 0.0):.3f}" for run in runs.values())) for step in steps]
    return table(("step, CPU s", *runs), rows)


def _layers(runs: Mapping[str, Run]) -> str:
    names = {"functions": "functions compiled", "calls": "calls of them", "kernels": "kernels", "tasks": "tasks"}
    return table(("", *runs), [(title, *(str(run[name]) for run in runs.values())) for name, title in names.items()])


def _simulations(runs: Mapping[str, Run]) -> str:
    rows = [
        ("build with g++, wall s", *(seconds(run["build"]) for run in runs.values())),
        ("build, CPU s of g++", *(seconds(run["children_cpu_seconds"]) for run in runs.values())),
        ("one run, wall s (median)", *(seconds(median(run["run"])) for run in runs.values())),
        ("peak memory (RSS), GB", *(gigabytes(run["peak_bytes"]) for run in runs.values())),
    ]
    return table(("", *runs), rows)


def main() -> None:
    """Measures and prints. A missed target is said, and is no failure: the machine may have been busy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--quick", action="store_true", help="one run each; no whole models, no simulation of the block"
    )
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="compiles of the block (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    options = parser.parse_args()
    if options.repetitions < 1:
        parser.error("--repetitions is 1 or more")
    here = machine()
    with tempfile.TemporaryDirectory(prefix="streamtensor-bench-") as folder:
        found = measure(Path(folder), options.repetitions, options.quick)
    found["machine"] = {**here, "load_after": machine()["load"]}
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(report(found)))


if __name__ == "__main__":
    main()
