# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What runs beside the device: the launch list, functions of the host, the host program."""

from streamtensor.codegen.host.functions import emit_host_functions
from streamtensor.codegen.host.packed import PackedParameter
from streamtensor.codegen.host.program import Buffer, Function, Operand, Port, Program, Step, derive_program

__all__ = [
    "Buffer",
    "Function",
    "Operand",
    "PackedParameter",
    "Port",
    "Program",
    "Step",
    "derive_program",
    "emit_host_functions",
]
