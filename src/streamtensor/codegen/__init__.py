# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is written for the tools behind the compiler: HLS C++, host C++, link files, weights.

Everything is derived from the stream IR; nothing here looks at a level above.
"""
