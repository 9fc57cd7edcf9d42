# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch modules to tensor IR. PyTorch and Torch-MLIR are loaded when a module is imported, not before."""
