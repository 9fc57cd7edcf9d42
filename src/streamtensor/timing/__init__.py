# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When things happen: step programs in cycles, a simulator that is exact for them, and FIFO depths with evidence.

It stands below the passes, since one of them sizes FIFOs: it knows graphs of tasks and FIFOs by name, and no IR.
"""
