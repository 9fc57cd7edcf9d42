# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a program says of the rows that need not be read or made at a position."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunTimeBound:
    """Rows behind a position that change no result.

    Input number `of` holds the position of the last row that counts, one integer. Dimension `dim` of the inputs and
    outputs with the given numbers has such rows: of inputs they are masked, whatever they hold; of outputs
    nobody looks at them. A module has these as `run_time_bounds`, a tuple.
    """

    of: int
    dim: int
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
