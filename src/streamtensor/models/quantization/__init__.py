# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantised language models: PyTorch modules whose forward is the integer arithmetic that the hardware does.

`fixed_point` defines the functions, `layers` the modules made of them, `convert` puts those into a transformers model,
`quantize` finds their values from a float model and sample text.
"""
