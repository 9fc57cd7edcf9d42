# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linalg to dataflow, and what is done to kernels and tasks before they are lowered."""
