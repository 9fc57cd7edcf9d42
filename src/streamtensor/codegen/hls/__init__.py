# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HLS C++ from the loops and operations of the stream IR."""

from streamtensor.codegen.hls.emit import emit_hls

__all__ = ["emit_hls"]
