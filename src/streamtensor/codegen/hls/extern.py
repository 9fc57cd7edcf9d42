# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C++ side of hand-written kernels: the function that one has to define, and where its source is put."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from streamtensor.codegen.hls.body import Body
from streamtensor.codegen.hls.types import type_name
from streamtensor.codegen.hls.writer import Writer, function_head
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType, StreamType
from streamtensor.ir.core import Attribute
from streamtensor.ir.locations import location, location_text

FOLDER = "extern"
"""The folder below hls/ that holds the user's sources, a folder for each."""

STACK_BYTES = 1 << 20
"""Stack for the local arrays of a hand-written function, besides the memory that the user says it takes."""


def extern_stack_bytes(op: ExternKernelOp) -> int:
    """Stack that C simulation gives the function."""
    return STACK_BYTES + op.memory_bits // 8


def extern_prototype(op: ExternKernelOp) -> str:
    """The declaration of the function behind `op`, without a semicolon."""
    return prototype(op.function.data, op.vector_ports)


def emit_extern_task(out: Writer, op: ExternKernelOp, function: str, top: Body) -> list[str]:
    """Writes the static function `function`, which calls the user's; returns the names of its FIFOs."""
    fifos = [top.streams[value] for value in op.operands]
    declarations: list[str] = []
    for value, name in zip(op.operands, fifos, strict=True):
        assert isinstance(value.type, StreamType)
        declarations.append(f"{stream_type(value.type.element)} &{name}")
    place = location_text(op)
    out.line(f"// By hand: {op.function.data} of {Path(op.source.data).name}" + (f", for {place}" if place else ""))
    with out.block(function_head(f"static void {function}", declarations)):
        out.line(f"{op.function.data}({', '.join(fifos)});")
    out.line()
    return fifos


def stream_type(element: Attribute) -> str:
    """The C++ type of a FIFO with such tokens."""
    return f"hls::stream<{type_name(element)}>"


def prototype(function: str, ports: Sequence[ITensorType]) -> str:
    """The declaration of a kernel's function, without a semicolon; `ports` have vectors as tokens, ins first."""
    return function_head(f"void {function}", [f"{stream_type(port.element)} &port{n}" for n, port in enumerate(ports)])


def source_files(kernels: Iterable[ExternKernelOp]) -> dict[str, str]:
    """Path below hls/ -> text of each source and header of `kernels`, every source in a folder of its own.

    Raises UserError ST0114 when a file can't be read.
    """
    files: dict[str, str] = {}
    folders = source_folders(kernels)
    for kernel in kernels:
        folder = folders[kernel.source.data]
        for number, name in enumerate((kernel.source.data, *kernel.header_files)):
            file = Path(name)
            target = copied_name(folder, file) if number == 0 else f"{FOLDER}/{folder}/{file.name}"
            try:
                files[target] = file.read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                message = f"extern kernel {kernel.task_name}: {file} can't be read: {error}"
                raise UserError("ST0114", message, location=location(kernel)) from error
    return files


def source_folders(kernels: Iterable[ExternKernelOp]) -> dict[str, str]:
    """For each source file the folder below hls/extern/ that it is copied to."""
    folders: dict[str, str] = {}
    for kernel in kernels:
        source = kernel.source.data
        if source not in folders:
            stem = Path(source).stem
            taken = [folder for folder in folders.values() if folder == stem or folder.startswith(f"{stem}_")]
            folders[source] = f"{stem}_{len(taken)}" if taken else stem
    return folders


def copied_name(folder: str, source: Path) -> str:
    """Path below hls/ of the copy of a source; whatever its suffix was, it is one of C++ now."""
    return f"{FOLDER}/{folder}/{source.stem}.cpp"
