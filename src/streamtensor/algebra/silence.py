# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keeps libraries from writing to the standard output of the process."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager

_STDOUT = 1


@contextmanager
def silence() -> Generator[None]:
    """Nothing reaches standard output meanwhile, not even from C: HiGHS writes lines of its own there when it solves a
    mixed-integer program, whatever its options say, and they would stand in the middle of `--json`.
    """
    c_library = ctypes.CDLL(None)
    try:
        saved = os.dup(_STDOUT)
    except OSError:  # there is no standard output
        yield
        return
    try:
        c_library.fflush(None)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), _STDOUT)
        yield
    finally:
        c_library.fflush(None)
        os.dup2(saved, _STDOUT)
        os.close(saved)
