# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a C simulation tells: counters of every FIFO and task, and the witness of a deadlock."""

from dataclasses import dataclass
from typing import Literal

from streamtensor.diagnostics import UserError

Mode = Literal["bounded", "unbounded"]


@dataclass(frozen=True)
class FifoReport:
    """Counters of the FIFOs of one name (a region in a loop creates its FIFOs in each round: tokens add up)."""

    name: str
    width_bits: int
    depth: int | None
    """Slots; None in unbounded mode."""
    tokens: int
    """Tokens written."""
    tokens_read: int
    high_water: int
    """The largest number of tokens that were in the FIFO at one time; in unbounded mode, with tasks run in order."""
    hash: str | None
    """FNV-1a (64 bits, hexadecimal) over the bytes of all tokens in order; None unless it was asked for."""


@dataclass(frozen=True)
class TaskReport:
    """How often a task was started and how often it came to its end. A task of a nested region is 'outer/inner'."""

    name: str
    runs: int
    finished: int


@dataclass(frozen=True)
class BlockedTask:
    """A task that waits for ever: to read an empty FIFO, to write a full one, or for its own inner region."""

    task: str
    waits: Literal["read", "write", "join"]
    fifo: str
    depth: int
    tokens_read: int
    """Tokens that went out of the FIFO so far."""
    tokens_written: int
    """Tokens that went into the FIFO so far."""
    peer: str
    """The task at the other end ('' when nothing is known about it)."""
    peer_finished: bool

    def __str__(self) -> str:
        if self.waits == "join":
            return f"task {self.task} waits for its inner region, in which {self.peer} has not ended"
        if self.waits == "read":
            what = f"to read FIFO {self.fifo} (empty) after {self.tokens_read} tokens"
            other = "written by"
        else:
            what = f"to write FIFO {self.fifo} (full, depth {self.depth}) after {self.tokens_written} tokens"
            other = "read by"
        if not self.peer:
            return f"task {self.task} waits {what}"
        return f"task {self.task} waits {what}, {other} {self.peer}{', which has ended' if self.peer_finished else ''}"


@dataclass(frozen=True)
class DeadlockWitness:
    """Why nothing moves: every unfinished task, and among them the cycle of waits."""

    blocked: tuple[BlockedTask, ...]
    cycle: tuple[BlockedTask, ...]
    """Each waits for the next one, the last for the first. Empty when a task waits for one that has ended."""

    def __str__(self) -> str:
        return "; ".join(str(task) for task in self.cycle or self.blocked)

    def error(self) -> UserError:
        """The deadlock as an error for the user (ST0604)."""
        shown = self.cycle or self.blocked
        waits = len(shown)
        what = f"{waits} tasks wait for each other" if self.cycle else f"{waits} tasks wait for ever"
        full = [task.fifo for task in shown if task.waits == "write"]
        return UserError(
            "ST0604",
            f"deadlock: {what}",
            notes=[str(task) for task in shown],
            levers=[f"a deeper FIFO {name}" for name in full],
        )


@dataclass(frozen=True)
class RegionReport:
    """The outcome of one call. A deadlock is an answer, not an exception; the arrays are then partly written."""

    symbol: str
    mode: Mode
    deadlock: DeadlockWitness | None
    fifos: tuple[FifoReport, ...]
    tasks: tuple[TaskReport, ...]

    def fifo(self, name: str) -> FifoReport:
        """The FIFO of this name; KeyError when there is none."""
        for fifo in self.fifos:
            if fifo.name == name:
                return fifo
        raise KeyError(name)
