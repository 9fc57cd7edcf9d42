# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The token trace of a call: one file of raw tokens per FIFO, and an index."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamtensor.diagnostics import UserError, did_you_mean

_INDEX = "trace.json"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def _file_name(fifo: str) -> str:
    """The file of a FIFO; the runtime writes it under the same name."""
    return "".join(chr(c) if chr(c) in _PLAIN else f"%{c:02X}" for c in fifo.encode()) + ".bin"


def write_index(folder: Path, token_bytes: Mapping[str, int]) -> None:
    """Writes `trace.json`: for every FIFO its file and the bytes of a token."""
    index = {fifo: {"file": _file_name(fifo), "token_bytes": size} for fifo, size in token_bytes.items()}
    (folder / _INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def read_trace(folder: Path, fifo: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The tokens of a FIFO in order, shape [tokens, elements per token], as elements of `dtype`.

    An `ap_int<N>` with N up to 64 is stored as the smallest native integer that holds it.
    Raises UserError ST0608 for a folder without a trace, an unknown FIFO or a `dtype` that does not divide a token.
    """
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("ST0608", f"no token trace in {folder}", notes=[str(error)]) from error
    if fifo not in index:
        raise UserError("ST0608", f"the trace {folder} has no FIFO '{fifo}'", hint=did_you_mean(fifo, index))
    token_bytes: int = index[fifo]["token_bytes"]
    element = np.dtype(dtype)
    if token_bytes % element.itemsize:
        raise UserError("ST0608", f"a token of FIFO {fifo} has {token_bytes} bytes, no multiple of {element}")
    path = folder / index[fifo]["file"]
    tokens = np.fromfile(path, dtype=element) if path.exists() else np.empty(0, element)
    return tokens.reshape(-1, token_bytes // element.itemsize)
