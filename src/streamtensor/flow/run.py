# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running a program of a compiled folder on arrays, and comparing with PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator, Array
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.passes import FLOAT_TOLERANCE
from streamtensor.flow.reference import References, is_close
from streamtensor.flow.session import check_arrays
from streamtensor.flow.token_counts import TokenCheck, check_tokens
from streamtensor.simulate.csim import FifoReport
from streamtensor.simulate.csim.report import Mode
from streamtensor.simulate.interpreter import compare


@dataclass(frozen=True)
class RunResult:
    """The outcome of a run: `outputs`, the FIFO counters, and with a check `max_rel_diff` = max|a-b| / max|b| against
    PyTorch, `equal` (floats within a tolerance, integers exactly), and the FIFOs compared with the step programs.
    """

    outputs: tuple[Array, ...] = ()
    fifos: dict[str, FifoReport] = field(default_factory=dict[str, FifoReport])
    max_rel_diff: float | None = None
    equal: bool | None = None
    token_check: TokenCheck | None = None

    def as_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        found: dict[str, Any] = {"outputs": [output.tolist() for output in self.outputs]}
        if self.equal is not None:
            found |= {"max_rel_diff": self.max_rel_diff, "equal": self.equal, "tolerance": FLOAT_TOLERANCE}
        if self.token_check is not None:
            found |= {"fifos_compared": self.token_check.fifos, "fifo_tokens_equal": self.token_check.equal}
        found["fifos"] = {
            name: {"depth": fifo.depth, "tokens": fifo.tokens, "high_water": fifo.high_water}
            for name, fifo in self.fifos.items()
        }
        found["provenance"] = {"outputs": "C simulation", "max_rel_diff": "measured here (CPU)", "fifos": "simulated"}
        return found


def run_inputs(
    folder: Path,
    npz: Path,
    *,
    program: str | None = None,
    check: bool = False,
    fifos: Mode = "bounded",
    depth: int | None = None,
    events: Events | None = None,
) -> RunResult:
    """Runs a program of `folder`, the first unless it is named, on the arrays of an .npz file, in their order there.

    Raises UserError ST0101 or ST0108 for the file or what is in it, ST0604 for a deadlock, and like `Accelerator`.
    """
    events = events or SilentEvents()
    accelerator = Accelerator(folder, program)
    arrays = _read_npz(npz)
    check_arrays(accelerator, arrays)
    accelerator.check_weights(events)
    events.stage("building the C simulation", 0, 2)
    _ = accelerator.library
    events.stage("C simulation", 1, 2)
    launches = accelerator.run(arrays, mode=fifos, depths=depth)
    if not check:
        return RunResult(launches.outputs, fifos=launches.fifos())
    wanted = References(accelerator).run(accelerator.program_name)(arrays)
    difference = compare(list(launches.outputs), list(wanted))
    return RunResult(
        launches.outputs,
        fifos=launches.fifos(),
        max_rel_diff=difference,
        equal=all(map(is_close, launches.outputs, wanted)),
        token_check=check_tokens(accelerator, launches),
    )


def _read_npz(file: Path) -> list[Array]:
    if not file.is_file():
        raise UserError("ST0101", f"there is no file {file}")
    try:
        with np.load(file, allow_pickle=False) as data:
            return [data[name] for name in data.files]
    except (ValueError, OSError, AttributeError, EOFError, BadZipFile) as error:
        raise UserError("ST0108", f"{file} is not an .npz file of arrays: {error}") from error
