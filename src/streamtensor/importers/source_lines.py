# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From PyTorch's stack traces to the one line of the model that a user wants to see."""

import linecache
import re
import sysconfig
from functools import cache
from pathlib import Path

import torch

from streamtensor.diagnostics import Location

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in [^\n]*(?:\n +([^\n]*))?')
_TORCH_ROOT = str(Path(torch.__file__).parent) + "/"
_TORCH_LAYERS = _TORCH_ROOT + "nn/modules/"


def model_line(stack_trace: str | None) -> Location | None:
    """The innermost frame of `stack_trace` that is not PyTorch's own, with a path that is never absolute.

    A model that is composed of PyTorch's modules alone has none; then it is the innermost frame of such a module.
    None when there is no trace.
    """
    frames = [frame for frame in reversed(_FRAME.findall(stack_trace or "")) if not frame[0].startswith("<")]
    own = [frame for frame in frames if not frame[0].startswith(_TORCH_ROOT)]
    layers = [frame for frame in frames if frame[0].startswith(_TORCH_LAYERS)]
    for file, line, code in own[:1] or layers[:1]:
        return Location(short_path(file), int(line), _source_text(file, int(line)) or code.strip())
    return None


def trace_of(place: Location) -> str:
    """A stack trace of the one frame `place`, in the form in which Torch-MLIR reads traces."""
    return f'File "{place.file}", line {place.line}, in forward\n    {place.text}'


def place_of_trace(trace: str | None) -> Location | None:
    """The frame that `trace_of` wrote; None for any other text."""
    match = _FRAME.search(trace or "")
    return Location(match[1], int(match[2]), (match[3] or "").strip()) if match else None


@cache
def short_path(file: str) -> str:
    """`file` relative to the installed packages or to the current directory, else its last two parts."""
    path = Path(file)
    if not path.is_absolute():
        return file
    roots = [
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
        Path(_TORCH_ROOT).parent,
        Path.cwd(),
    ]
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return Path(*path.parts[-2:]).as_posix()


def _source_text(file: str, line: int) -> str:
    return linecache.getline(file, line).strip()
