# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Token queues at run time: itensors and FIFOs, and the tensors at the ends of itensors.

A queue keeps every token that was written, and each task that reads has its own position in it, so that an itensor with
several readers is a copy to each. Tasks run one after another, so queues are unbounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import InternalError
from streamtensor.simulate.interpreter.together import Together
from streamtensor.simulate.interpreter.types import Array, unwritten


class Queue:
    """The tokens of one itensor or FIFO, in stream order; `name` is what messages call it.

    Tasks that run `together` wait for tokens that others have not written yet.
    """

    __slots__ = ("name", "position", "together", "tokens")

    def __init__(self, name: str, tokens: Sequence[Any] = (), together: Together | None = None) -> None:
        self.name = name
        self.together = together
        self.tokens: list[Any] = list(tokens)
        self.position = 0

    def continued(self, name: str) -> Queue:
        """A new queue that starts with the tokens of this one: what a task appends to its init."""
        return Queue(name, self.tokens)

    def ran_out(self, task: str) -> None:
        """Waits for a token more where tasks run together; otherwise raises InternalError: `task` reads one more than
        there are.
        """
        have = len(self.tokens)
        if self.together is not None:
            self.together.wait(self.tokens, f"task {task} reads token {have + 1} of {self.name}")
            return
        raise InternalError(f"task {task} reads token {have + 1} of {self.name}, which holds {have}")

    def finish_read(self, task: str, position: int) -> None:
        """Ends the reading by `task`; raises InternalError when it left tokens."""
        self.position = position
        left = len(self.tokens) - position
        if left:
            raise InternalError(
                f"task {task} leaves {left} tokens of {self.name}: it read {position} of {len(self.tokens)}"
            )

    def finish_write(self, task: str, expected: int) -> Queue:
        """Ends the writing by `task`; raises InternalError when there are not exactly `expected` tokens."""
        if len(self.tokens) != expected:
            raise InternalError(
                f"task {task} leaves {len(self.tokens)} tokens in {self.name}, but its type holds {expected}"
            )
        return self

    def close(self, kernel: str, count: Counter[str]) -> None:
        """Ends a FIFO with its kernel and adds its tokens to `count["kernel.fifo"]`.

        Raises InternalError when tokens were never read.
        """
        if self.position != len(self.tokens):
            raise InternalError(
                f"kernel {kernel} ends with {len(self.tokens) - self.position} unread tokens in {self.name}: "
                f"{len(self.tokens)} were written and {self.position} read"
            )
        count[f"{kernel}.{self.name}"] += len(self.tokens)


def stream_of(name: str, data: Array, layout: StreamLayout) -> Queue:
    """The tensor `data` (of shape `layout.data_shape`) as the tokens of `layout`, in its order."""
    tokens = np.ascontiguousarray(_windows(data, layout)).reshape(layout.num_tokens, *layout.element)
    return Queue(name, list(tokens))


def tensor_of(queue: Queue, layout: StreamLayout, dtype: np.dtype[Any]) -> Array:
    """The tensor that the tokens of `queue`, in the order of `layout`, make up; what no token covers stays unwritten.

    Where the layout repeats or overlaps, the later token wins. Raises InternalError when the number of tokens is not
    that of the layout.
    """
    if len(queue.tokens) != layout.num_tokens:
        raise InternalError(f"{queue.name} holds {len(queue.tokens)} tokens, but its type holds {layout.num_tokens}")
    data = unwritten(layout.data_shape, dtype)
    if layout.is_regular and layout.repeats == 1:
        windows = _windows(data, layout)
        windows[...] = np.stack(queue.tokens).reshape(windows.shape)
        return data
    for offset, token in zip(layout.offset_array().tolist(), queue.tokens, strict=True):
        data[tuple(slice(o, o + size) for o, size in zip(offset, layout.element, strict=True))] = token
    return data


def converted(queue: Queue, name: str, source: StreamLayout, target: StreamLayout, dtype: np.dtype[Any]) -> Queue:
    """The tokens of `queue` in the order of `target`, through a buffer of the whole data that starts unwritten."""
    return stream_of(name, tensor_of(queue, source, dtype), target)


def _windows(data: Array, layout: StreamLayout) -> Array:
    """A view of `data` with the loops of `layout` and then the dimensions of its element, [*tripcounts, *element]."""
    if data.shape != layout.data_shape:
        raise InternalError(f"a tensor of {data.shape} can't stream as {layout}, which covers {layout.data_shape}")
    start = tuple(slice(result.constant, None) for result in layout.map.results)
    strides = [
        sum(step * stride for step, stride in zip(layout.stride(loop), data.strides, strict=True))
        for loop in range(layout.num_loops)
    ]
    return np.lib.stride_tricks.as_strided(
        data[start] if start else data,
        shape=(*layout.tripcounts, *layout.element),
        strides=(*strides, *data.strides),
    )
