# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Design spaces: parameters with legal values, and what a point of them costs."""

from streamtensor.spaces.evaluation import UNITS, Evaluation, Objective, Point, Value, Violation
from streamtensor.spaces.parallelization import Access, Mode, Node, banks, parallelize, partitions
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.spaces.sources import space_of, space_of_module
from streamtensor.spaces.space import Parameter, Space

__all__ = [
    "UNITS",
    "Access",
    "Evaluation",
    "Mode",
    "Node",
    "Objective",
    "Parameter",
    "Point",
    "ProgramSpace",
    "Space",
    "Value",
    "Violation",
    "banks",
    "parallelize",
    "partitions",
    "space_of",
    "space_of_module",
]
