# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs designs: interpreters for the numbers, C simulation for the emitted code."""
