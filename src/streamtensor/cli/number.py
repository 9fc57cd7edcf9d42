# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers on the command line."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A finite number in a range. click takes nan for a number of any range, and infinity for one without an end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error for anything else."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found
