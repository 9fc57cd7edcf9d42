# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a long run tells whoever watches it."""

from typing import Protocol


class Events(Protocol):
    """A listener, such as the progress bar of the command line."""

    def stage(self, name: str, done: int, total: int) -> None:
        """The stage `name` begins; `done` of `total` stages are behind it."""
        ...

    def transfer(self, name: str, done_bytes: int, total_bytes: int) -> None:
        """Within the stage, `name` has come to `done_bytes` of `total_bytes` bytes; the first call has done none."""
        ...

    def note(self, text: str) -> None:
        """One sentence for the user."""
        ...


class SilentEvents:
    """Nobody watches."""

    def stage(self, name: str, done: int, total: int) -> None:
        """Does nothing."""

    def transfer(self, name: str, done_bytes: int, total_bytes: int) -> None:
        """Does nothing."""

    def note(self, text: str) -> None:
        """Does nothing."""
