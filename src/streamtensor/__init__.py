# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""streamtensor: compiles PyTorch models into stream-based dataflow accelerators for FPGAs."""

__version__ = "0.1.0"
