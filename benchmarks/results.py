# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latency, first token and tokens per second of all models, beside published figures: `make bench-results`.

Cycles are simulated, resources and roofs are a model, nothing was measured on a board. What was compiled before is in
the user's cache folder; without that a model takes minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tables import table

from streamtensor.flow.results import LENGTHS, results
from streamtensor.report.latency import LAUNCHES
from streamtensor.report.published import best_fpga, published_rows
from streamtensor.report.results import Results, results_json

MODELS = ("gpt2", "gpt2-medium", "qwen2.5-0.5b", "tinyllama-1.1b", "llama-3.2-1b", "gemma-3-1b")


def report(found: Results) -> Iterator[str]:
    """The tables of one model as Markdown, paragraph by paragraph."""
    device = found.device
    yield f"## {found.model} on a {device.title} at {device.clock_mhz:g} MHz, {found.scheme}"
    yield _rows(found)
    yield _parts(found)
    together = found.total.beside(device)
    taken = ", ".join(f"{need:,.0f} of {have:,.0f} {name}" for name, (need, have) in together.items())
    words = {"together": "resident together", "reload": "with a reload", "none": "does not fit"}
    yield f"{words[found.fits].capitalize()} (model): {taken}."
    yield from found.shortages
    worst = ", ".join(f"{part} {line.worst:.2%}" for part, line in found.affine.items())
    yield f"Off the line through the smallest and the largest size by at most: {worst}."


def _rows(found: Results) -> str:
    rows: list[list[str]] = []
    by_place = {(row.input, row.launch): row for row in found.rows}
    for length in sorted({row.input for row in found.rows}):
        cells = [f"{length}:{length}"]
        for launch in LAUNCHES:
            row = by_place[length, launch]
            cells.append(f"{row.latency_ms:,.2f} / {row.ttft_ms:.2f} / {row.tokens_per_s:.2f}")
        free = by_place[length, LAUNCHES[0]]
        cells.append(f"{free.memory_roof_share:.1%} / {free.dsp_roof_share:.1%}")
        best = best_fpga(published_rows(found.model, length, length))
        cells.append(" / ".join("-" if figure is None else f"{figure:,.2f}" for figure in best))
        rows.append(cells)
    return table(("in:out", *LAUNCHES, "of memory / DSP roof", "best published FPGA figures"), rows)


def _parts(found: Results) -> str:
    rows = [
        [
            f"{limit.part} {limit.size}",
            f"{limit.cycles:,}",
            f"{limit.task} {limit.task_share:.0%}",
            f"{limit.stream} {limit.channel_share:.0%}",
            f"{limit.memory_share:.1%}",
            f"{limit.dsp_share:.1%}",
            f"{found.prefetch[limit.part].loss:.1%}",
        ]
        for limit in found.limits
    ]
    head = ("part", "cycles", "busiest task", "busiest channel", "of memory", "of DSPs", "lost to prefetch budget")
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the models and prints their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, metavar="MODEL")
    parser.add_argument("--device", default="u55c")
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS)), help="prompt tokens, and as many generated")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    options = parser.parse_args(arguments)
    lengths = tuple(map(int, options.lengths.split(",")))
    every: list[object] = []
    for model in options.models:
        start = time.monotonic()
        found = results(model, device=options.device, lengths=lengths)
        print("\n\n".join(report(found)), end="\n\n", flush=True)
        print(f"{model}: {time.monotonic() - start:.0f} s", file=sys.stderr)
        every.append(results_json(found))
    if options.json is not None:
        options.json.write_text(json.dumps(every, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
