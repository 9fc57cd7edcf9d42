# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host program that generates: both programs of a language model, and the KV cache between them, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from streamtensor.codegen.host.packed import PackedParameter
from streamtensor.codegen.host.program import Program
from streamtensor.codegen.host.xrt import SUPPORT, quoted
from streamtensor.diagnostics import InternalError

_MARK = "// @TABLES@\n"
_TYPES = {"float32": "float", "int32": "int32_t", "int64": "int64_t"}


def emit_generate(prefill: Program, decode: Program, end_tokens: Sequence[int]) -> dict[str, str]:
    """`host/generate.cpp` and its Makefile, relative to the folder that has the programs `prefill` and `decode`.

    prefill takes ids [1, prompt length] and the last position, decode takes ids [1, 1], a position and the kept inputs
    [1, heads, context, width]; both give logits first, then for each kept input new rows of it.
    """
    text = (SUPPORT / "generate.cpp").read_text(encoding="utf-8")
    tables = "\n".join(_Tables(prefill, decode).lines(end_tokens)) + "\n"
    makefile = (SUPPORT / "Makefile").read_text(encoding="utf-8")
    return {"host/generate.cpp": text.replace(_MARK, tables), "host/Makefile": makefile}


class _Tables:
    """What generate.cpp has to know of two programs beside their launch lists."""

    def __init__(self, prefill: Program, decode: Program) -> None:
        self._prefill, self._decode = prefill, decode
        self._packed = {packed.name: packed for packed in decode.packed}
        self._layouts: dict[PackedParameter, int] = {}  # without their tensors: those of all layers are equal
        self._forms: dict[str, list[str]] = {}
        numbers = {buffer.name: number for number, buffer in enumerate(decode.buffers)}
        for port in decode.cache:
            packed = self._packed.get(port.name)
            tensor = packed.parameter if packed is not None else port.name
            layout = packed or PackedParameter(tensor, 0, (math.prod(self._shape(tensor)),), (1,))
            layout = PackedParameter("", layout.offset, layout.shape, layout.strides)
            number = self._layouts.setdefault(layout, len(self._layouts))
            self._forms.setdefault(tensor, []).append(f"{{{numbers[port.buffer]}, {number}}}")

    def lines(self, end_tokens: Sequence[int]) -> Iterator[str]:
        """The tables as C++."""
        prefill, decode = self._prefill, self._decode
        inputs = [program.buffer(port.buffer) for program in (prefill, decode) for port in program.inputs[:2]]
        logits = [program.buffer(program.outputs[0].buffer) for program in (prefill, decode)]
        yield f"using Id = {_common_type([buffer.dtype for buffer in inputs])};"
        yield f"using Logit = {_common_type([buffer.dtype for buffer in logits])};"
        yield f"constexpr size_t kPromptLength = {math.prod(inputs[0].shape)};"
        yield f"constexpr int64_t kContext = {self._shape(next(iter(self._forms)))[2]};"
        yield f"constexpr int64_t kVocabulary = {math.prod(logits[1].shape)};"
        yield f"const std::vector<int64_t> kEndTokens = {{{_list(end_tokens)}}};"
        yield "const std::vector<Layout> kLayouts = {"
        for layout in self._layouts:
            yield f"    {{{layout.offset}, {{{_list(layout.shape)}}}, {{{_list(layout.strides)}}}}},"
        yield "};"
        yield "const std::vector<Tensor> kCache = {"
        outputs = {port.name: number for number, port in enumerate(decode.outputs)}
        for tensor, forms in self._forms.items():
            _, heads, _, width = self._shape(tensor)
            number = outputs[tensor]
            yield (
                f"    {{{number}, {heads}, {width}, {self._number_bytes(tensor, number)}, "
                f"{{{', '.join(forms)}}}}},  // {quoted(tensor)}"
            )
        yield "};"

    def _shape(self, tensor: str) -> tuple[int, ...]:
        port = next(port for port in self._decode.inputs if port.name == tensor)
        return self._decode.buffer(port.buffer).shape

    def _number_bytes(self, tensor: str, output: int) -> int:
        """Bytes of a number, the same in the rows of both programs and in each form of the cache."""
        cache = [port.buffer for port in self._decode.cache if self._tensor_of(port.name) == tensor]
        buffers = [
            self._prefill.buffer(self._prefill.outputs[output].buffer),
            self._decode.buffer(self._decode.outputs[output].buffer),
            *(self._decode.buffer(name) for name in cache),
        ]
        sizes = {(buffer.dtype, buffer.size_bytes // math.prod(buffer.shape)) for buffer in buffers}
        if len(sizes) != 1:
            raise InternalError(f"{tensor} has several types in the programs and the cache: {sorted(sizes)}")
        return sizes.pop()[1]

    def _tensor_of(self, stored: str) -> str:
        packed = self._packed.get(stored)
        return packed.parameter if packed is not None else stored


def _common_type(dtypes: Sequence[str]) -> str:
    if len(set(dtypes)) != 1 or dtypes[0] not in _TYPES:
        raise InternalError(f"prefill and decode should have one type of ids and one of logits, not {dtypes}")
    return _TYPES[dtypes[0]]


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
