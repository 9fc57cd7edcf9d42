# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From itensors and tensors to streams, buffers and loops."""
