# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether C simulation and the step programs of the cycle simulator agree in the tokens of every FIFO."""

from __future__ import annotations

from dataclasses import dataclass

from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator, Launches
from streamtensor.flow.at_position import load_kernels_at


@dataclass(frozen=True)
class FifoDifference:
    """A FIFO of one launch: tokens written and read in C simulation (-1: it is not there), and what the step programs
    say.
    """

    kernel: str
    fifo: str
    written: int
    read: int
    expected: int

    def __str__(self) -> str:
        return (
            f"FIFO {self.fifo} of {self.kernel}: {self.written} tokens written and {self.read} read in C simulation, "
            f"{self.expected} in the step programs"
        )


@dataclass(frozen=True)
class TokenCheck:
    """The comparison of all launches of a program: how many FIFOs, counted once for each launch, and which differ."""

    fifos: int
    different: tuple[FifoDifference, ...]

    @property
    def equal(self) -> bool:
        """Whether every FIFO carried as many tokens as its step programs say."""
        return not self.different

    def __add__(self, other: TokenCheck) -> TokenCheck:
        return TokenCheck(self.fifos + other.fifos, self.different + other.different)

    def error(self) -> UserError:
        """The first difference as an error for the user (ST0609)."""
        return UserError(
            "ST0609",
            f"{len(self.different)} of {self.fifos} FIFOs carry other tokens than the step programs say; the first is "
            f"{self.different[0]}",
            hint="compile the model again: cycles and FIFO depths of this folder rest on the step programs",
        )


def check_tokens(accelerator: Accelerator, launches: Launches) -> TokenCheck:
    """Compares the FIFO counters of `launches` with the graphs of the program's kernels, at the position of that run.

    FIFOs inside of hand-written kernels are in no graph and not compared.

    Raises UserError ST0503, ST0702 and ST0703 when the folder has no readable graphs.
    """
    _, kernels = load_kernels_at(accelerator.folder, accelerator.program_name, launches.position)
    graphs = {one.kernel: one.graph for one in kernels}
    compared, different = 0, list[FifoDifference]()
    for kernel, report in launches.reports:
        graph = graphs[kernel]
        counted = {fifo.name: (fifo.tokens, fifo.tokens_read) for fifo in report.fifos}
        for fifo in graph.sized:
            written, read = counted.get(fifo.name, (-1, -1))
            if (written, read) != (graph.tokens[fifo.name], graph.tokens_read[fifo.name]):
                different.append(FifoDifference(kernel, fifo.name, written, read, graph.tokens[fifo.name]))
        compared += len(graph.sized)
    return TokenCheck(compared, tuple(different))
