# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one hand-written kernel on lists of tokens: its C++ is built with the headers of the C simulation."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtensor.codegen.hls.extern import STACK_BYTES, prototype
from streamtensor.codegen.hls.types import lanes
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import ITensorType
from streamtensor.dialects.dataflow.vectors import DEFAULT_WIDTH_BITS, vector_type
from streamtensor.simulate.csim import Library, build
from streamtensor.simulate.interpreter.extern_wrapper import ROUNDS, wrapper
from streamtensor.simulate.interpreter.queues import Queue, stream_of, tensor_of
from streamtensor.simulate.interpreter.types import dtype_of

Array = NDArray[Any]


@dataclass(frozen=True)
class ExternCode:
    """A hand-written function with the declared types of its ports; `memory_bits` is what it holds on chip.

    `reads_before_writes` has the tokens of each in port that it reads before it writes, None where nothing is promised.
    """

    name: str
    source: Path
    headers: tuple[Path, ...]
    function: str
    ins: tuple[ITensorType, ...]
    outs: tuple[ITensorType, ...]
    width_bits: int = DEFAULT_WIDTH_BITS
    memory_bits: int = 0
    reads_before_writes: tuple[int, ...] | None = None

    @property
    def vector_ins(self) -> list[ITensorType]:
        """The types of the in ports as the function has them."""
        return [vector_type(port, self.width_bits) for port in self.ins]

    @property
    def vector_outs(self) -> list[ITensorType]:
        """The types of the out ports as the function has them."""
        return [vector_type(port, self.width_bits) for port in self.outs]

    @property
    def prototype(self) -> str:
        """What the source has to define."""
        return prototype(self.function, [*self.vector_ins, *self.vector_outs])

    @property
    def round_vectors(self) -> list[int]:
        """The vectors of each in port in one round of reading and then writing."""
        totals = [port.layout.num_tokens for port in self.vector_ins]
        if self.reads_before_writes is None:
            return totals
        tiles = [port.layout.num_tokens for port in self.ins]
        return [count * n // m for count, n, m in zip(self.reads_before_writes, totals, tiles, strict=True)]

    def run(self, ins: Sequence[Array]) -> list[Array]:
        """What the function writes to each out port when it reads `ins`: arrays [tokens, lanes] of vectors.

        Raises UserError ST0601 without a C++ compiler, ST0602 when the source does not compile, ST0114 when it has
        another function, or the function reads or writes another number of tokens than its ports have.
        """
        arrays = [np.ascontiguousarray(data) for data in ins]
        results = [_tokens(port) for port in self.vector_outs]
        try:
            _library(self, _digest(self)).call(self.function, [*arrays, *results], mode="unbounded")
        except UserError as error:
            if error.code != "ST0603":
                raise
            message = f"extern kernel {self.name} does not keep to its ports: {error.message}"
            raise UserError("ST0114", message, notes=error.notes) from error
        return results

    def run_on_tensors(self, ins: Sequence[Array]) -> list[Array]:
        """What the kernel makes of whole tensors of its ports' data shapes. Raises like `run`."""
        found = self.run(self._vectors(ins))
        return [
            tensor_of(Queue(self.name, unflat(data, port)), port.layout, dtype_of(port.scalar))
            for data, port in zip(found, self.vector_outs, strict=True)
        ]

    def check_rounds(self, ins: Sequence[Array]) -> None:
        """Runs the function on whole tensors that come round by round, the results of a round taken before the next.

        Raises UserError ST0114 when it reads more before it writes than `reads_before_writes` says.
        """
        results = [_tokens(port) for port in self.vector_outs]
        library = _library(self, _digest(self))
        report = library.call(f"{self.function}{ROUNDS}", [*self._vectors(ins), *results], mode="bounded")
        if report.deadlock is not None:
            said = list(self.reads_before_writes or ())
            raise UserError(
                "ST0114",
                f"extern kernel {self.name} reads more before it writes than reads_before_writes = {said} says",
                notes=[str(task) for task in report.deadlock.blocked],
                hint="say what it needs before it writes, or leave the field out",
            )

    def _vectors(self, ins: Sequence[Array]) -> list[Array]:
        """Whole tensors as the vectors [tokens, lanes] of the in ports."""
        queues = [stream_of(self.name, data, port.layout) for data, port in zip(ins, self.vector_ins, strict=True)]
        return [flat(queue.tokens, port) for queue, port in zip(queues, self.vector_ins, strict=True)]


def flat(tokens: Sequence[Any], port: ITensorType) -> Array:
    """Tokens of a vector port as one array [tokens, lanes]."""
    count = lanes(port.element)
    if not tokens:
        return np.empty((0, count), dtype_of(port.scalar))
    return np.stack([np.asarray(token).reshape(-1) for token in tokens])


def unflat(data: Array, port: ITensorType) -> list[Array]:
    """The inverse of `flat`."""
    return list(data.reshape(-1, *port.element.get_shape()))


def vectors_of(tiles: Sequence[Any], tile: ITensorType, port: ITensorType) -> Array:
    """Tokens that are tiles as the vectors [tokens, lanes] that `port` takes them apart into."""
    shape, sizes = tile.element.get_shape(), port.element.get_shape()
    rank = len(shape)
    if not tiles:
        return flat([], port)
    split = [n for size, vector in zip(shape, sizes, strict=True) for n in (size // vector, vector)]
    data = np.stack([np.asarray(one) for one in tiles]).reshape(len(tiles), *split)
    order = [0, *range(1, 2 * rank + 1, 2), *range(2, 2 * rank + 1, 2)]
    return np.ascontiguousarray(data.transpose(order)).reshape(-1, lanes(port.element))


def tiles_of(data: Array, tile: ITensorType, port: ITensorType) -> list[Array]:
    """The inverse of `vectors_of`."""
    shape, sizes = tile.element.get_shape(), port.element.get_shape()
    rank = len(shape)
    outer = [size // vector for size, vector in zip(shape, sizes, strict=True)]
    order = [0, *(axis for dim in range(rank) for axis in (1 + dim, 1 + rank + dim))]
    return list(data.reshape(-1, *outer, *sizes).transpose(order).reshape(-1, *shape))


def _tokens(port: ITensorType) -> Array:
    return np.zeros((port.layout.num_tokens, lanes(port.element)), dtype_of(port.scalar))


# ---- the library


def _digest(code: ExternCode) -> str:
    """What the files of the kernel hold; a missing one raises UserError ST0114."""
    found = hashlib.sha256()
    for file in (code.source, *code.headers):
        try:
            found.update(file.read_bytes())
        except OSError as error:
            raise UserError("ST0114", f"extern kernel {code.name}: there is no file {file}") from error
    return found.hexdigest()


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where the libraries of this process are built."""
    return tempfile.TemporaryDirectory(prefix="streamtensor-extern-")


@lru_cache(maxsize=64)
def _library(code: ExternCode, digest: str) -> Library:
    """The kernel between tasks that feed its in ports from arrays and drain its out ports into arrays."""
    folder = Path(_folder().name)
    stack = STACK_BYTES + code.memory_bits // 8
    text = wrapper(code.function, code.vector_ins, code.vector_outs, code.round_vectors, stack)
    name = f"{code.function}_{hashlib.sha256((text + digest).encode()).hexdigest()[:12]}"
    around = folder / f"{name}.cpp"
    around.write_text(text, encoding="utf-8")
    library = build([around, code.source], folder, name=name)
    try:
        return Library(library)
    except UserError as error:
        if not any(code.function in note and "undefined symbol" in note for note in error.notes):
            raise
        raise UserError(
            "ST0114",
            f"extern kernel {code.name}: {code.source} defines no {code.function} with the types of the ports",
            notes=[f"wanted: {code.prototype}"],
            hint='C++ linkage, not extern "C"; one hls::stream by reference for each port, ins first',
        ) from error
