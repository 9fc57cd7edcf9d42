# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C simulation: builds emitted HLS C++ with a host compiler and runs it, with unbounded FIFOs or with real depths.

`include/` holds what stands in for the vendor's headers, `runtime/` the scheduler that is linked into every library.
"""

from streamtensor.simulate.csim.build import DATAFLOW_HEADER, INCLUDE_DIR, build
from streamtensor.simulate.csim.report import BlockedTask, DeadlockWitness, FifoReport, RegionReport, TaskReport
from streamtensor.simulate.csim.run import Library
from streamtensor.simulate.csim.trace import read_trace

__all__ = [
    "DATAFLOW_HEADER",
    "INCLUDE_DIR",
    "BlockedTask",
    "DeadlockWitness",
    "FifoReport",
    "Library",
    "RegionReport",
    "TaskReport",
    "build",
    "read_trace",
]
