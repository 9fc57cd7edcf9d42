# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The names of number types in safetensors files."""

CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
"""By the name of the numpy type."""
