# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Typed results: what a compiled program is made of and what it holds on chip."""

from streamtensor.cost.on_chip import Term, fused_terms, unfused_terms
from streamtensor.report.summary import ProgramSummary, facts_of, total

__all__ = ["ProgramSummary", "Term", "facts_of", "fused_terms", "total", "unfused_terms"]
