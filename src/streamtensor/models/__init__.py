# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models: named shapes, sources on disk, and the programs that are compiled from them.

PyTorch and transformers are loaded when a model is built, not when this package is imported.
"""
