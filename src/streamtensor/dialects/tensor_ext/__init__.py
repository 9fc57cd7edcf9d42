# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The `tensor_ext` dialect: how tensors lie in external memory, in tiles and in words as wide as a port, and how far
they are padded there.
"""

from streamtensor.dialects.tensor_ext.extents import CropOp, ExtendOp
from streamtensor.dialects.tensor_ext.layouts import data_shape, layout_of, scalar_of, tensor_in
from streamtensor.dialects.tensor_ext.ops import (
    LanesOp,
    PackOp,
    UnpackOp,
    UnwidenOp,
    WidenOp,
    narrow_type,
    wide_type,
)
from streamtensor.ir.core import Dialect

__all__ = [
    "CropOp",
    "ExtendOp",
    "LanesOp",
    "PackOp",
    "TensorExt",
    "UnpackOp",
    "UnwidenOp",
    "WidenOp",
    "data_shape",
    "layout_of",
    "narrow_type",
    "scalar_of",
    "tensor_in",
    "wide_type",
]

TensorExt = Dialect("tensor_ext", [PackOp, UnpackOp, WidenOp, UnwidenOp, LanesOp, ExtendOp, CropOp], [])
