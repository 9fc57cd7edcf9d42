# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernel fusion: which kernels stream into each other."""
