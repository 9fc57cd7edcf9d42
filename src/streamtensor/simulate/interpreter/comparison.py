# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far two results are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.simulate.interpreter.types import Array


def compare(a: Array | Sequence[Array], b: Array | Sequence[Array]) -> float:
    """max|a - b| / max|b|, the largest over all arrays when sequences are given; 0/0 is 0, and x/0 is infinite.

    Elements that are equal (infinities too) or both NaN differ by 0; NaN or an infinity against anything else is
    infinitely far. Raises InternalError when numbers of arrays, shapes or element types differ.
    """
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) or len(a) != len(b):
            raise InternalError("the numbers of arrays to compare differ")
        return max((compare(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if a.shape != b.shape or a.dtype != b.dtype:
        raise InternalError(f"{list(a.shape)} of {a.dtype} is compared with {list(b.shape)} of {b.dtype}")
    if a.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        x, y = a.astype(np.float64), b.astype(np.float64)
        same = (a == b) | (np.isnan(x) & np.isnan(y))
        # Integers that differ do so by 1 at least, also where f64 rounds both to the same number.
        difference = np.where(same, 0.0, np.maximum(np.abs(x - y), 1.0 if a.dtype.kind in "iub" else 0.0))
    difference = np.where(np.isfinite(difference), difference, np.inf)
    largest = float(difference.max())
    finite = np.abs(y[np.isfinite(y)])
    scale = float(finite.max()) if finite.size else 0.0
    if largest == 0:
        return 0.0
    return largest / scale if scale else float("inf")
