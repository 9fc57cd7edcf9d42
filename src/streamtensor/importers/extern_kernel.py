# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a user says of a hand-written kernel: its C++ source, its ports, its figures, and what it replaces."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ITensorType, parse_itensor_type
from streamtensor.dialects.dataflow.extern_ops import RESOURCES
from streamtensor.dialects.dataflow.vectors import DEFAULT_WIDTH_BITS
from streamtensor.ir.builtin import TensorType

DEFAULT_TOLERANCE = 1e-3
"""Largest relative difference between an extern kernel and what it replaces when nothing else is said."""


@dataclass(frozen=True)
class ExternKernel:
    """A hand-written HLS C++ kernel that takes the place of a part of the model.

    `source` defines `function`, which takes an `hls::stream` for each of `ins` and then for each of `outs` (itensor
    types as text). `replaces` is the path of a module (`block.attn`, or with wildcards `model.layers.*.mlp.act_fn`), an
    ATen operation (`aten.softmax`), or both (`block.attn:aten.softmax`). `ii` is the cycles between tokens, `delay`
    the cycles to the first result, `resources` counts `dsp`, `bram`, `uram`, `lut` and `ff`. `headers` are files that
    the source includes. `reads_before_writes` gives for each in port the tokens that are read before results are
    written, in every round; None promises nothing. `tolerance` is the largest relative difference to what is replaced,
    on random inputs; None leaves the comparison out. `program` is the program of a language model in which the part
    is, prefill or decode; empty means all programs.

    Raises UserError ST0112 when a field has the wrong form.
    """

    name: str
    source: Path | str
    function: str
    ins: Sequence[str]
    outs: Sequence[str]
    replaces: str
    ii: int = 1
    delay: int = 0
    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    headers: Sequence[Path | str] = ()
    reads_before_writes: Sequence[int] | None = None
    tolerance: float | None = DEFAULT_TOLERANCE
    width_bits: int = DEFAULT_WIDTH_BITS
    program: str = ""

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("function", self.function)):
            if not re.fullmatch(r"[A-Za-z_]\w*", str(text)):
                raise self.wrong(f"{what} {text!r} is no identifier")
        for what, given in (("ins", self.ins), ("outs", self.outs)):
            if isinstance(given, str) or not all(type(port) is str for port in given):
                raise self.wrong(f"{what} is a list of itensor types, each a text")
        if not self.outs:
            raise self.wrong("it has no out port")
        if type(self.replaces) is not str or not self.replaces.strip():
            raise self.wrong("replaces says which part of the model it takes the place of")
        for what, number, least in (("ii", self.ii, 1), ("delay", self.delay, 0), ("width_bits", self.width_bits, 1)):
            if type(number) is not int or number < least:
                raise self.wrong(f"{what} is a whole number from {least} on, not {number!r}")
        for key, count in self.resources.items():
            if key not in RESOURCES:
                raise self.wrong(f"no resource '{key}'", did_you_mean(key, RESOURCES))
            if type(count) is not int or count < 0:
                raise self.wrong(f"the count of {key} is a whole number from 0 on, not {count!r}")
        reads = self.reads_before_writes
        if reads is not None and (len(reads) != len(self.ins) or any(type(n) is not int or n < 1 for n in reads)):
            raise self.wrong(f"reads_before_writes has a number from 1 on for each of the {len(self.ins)} ins")

    def wrong(self, what: str, hint: str = "") -> UserError:
        """The error that this description does not hold together."""
        return UserError("ST0112", f"extern kernel {self.name}: {what}", hint=hint)

    @cached_property
    def port_types(self) -> tuple[ITensorType, ...]:
        """The types of the ports, ins first, without dimensions and loops of size 1.

        Raises UserError ST0203 for a text that is no itensor type, ST0112 for one whose tokens are vectors.
        """
        known = context()
        found = [parse_itensor_type(known, text) for text in (*self.ins, *self.outs)]
        for port in found:
            if not isinstance(port.element, TensorType):
                raise self.wrong(f"a port is declared with tiles as tokens, not vectors: {port}")
        return tuple(_squeezed(port) for port in found)

    @property
    def source_path(self) -> Path:
        """The source with an absolute path."""
        return Path(self.source).resolve()

    @property
    def header_paths(self) -> tuple[Path, ...]:
        """The headers with absolute paths."""
        return tuple(Path(header).resolve() for header in self.headers)


def _squeezed(port: ITensorType) -> ITensorType:
    """The same stream of data without its dimensions of size 1, in canonical form."""
    layout = port.layout
    keep = [dim for dim, size in enumerate(layout.data_shape) if size != 1]
    rows = [layout.map.results[dim].coefficients for dim in keep]
    constants = [layout.map.results[dim].constant for dim in keep]
    element = tuple(layout.element[dim] for dim in keep)
    amap = AffineMap.from_rows(layout.num_loops, rows, constants)
    squeezed = StreamLayout(element, layout.tripcounts, layout.steps, amap).canonical()
    return ITensorType.get(TensorType(port.scalar, element), squeezed)


def read_extern_kernels(file: Path) -> tuple[ExternKernel, ...]:
    """The kernels of a TOML file: one table with the fields of `ExternKernel`, or several as `[[extern]]`.

    Paths are relative to the file's folder. Raises UserError ST0101 when there is no such file, ST0112 when it is not
    TOML, lacks a field or has an unknown one.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("ST0101", f"there is no file {file}") from error
    except ValueError as error:
        raise UserError("ST0112", f"{file} is not TOML: {error}") from error
    tables = data.pop("extern", None)
    if tables is None:
        tables = [data]
    elif data or not isinstance(tables, list):
        raise UserError("ST0112", f"{file} has either one table, or [[extern]] tables and nothing else")
    return tuple(_from_table(table, file) for table in tables)


def _from_table(table: Mapping[str, Any], file: Path) -> ExternKernel:
    known = [one.name for one in fields(ExternKernel)]
    values = dict(table)
    if values.get("tolerance") == "none":
        values["tolerance"] = None
    for key in values:
        if key not in known:
            raise UserError("ST0112", f"{file}: no field '{key}'", hint=did_you_mean(key, known))
    missing = [key for key in ("name", "source", "function", "ins", "outs", "replaces") if key not in values]
    if missing:
        raise UserError("ST0112", f"{file}: the field {missing[0]} is missing")
    values["source"] = file.parent / str(values["source"])
    values["headers"] = [file.parent / str(header) for header in values.get("headers", ())]
    return ExternKernel(**values)
