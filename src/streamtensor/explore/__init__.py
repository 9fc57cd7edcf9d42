# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Searches of design spaces: searchers, workers, and studies that keep every trial."""
