# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every operation that may stand in a task or a function of the host, with what writes it."""

from __future__ import annotations

from collections.abc import Mapping

from streamtensor.codegen.hls.body import Emitter
from streamtensor.codegen.hls.ops_dataflow import DATAFLOW
from streamtensor.codegen.hls.ops_memref import MEMREF
from streamtensor.codegen.hls.ops_scalar import SCALAR
from streamtensor.codegen.hls.ops_scf import SCF
from streamtensor.codegen.hls.ops_vector import VECTOR

# vector.fma is in the table of element-wise operations.
EMITTERS: Mapping[str, Emitter] = {**SCALAR, **SCF, **MEMREF, **VECTOR, **DATAFLOW}
