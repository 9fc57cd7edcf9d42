# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A searcher of one's own, in ten lines: `python examples/own_searcher.py [TRIALS]`.

The space is that of the transformer block in gpt2_block.py. The searcher starts from the best heuristic and changes one
parameter at a time. What it knows is the interface of a space: parameters with legal values, and what a point costs.
"""

import random
import sys
from pathlib import Path

from streamtensor.spaces import Evaluation, Objective, Space, space_of

BLOCK = f"{Path(__file__).resolve().parent / 'gpt2_block.py'}:small_block"


def cost(found: Evaluation) -> tuple[bool, float]:
    """What fits comes first, then what is fast."""
    return not found.feasible, found.objectives.get(Objective.LATENCY, float("inf"))


def climb(space: Space, trials: int, seed: int = 0) -> Evaluation:
    """The best point of a random walk that only goes uphill."""
    rng = random.Random(seed)
    best = min((space.evaluate(point) for point in space.heuristics().values()), key=cost)
    for _ in range(trials):
        parameter = rng.choice(space.parameters)
        found = space.evaluate({**best.point, parameter.name: rng.choice(parameter.values)})
        if cost(found) < cost(best):
            best = found
    return best


def main() -> None:
    """Searches, and prints what differs from the default point."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    space = space_of(BLOCK)
    default, best = space.evaluate(space.default_point()), climb(space, trials)
    changed = {name: value for name, value in best.point.items() if value != default.point[name]}
    for name in Objective:
        print(f"{name:>15} {default.objectives[name]:12,.0f} -> {best.objectives[name]:12,.0f}")
    print(", ".join(f"{name} = {value}" for name, value in changed.items()))


if __name__ == "__main__":
    main()
