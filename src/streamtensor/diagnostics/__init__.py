# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler tells its user: one error class with a code, a place, terms and levers, and its renderers."""

from streamtensor.diagnostics.errors import InternalError, Location, UserError, UserErrors
from streamtensor.diagnostics.suggest import did_you_mean

__all__ = ["InternalError", "Location", "UserError", "UserErrors", "did_you_mean"]
