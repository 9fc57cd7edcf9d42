# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""widen-kernel-interface: the elements of tensors in external memory become words as wide as a port."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.external import NIBBLE_BITS, PORT_BITS, ExternalLayout, port_word
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.tensor_ext import PackOp, UnpackOp, UnwidenOp, WidenOp, layout_of, wide_type
from streamtensor.ir import tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Context, ModulePass, SSAValue
from streamtensor.transforms.fusion.external_values import (
    VIEWS,
    Port,
    empty_like,
    kernels_of,
    ports_of,
    strided_view,
    trace,
    with_boundary,
)
from streamtensor.transforms.fusion.pack_kernel_interface import erase_unused

_MEMORY_BITS = (NIBBLE_BITS, 8, 16, 32, 64)


@dataclass(frozen=True)
class WidenKernelInterfacePass(ModulePass):
    """kernel ins(x) outs(e) -> y  -->  kernel ins(widen x) outs(wide e) -> unwiden y

    The word of a packed tensor is a part of its tile, as wide as the port: the vector of a FIFO of `fifo_bits` where
    that fills the port, so that a DMA moves one word for each token; 4x4x16x16 of i8 becomes 4x4x4x4 of vector<4x16xi8>
    (4x4x2x2 of vector<8x8xi8> when FIFOs are narrower than the port). A tensor that is not packed
    has words along its last dimension, where they are runs of addresses already: that is a view. A
    token narrower than the port gives narrower words. Right because widen and unwiden are inverse.
    """

    name = "widen-kernel-interface"

    port_bits: int = PORT_BITS
    fifo_bits: int = 512

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in list(kernels_of(op)):
            words: dict[int, tuple[int, ...]] = {}
            for port in ports_of(kernel):
                vector = self._word(port)
                if vector is not None and prod(vector) > 1:
                    words[port.number] = vector
            _widen(kernel, words)

    def _word(self, port: Port) -> tuple[int, ...] | None:
        type, itensor = port.value.type, port.itensor
        assert isinstance(type, TensorType)
        assert itensor is not None
        layout = itensor.layout
        if itensor.scalar_bits not in _MEMORY_BITS or layout.rank == 0:
            return None
        external = layout_of(type, layout.rank)
        if external.vector is not None:
            return None
        if external.tile is not None:
            return port_word(external.tile, self.port_bits, self.fifo_bits, itensor.scalar_bits)
        if port.is_result and not isinstance(_dest(port).owner, tensor.EmptyOp):
            return None
        row = (*[1] * (layout.rank - 1), layout.element[-1])
        vector = port_word(row, self.port_bits, self.fifo_bits, itensor.scalar_bits)
        try:
            words = ExternalLayout(None, vector)
            words.shape(type.get_shape())
            words.words(layout)
        except LayoutError:
            return None  # tokens that start inside a word
        return vector if _is_aligned(port.value, vector[-1]) else None


def _dest(port: Port) -> SSAValue:
    return port.kernel.outs[port.number - len(port.kernel.ins)]


def _is_aligned(value: SSAValue, lanes: int) -> bool:
    """Whether runs of `lanes` elements along the last dimension are words in memory, wherever the view starts."""
    root, chain = trace(value, (*VIEWS, PackOp, UnpackOp, WidenOp, UnwidenOp))
    views = [op for op in chain if isinstance(op, VIEWS)]
    if len(views) != len(chain):
        return False
    layout = strided_view(root, views)
    if layout is None:
        return False
    outer = [stride for size, stride in zip(layout.shape[:-1], layout.strides[:-1], strict=True) if size != 1]
    return layout.strides[-1] == 1 and all(stride % lanes == 0 for stride in (*outer, layout.offset))


def _widen(kernel: KernelOp, words: dict[int, tuple[int, ...]]) -> None:
    if not words:
        return
    ins = list(kernel.ins)
    for number in [n for n in words if n < len(ins)]:
        widen = WidenOp(ins[number], words[number])
        assert kernel.parent is not None
        kernel.parent.insert_op_before(widen, kernel)
        ins[number] = widen.result
    outs = list(kernel.outs)
    empties: list[SSAValue] = []
    wide: set[int] = set()
    for number, dest in enumerate(outs):
        vector = words.get(len(ins) + number)
        if vector is not None:
            assert isinstance(dest.type, TensorType)
            outs[number] = empty_like(dest, wide_type(dest.type, vector)).tensor
            empties.append(dest)
            wide.add(number)

    def back(number: int, result: SSAValue) -> SSAValue:
        if number not in wide:
            return result
        unwiden = UnwidenOp(result)
        assert isinstance(result.owner, KernelOp)
        assert result.owner.parent is not None
        result.owner.parent.insert_op_after(unwiden, result.owner)
        return unwiden.result

    with_boundary(kernel, ins, outs, back)
    erase_unused(empties)
