# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which elements of an operand the iterations of a linalg.generic use, as a numpy subscript.

The result of an access has one dimension per vectorised loop, in the order of the loops (size 1 where the operand does
not depend on the loop), so that operands of one body combine by broadcasting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamtensor.diagnostics import InternalError
from streamtensor.ir.core import AffineDimExpr, AffineExpr, AffineMap
from streamtensor.simulate.interpreter.emitter import Emitter


@dataclass(frozen=True)
class Access:
    """The text of an access, whether it is an array, and whether it changes with the loops that are not vectorised."""

    text: str
    is_array: bool
    moves: bool


def loop_sizes(maps: Sequence[AffineMap], shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The iterations of each loop: the size of a dimension that some map indexes with this loop alone.

    Raises InternalError when there is no such dimension, when two of them differ, or when an access
    reaches over the end.
    """
    sizes: dict[int, int] = {}
    for indexing, shape in zip(maps, shapes, strict=True):
        for result, size in zip(indexing.results, shape, strict=True):
            if isinstance(result, AffineDimExpr) and sizes.setdefault(result.position, size) != size:
                raise InternalError(f"loop {result.position} has {sizes[result.position]} and {size} iterations")
    count = maps[0].num_dims if maps else 0
    missing = [loop for loop in range(count) if loop not in sizes]
    if missing:
        raise InternalError(f"no operand says how many iterations loop {missing[0]} has")
    found = tuple(sizes[loop] for loop in range(count))
    for indexing, shape in zip(maps, shapes, strict=True):
        for result, size in zip(indexing.results, shape, strict=True):
            last = _last(result, found)
            if last is not None and last >= size:
                raise InternalError(f"{result} reaches element {last} of a dimension of {size}")
    return found


def access_of(emit: Emitter, data: str, indexing: AffineMap, sizes: Sequence[int], vectorised: Sequence[int]) -> Access:
    """How the iterations read (or write) the array named `data` through the map `indexing`."""
    used = {loop for result in indexing.results for loop in result.used_dims()}
    moves = any(loop not in vectorised for loop in used)
    axes: list[int] = []
    subscripts: list[str] = []
    for result in indexing.results:
        loops = [loop for loop in sorted(result.used_dims()) if loop in vectorised]
        if not loops:
            subscripts.append(_text(result, {}))
            continue
        subscript = _slice(result, loops[0], sizes) if len(loops) == 1 and loops[0] not in axes else None
        if subscript is None:
            return Access(_gather(emit, data, indexing, sizes, vectorised), is_array=True, moves=moves)
        axes.append(loops[0])
        subscripts.append(subscript)
    if not axes:
        return Access(f"{data}[{', '.join(subscripts) or '()'}]", is_array=False, moves=moves)
    return Access(arranged(data, subscripts, axes, vectorised), is_array=True, moves=moves)


def arranged(data: str, subscripts: list[str], axes: Sequence[int], vectorised: Sequence[int]) -> str:
    """Slices, then the axes in the order of the loops, then new axes for the loops that are missing."""
    text = data
    if any(subscript != ":" for subscript in subscripts):
        text += f"[{', '.join(subscripts)}]"
    if list(axes) != sorted(axes):
        text += f".transpose({', '.join(str(axes.index(axis)) for axis in sorted(axes))})"
    if len(axes) != len(vectorised):
        text += f"[{', '.join(':' if loop in axes else 'None' for loop in vectorised)}]"
    return text


def _gather(emit: Emitter, data: str, indexing: AffineMap, sizes: Sequence[int], vectorised: Sequence[int]) -> str:
    """An access with an array of indices per dimension, for maps such as (d0 + d1) or (d0, d0)."""
    arrays: dict[int, str] = {}
    for place, loop in enumerate(vectorised):
        shape = [1] * len(vectorised)
        shape[place] = sizes[loop]
        arrays[loop] = emit.constant(np.arange(sizes[loop]).reshape(shape))
    return f"{data}[{', '.join(_text(result, arrays) for result in indexing.results)}]"


def _slice(result: AffineExpr, loop: int, sizes: Sequence[int]) -> str | None:
    """`start:stop:step` for an expression that is linear and increasing in the one vectorised loop; else None."""
    if isinstance(result, AffineDimExpr):
        return ":"
    if not _is_linear(result):
        return None
    zeros = [0] * len(sizes)
    one = [int(other == loop) for other in range(len(sizes))]
    step = result.eval(one, []) - result.eval(zeros, [])
    if step < 1:
        return None
    reach = step * (sizes[loop] - 1) + 1
    start = _text(result, {loop: "0"})
    return f"{start}:{start} + {reach}" + (f":{step}" if step != 1 else "")


def _is_linear(result: AffineExpr) -> bool:
    return not re.search("mod|div", str(result))


def _last(result: AffineExpr, sizes: Sequence[int]) -> int | None:
    """The largest value of a linear expression over all iterations."""
    if not _is_linear(result) or 0 in sizes:
        return None
    zeros = [0] * len(sizes)
    start = result.eval(zeros, [])
    steps = [result.eval([int(o == loop) for o in range(len(sizes))], []) - start for loop in range(len(sizes))]
    if start + sum(min(0, step * (size - 1)) for step, size in zip(steps, sizes, strict=True)) < 0:
        raise InternalError(f"{result} reaches a negative index")
    return start + sum(max(0, step * (size - 1)) for step, size in zip(steps, sizes, strict=True))


def _text(result: AffineExpr, arrays: dict[int, str]) -> str:
    """The expression as Python text: `arrays` in place of the loops that it names, d0, d1, ... for the others."""
    text = str(result)
    if "ceildiv" in text:
        raise InternalError(f"the interpreter has no indexing by {text}")
    text = text.replace("floordiv", "//").replace("mod", "%")
    return re.sub(r"d(\d+)", lambda match: arrays.get(int(match[1]), match[0]), text)
