# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Optimisation of the tensor IR: afterwards a device function is generics connected directly by tensors.

Views stay on the function's arguments and before its return; every `outs` is a `tensor.empty`; bodies are
self-contained; nothing is computed more often than in the model.
"""

from streamtensor.ir.core import ModulePass
from streamtensor.transforms.linalg.bubble_up_slices import BubbleUpSlicesPass
from streamtensor.transforms.linalg.convert_tensor_to_linalg import ConvertTensorToLinalgPass
from streamtensor.transforms.linalg.fold_copies import FoldCopiesPass
from streamtensor.transforms.linalg.fold_extensions import FoldExtensionsPass
from streamtensor.transforms.linalg.fold_reshapes import FoldReshapesPass
from streamtensor.transforms.linalg.fold_truncated_constants import FoldTruncatedConstantsPass
from streamtensor.transforms.linalg.fuse_elementwise_ops import FuseElementwiseOpsPass
from streamtensor.transforms.linalg.fuse_linalg_fill import FuseLinalgFillPass
from streamtensor.transforms.linalg.name_kernels import NameKernelsPass
from streamtensor.transforms.linalg.narrow_accumulators import NarrowAccumulatorsPass
from streamtensor.transforms.linalg.narrow_parameters import NarrowParametersPass
from streamtensor.transforms.linalg.own_results import OwnResultsPass
from streamtensor.transforms.linalg.tidy_linalg import TidyLinalgPass

LINALG_PASSES: tuple[ModulePass, ...] = (
    NarrowParametersPass(),  # first: to all that follows a 4-bit weight is one
    FoldTruncatedConstantsPass(),  # early: a fill is recognised by the constant in its body
    TidyLinalgPass(),  # unread results (an argmax beside a max) would keep slices and copies alive
    ConvertTensorToLinalgPass(),  # before slices move and split what a concatenation joins again
    BubbleUpSlicesPass(),  # before reshapes: a slice of a flat dimension need not respect the factors it is split into
    FoldReshapesPass(),  # before copies: a copy's map can be composed only if no view stands on either side
    BubbleUpSlicesPass(),  # slices that stood behind a reshape that is gone now
    FoldReshapesPass(),  # reshapes that stood behind those slices, and loops that slicing left with extent 1
    FoldCopiesPass(),  # before fusion: a producer behind a transpose is a producer
    FoldExtensionsPass(),  # before fusion, which would widen the producer's result instead
    FuseElementwiseOpsPass(),  # before fills move in: their selects would count as work of the body
    FuseLinalgFillPass(),
    FoldCopiesPass(),  # broadcasts that were initial values are inputs now
    NarrowAccumulatorsPass(),  # after fills moved in: the start of a sum is part of its body
    OwnResultsPass(),  # late: what is folded away must not come back, and what is returned is settled
    NameKernelsPass(),  # last: the operations are those that become kernels
)

__all__ = [
    "LINALG_PASSES",
    "BubbleUpSlicesPass",
    "ConvertTensorToLinalgPass",
    "FoldCopiesPass",
    "FoldExtensionsPass",
    "FoldReshapesPass",
    "FoldTruncatedConstantsPass",
    "FuseElementwiseOpsPass",
    "FuseLinalgFillPass",
    "NameKernelsPass",
    "NarrowAccumulatorsPass",
    "NarrowParametersPass",
    "OwnResultsPass",
    "TidyLinalgPass",
]
