# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one door to the IR framework (xDSL): nothing outside this package imports it.

`ir.core` holds operations, regions, rewriting and passes; `ir.builtin` the types and attributes; `ir.irdl` the
declaration language of dialects; the upstream dialects are modules of their own (`arith`, `scf`, `linalg`, ...).
`ir.text` parses and prints modules and `ir.locations` keeps the model's source lines.
"""

from xdsl.dialects import arith, builtin, cf, func, math, memref, scf, tensor, vector

from streamtensor.ir import core, fast_paths, irdl, linalg, locations, repairs, text

repairs.repair()
fast_paths.install()

__all__ = [
    "arith",
    "builtin",
    "cf",
    "core",
    "func",
    "irdl",
    "linalg",
    "locations",
    "math",
    "memref",
    "scf",
    "tensor",
    "text",
    "vector",
]
