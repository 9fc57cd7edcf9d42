# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What tests of the command line share."""

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Runs a program with arguments; gives exit code, standard output and standard error (fixture `run`)."""
