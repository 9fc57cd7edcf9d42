# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linalg tiling: choose tiles and loop orders, then write them as loops and slices."""
