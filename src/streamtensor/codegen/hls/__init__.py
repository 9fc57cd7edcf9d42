# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HLS C++ from the loops and operations of the stream IR; `emit.emit_hls` is the entry."""
