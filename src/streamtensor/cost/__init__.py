# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a design takes: memory on chip, DSPs, bytes of external memory, operations; what spaces and fusion ask."""
