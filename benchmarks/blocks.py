# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On-chip memory, external traffic and compile time of one decoder block of each model: `make bench-blocks`.

Bits and bytes are read off the compiled designs ("model"); seconds are CPU seconds, measured here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from machine import machine
from run import Run, job
from tables import gigabytes, table

MODELS = ("gpt2", "gpt2-medium", "qwen2.5-0.5b", "tinyllama-1.1b", "llama-3.2-1b", "gemma-3-1b")
PUBLISHED_MODELS = ("gpt2-medium", "qwen2.5-0.5b", "tinyllama-1.1b", "gemma-3-1b")
KINDS = {"prefill": 128, "decode": 384}
AIM = {"prefill": 0.12, "decode": 0.30}  # without FIFOs
SIZED_AIM = {"prefill": 0.15, "decode": 0.35}  # all together
PUBLISHED = "0.148-0.168x"  # Ye and Chen, MICRO 2025: intermediate results of one layer, after fusion
TARGET_SECONDS, TARGET_BYTES = 10.0, 2e9
LIMITS = (100, 75, 50, 30, 20)

Blocks = Mapping[tuple[str, str], Run]


def measure(models: Sequence[str], kinds: Sequence[str]) -> dict[tuple[str, str], Run]:
    """One job for each model and kind."""
    return {
        (model, kind): job("block", shape=model, kind=kind, rows=KINDS[kind], limits=list(LIMITS))
        for kind in kinds
        for model in models
    }


def total(terms: Sequence[Mapping[str, Any]], *, without: str = "", only: str = "") -> int:
    """The bits of the terms, without a kind or only one."""
    return sum(t["bits"] for t in terms if t["kind"] != without and (not only or t["kind"] == only))


def report(blocks: Blocks) -> Iterator[str]:
    """The tables as Markdown, paragraph by paragraph."""
    kinds = list(dict.fromkeys(kind for _, kind in blocks))
    for kind in kinds:
        chosen = {model: run for (model, other), run in blocks.items() if other == kind}
        what = "prompt of 128 tokens" if kind == "prefill" else "decode step at context 384"
        yield f"## {what[0].upper()}{what[1:]}: on-chip bits of intermediate results (model)"
        yield _on_chip(chosen, kind)
        yield f"## {what[0].upper()}{what[1:]}: time (simulated), and how long that takes (CPU seconds, measured here)"
        yield _time(chosen)
        yield f"## {what[0].upper()}{what[1:]}: connections between tasks, and bytes through external memory (model)"
        yield _connections(chosen)
        yield f"## {what[0].upper()}{what[1:]}: compile time after export (CPU seconds, measured here)"
        yield _times(chosen)
        yield f"## {what[0].upper()}{what[1:]}: fusion strategies under the same limit (model)"
        yield _fusion(chosen)
    yield "## Every term"
    for (model, kind), run in blocks.items():
        yield f"### {model}, {kind}"
        yield _terms(run)
        yield _fifos(run)


def _on_chip(runs: Mapping[str, Run], kind: str) -> str:
    rows: list[list[str]] = []
    for model, run in runs.items():
        unfused = total(run["unfused"])

        def share(bits: float, whole: int = unfused) -> str:
            return f"{bits / whole:.3f}x"

        bound = sum(c["bound_bits"] for c in run["connections"])
        fifo_bound = sum(f["bound_bits"] for f in run["fifo_bounds"])
        buffers = total(run["sized"], without="fifo")
        folded = total(run["fused"], without="fifo")
        rows.append(
            [
                model,
                f"{unfused / 1e6:.2f} Mb",
                share(total(run["without_folding"], without="fifo")),
                share(folded),
                share(total(run["fused"], only="converter")),
                share(total(run["fused"], only="local")),
                share(total(run["fused"], only="fifo")),
                share(total(run["fused"])),
                share(total(run["sized"], only="fifo")),
                share(total(run["sized"])),
                share(total(run["sized_slower"])),
                share(bound),
                share(fifo_bound),
                share(buffers + fifo_bound),
                f"{sum(run['weights_bits'].values()) / 1e6:.2f} Mb",
                PUBLISHED if model in PUBLISHED_MODELS else "",
                "met" if folded / unfused <= AIM[kind] else "MISSED",
                *(
                    "met" if total(run[which]) / unfused <= SIZED_AIM[kind] else "MISSED"
                    for which in ("sized", "sized_slower")
                ),
            ]
        )
    head = ["block", "unfused", "fused, no FIFOs", "folded, vectorised, no FIFOs", "converters", "local buffers"]
    head += ["safe FIFOs", "all together", "sized FIFOs", "all together, sized", "10 % slower allowed"]
    head += ["certified bound of the connections", "certified bound of the sized FIFOs", "buffers and that bound"]
    head += ["weight buffers and prefetch", "published", f"aim {AIM[kind]}x", f"aim {SIZED_AIM[kind]}x, sized"]
    head += ["10 % slower allowed"]
    return table(head, rows)


