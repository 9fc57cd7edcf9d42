# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Resource allocation: FIFO depths and memory kinds."""
