# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The parameters of a compiled program: one safetensors file and a manifest with a hash for each of them."""

from streamtensor.codegen.weights.read import Weights, read_weights
from streamtensor.codegen.weights.write import write_weights

__all__ = ["Weights", "read_weights", "write_weights"]