def _time(runs: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for model, run in runs.items():
        time = run["time"]
        rows.append(
            [
                model,
                f"{time['cycles']:,}",
                f"{time['cycles'] / time['clock_mhz'] / 1e3:.2f}",
                f"{time['cycles_safe'] / time['cycles_unbounded']:.3f}x",
                f"{time['cycles'] / time['cycles_unbounded']:.3f}x",
                f"{run['cycles_slower'] / time['cycles_unbounded']:.3f}x",
                f"{100 * time['prefetch_loss']:.1f} %",
                ", ".join(time["copies"]) or "-",
                f"{time['events'] / 1e6:.1f} M",
                f"{time['simulation_seconds']:.2f}",
                f"{time['events'] / time['simulation_seconds'] / 1e6:.0f} M",
                f"{time['again_seconds']:.2f}",
                f"{time['sizing_seconds']:.2f}",
            ]
        )
    head = ["block", "cycles", "ms", "safe FIFOs against unbounded", "sized FIFOs against unbounded"]
    head += ["10 % slower allowed", "lost to the prefetch budget", "copied converters", "events"]
    head += ["simulation, s", "events a second", "again with another depth, s", "sizing, s"]
    return table(head, rows)


def _connections(runs: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for model, run in runs.items():
        found = run["connections"]
        converters = [c for c in found if c["bits"]]
        same = len(converters) - len({(c["producer"], c["source"], c["result"]) for c in converters})
        needless = sum(c["equal_orders"] for c in converters)
        merged = sum(c["readers"] - 1 for c in converters)
        before, after = sum(run["external_unfused"].values()), sum(run["external_fused"].values())
        rows.append(
            [
                model,
                str(sum(not c["bits"] for c in found)),
                str(len(converters)),
                str(merged),
                str(needless),
                str(same),
                f"{before / 1e6:.1f}",
                f"{after / 1e6:.1f}",
                f"{run['external_unfused']['intermediate'] / 1e6:.1f}",
                f"{run['external_fused']['intermediate'] / 1e6:.1f}",
            ]
        )
    head = ["block", "direct", "converters", "merged", "between equal orders", "twice the same"]
    head += ["external MB unfused", "external MB fused", "of it intermediate, unfused", "fused"]
    return table(head, rows)


def _times(runs: Mapping[str, Run]) -> str:
    steps = {model: {n: s for n, s in run["steps"].items() if n != "import: export"} for model, run in runs.items()}
    slow = sorted(
        {n for found in steps.values() for n in found}, key=lambda n: -max(s.get(n, 0) for s in steps.values())
    )
    rows = [[n, *(f"{found.get(n, 0.0):.2f}" for found in steps.values())] for n in slow[:10]]
    rows += [
        ["all other steps", *(f"{sum(s for n, s in f.items() if n not in slow[:10]):.2f}" for f in steps.values())]
    ]
    rows += [["all steps after export", *(f"{sum(found.values()):.2f}" for found in steps.values())]]
    rows += [["whole process", *(f"{run['cpu_seconds']:.2f}" for run in runs.values())]]
    rows += [["peak memory, GB", *(gigabytes(run["peak_bytes"]) for run in runs.values())]]
    met = [sum(f.values()) < TARGET_SECONDS and runs[m]["peak_bytes"] < TARGET_BYTES for m, f in steps.items()]
    rows += [["below 10 s and 2 GB", *("met" if good else "MISSED" for good in met)]]
    return table(["step", *runs], rows)


def _fusion(runs: Mapping[str, Run]) -> str:
    rows: list[list[str]] = []
    for model, run in runs.items():
        for entry in run["fusion"]:
            cells = [model, f"{entry['percent']} %"]
            for strategy in ("greedy", "search"):
                cells += [f"{entry[strategy]['external_bits'] / 8e6:.2f} MB", str(entry[strategy]["groups"])]
            rows.append([*cells, f"{entry['seconds']:.2f} s"])
    head = ["block", "limit (of one group's need)", "greedy: external", "groups", "search: external", "groups", "both"]
    return table(head, rows)


def _terms(run: Run) -> str:
    unfused = total(run["unfused"])
    terms = sorted(run["sized"], key=lambda t: -t["bits"])
    bounds = [c["bound_bits"] for c in run["connections"] if c["bits"]]
    small = [t for t in terms if t["bits"] < unfused / 1000]
    rows = [[t["name"], t["kind"], f"{t['bits']}", f"{t['bits'] / unfused:.4f}x"] for t in terms if t not in small]
    rest = sum(t["bits"] for t in small)
    rows.append([f"{len(small)} smaller ones", "", str(rest), f"{rest / unfused:.4f}x"])
    rows.append(["certified bound of all converters", "", str(sum(bounds)), ""])
    return table(["term", "kind", "bits", "of unfused"], rows)


def _fifos(run: Run) -> str:
    """The larger sized FIFOs, each beside bits below which it loses time even when all others are unbounded."""
    unfused = total(run["unfused"])
    fifos = sorted(run["fifo_bounds"], key=lambda f: -f["bits"])
    small = [f for f in fifos if f["bits"] < unfused / 1000]
    rows = [
        [f["name"], f"{f['bits']}", f"{f['bits'] / unfused:.4f}x", f"{f['bound_bits']}"]
        for f in fifos
        if f not in small
    ]
    bits, bound = (sum(f[key] for f in small) for key in ("bits", "bound_bits"))
    rows.append([f"{len(small)} smaller ones", str(bits), f"{bits / unfused:.4f}x", str(bound)])
    return table(["sized FIFO", "bits", "of unfused", "certified bound"], rows)


def main() -> None:
    """Measures and prints. A missed aim is said, and is no failure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    options = parser.parse_args()
    here = machine()
    blocks = measure(options.models, options.kinds)
    if options.json is not None:
        flat = {f"{model} {kind}": run for (model, kind), run in blocks.items()}
        options.json.write_text(json.dumps({"machine": here, "blocks": flat}, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(report(blocks)), file=sys.stdout)


if __name__ == "__main__":
    main()
