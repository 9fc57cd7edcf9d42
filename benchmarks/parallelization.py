# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The four modes of IA+CA on decoder blocks of language models: memory banks, DSPs and cycles of each.

Banks, DSPs and cycles are figures of a model (docs/parallelization.md); with --simulate the latency, DSPs and blocks of
the compiled designs are added, whose cycles are simulated.
"""

import argparse

from tables import table

from streamtensor.spaces import space_of
from streamtensor.spaces.evaluation import Objective
from streamtensor.spaces.mode_comparison import MODES, compare_modes, mode_values

MODELS = ("gpt2-medium", "qwen2.5-0.5b", "tinyllama-1.1b", "gemma-3-1b")
PARTS = ("prefill", "decode")
BUDGETS = {"prefill": 1024, "decode": 256}
ROWS = 128
TILE = 64  # where a mode leaves the tile to the rules
SIMULATED = (Objective.LATENCY, Objective.DSP, Objective.BRAM36)


def rows_of(model: str, part: str, budget: int, scheme: str, simulate: bool) -> list[list[str]]:
    """A line for each mode."""
    space = space_of(model, scheme=scheme, part=part, prompt_len=ROWS, context=ROWS)
    found: list[list[str]] = []
    for mode, cost in compare_modes(space.module, budget).items():
        line = [f"{model} {part}", f"{budget}", mode]
        line += [f"{n:,}" for n in (cost.operations, cost.banks, cost.intermediate_banks, round(cost.dsp), cost.cycles)]
        if simulate:
            values = mode_values(space.module, budget, mode, space.parameters)
            evaluation = space.evaluate({**space.default_point(), "default_tile_size": TILE, **values})
            line += [f"{evaluation.objectives[one]:,.0f}" for one in SIMULATED]
        found.append(line)
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS))
    parser.add_argument("--budget", type=int, help="iterations at once of the largest kernel")
    parser.add_argument("--scheme", default="w4a8")
    parser.add_argument("--simulate", action="store_true", help="compile and simulate each mode, which takes minutes")
    options = parser.parse_args()
    head = ["block", "budget", "mode", "at once", "banks", "of these between kernels", "DSPs", "cycles"]
    head += ["simulated cycles", "DSPs of the design", "BRAM36 of the design"] if options.simulate else []
    lines: list[list[str]] = []
    for model in options.models:
        for part in PARTS:
            budget = options.budget or BUDGETS[part]
            lines += rows_of(model, part, budget, options.scheme, options.simulate)
    print(f"{options.scheme}, {ROWS} rows of prompt or context, modes {', '.join(MODES)}")
    print(table(head, lines))


if __name__ == "__main__":
    main()
