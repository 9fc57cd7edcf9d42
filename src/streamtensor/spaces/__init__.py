# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Design spaces: parameters, constraints, and how a point is chosen."""

from streamtensor.spaces.parallelization import Access, Mode, Node, banks, parallelize, partitions

__all__ = ["Access", "Mode", "Node", "banks", "parallelize", "partitions"]
