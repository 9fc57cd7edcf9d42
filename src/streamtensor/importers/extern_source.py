# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be seen of a hand-written kernel's C++ without a compiler: that the function is there, with its ports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.importers.extern_kernel import ExternKernel

_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_DEFINITION = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_NOT_FUNCTIONS = {"if", "for", "while", "switch", "catch", "return", "sizeof"}


def check_source(kernel: ExternKernel) -> None:
    """Raises UserError ST0114 when the source or a header is missing, the function is not defined in the source, or it
    has another number of parameters than the kernel has ports.
    """
    for file in (kernel.source_path, *kernel.header_paths):
        if not file.is_file():
            raise UserError("ST0114", f"extern kernel {kernel.name}: there is no file {file}")
    if any(header.suffix in (".cpp", ".cc", ".cxx") for header in kernel.header_paths):
        raise UserError(
            "ST0114",
            f"extern kernel {kernel.name}: a header is included, so it is not called .cpp",
            hint="put the kernel into one source file",
        )
    text = _NOISE.sub(" ", kernel.source_path.read_text(encoding="utf-8", errors="replace"))
    found = list(defined_functions(text))
    mine = [parameters for name, parameters in found if name == kernel.function]
    ports = len(kernel.ins) + len(kernel.outs)
    if not mine:
        raise UserError(
            "ST0114",
            f"extern kernel {kernel.name}: {kernel.source_path} does not define {kernel.function}",
            hint=did_you_mean(kernel.function, [name for name, _ in found]),
        )
    if ports not in mine:
        raise UserError(
            "ST0114",
            f"extern kernel {kernel.name}: {kernel.function} takes {mine[0]} parameters, but the kernel has "
            f"{len(kernel.ins)} in and {len(kernel.outs)} out ports",
            hint="one hls::stream for each port, ins first",
        )


def defined_functions(text: str) -> Iterator[tuple[str, int]]:
    """(name, number of parameters) of each function with a body in C++ `text` without comments.

    >>> list(defined_functions("int f(hls::stream<hls::vector<float, 4>> &a, int b) { return g(1); } void h() {}"))
    [('f', 2), ('h', 0)]
    """
    for match in _DEFINITION.finditer(text):
        if match[1] in _NOT_FUNCTIONS:
            continue
        count, depth, position = 0, 1, match.end()
        empty = True
        while position < len(text) and depth:
            character = text[position]
            if character in "([{<":
                depth += 1
            elif character in ")]}" or (character == ">" and text[position - 1] != "-"):
                depth -= 1
            elif character == "," and depth == 1:
                count += 1
            if depth and not character.isspace():
                empty = False
            position += 1
        if text[position:].lstrip().startswith("{"):
            yield match[1], 0 if empty else count + 1
