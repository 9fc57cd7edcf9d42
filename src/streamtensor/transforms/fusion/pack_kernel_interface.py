# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""pack-kernel-interface: tensors in external memory get a tiled layout whose tile is the stream's token."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import networkx as nx

from streamtensor.algebra.external import NIBBLE_BITS, PORT_BITS, ExternalLayout, common_tile, is_run
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.tensor_ext import PackOp, UnpackOp, tensor_in
from streamtensor.ir import tensor
from streamtensor.ir.builtin import FixedBitwidthType, ModuleOp, TensorType
from streamtensor.ir.core import Attribute, Context, ModulePass, Rewriter, SSAValue
from streamtensor.transforms.fusion.external_values import (
    Flow,
    Port,
    Source,
    empty_like,
    kernels_of,
    ports_of,
    trace,
    with_boundary,
)


@dataclass(frozen=True)
class PackKernelInterfacePass(ModulePass):
    """kernel ins(x) outs(e) -> y  -->  kernel ins(pack x) outs(packed e) -> unpack y

    The tile is the token of the itensor inside, so that a token is one run of addresses: 64x64 in tokens of 16x16
    becomes 4x4x16x16. All that meet in one tensor agree on one tile, the largest that divides the token of each: the
    kernel that makes it and those that read it, also in other functions, through every call; and all that read the
    same view of a parameter. Right because pack and unpack are inverse, and the itensor inside is the same.

    Left plain are tensors for which a pack would stay in the device's code, or in the way of the host: one kernel
    makes it and another reads it through a reshape that changes it; a function of the host reads the same parameter
    as it is; a token straddles every tile (windows that overlap); tokens are runs of addresses already and their
    rows fill a port of `port_bits`; numbers are neither whole bytes nor half ones.
    """

    name = "pack-kernel-interface"

    port_bits: int = PORT_BITS

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        tiles = _Agreement(op, self.port_bits).tiles()
        for kernel in list(kernels_of(op)):
            _pack(kernel, {port.number: tile for port, tile in tiles.items() if port.kernel is kernel})


@dataclass
class _Agreement:
    """Which ports share a tensor, and the tile of each."""

    module: ModuleOp
    port_bits: int
    ports: list[Port] = field(default_factory=list[Port])
    plain: set[Port] = field(default_factory=set[Port])

    def tiles(self) -> dict[Port, tuple[int, ...]]:
        """The tile of every port that is packed."""
        self.ports = [port for kernel in kernels_of(self.module) for port in ports_of(kernel)]
        made = {port.value: port for port in self.ports if port.is_result}
        shared: nx.Graph[Port | tuple[object, ...]] = nx.Graph()
        shared.add_nodes_from(self.ports)
        flow = Flow(self.module)
        for port in self.ports:
            if not _may_be_packed(port):
                self.plain.add(port)
            if port.is_result:
                continue
            root, views = trace(port.value)
            shared.add_edge(port, ("view", root, tuple(_signature(view) for view in views)))
            for source in flow.sources(port.value):
                self._connect(shared, port, source, made, flow)
        found: dict[Port, tuple[int, ...]] = {}
        for group in nx.connected_components(shared):
            ports = [port for port in self.ports if port in group]
            tile = None if any(port in self.plain for port in ports) else _tile(ports, self.port_bits)
            if tile is not None:
                found |= dict.fromkeys(ports, tile)
        return found

    def _connect(
        self,
        shared: nx.Graph[Port | tuple[object, ...]],
        port: Port,
        source: Source,
        made: dict[SSAValue, Port],
        flow: Flow,
    ) -> None:
        writer = made.get(source.root)
        if writer is not None:
            shared.add_edge(port, writer)
            if not source.is_whole:
                self.plain.add(port)
        elif flow.is_read_by_host(source.root):
            self.plain.add(port)


def _may_be_packed(port: Port) -> bool:
    type = port.value.type
    assert isinstance(type, TensorType)
    if port.is_result and not isinstance(port.kernel.outs[port.number - len(port.kernel.ins)].owner, tensor.EmptyOp):
        return False
    scalar = type.element_type
    return (
        len(type.get_shape()) > 0
        and isinstance(scalar, FixedBitwidthType)
        and (scalar.bitwidth % 8 == 0 or scalar.bitwidth == NIBBLE_BITS)
    )


def _tile(ports: list[Port], port_bits: int) -> tuple[int, ...] | None:
    layouts = [port.itensor.layout for port in ports if port.itensor is not None]
    if len({layout.rank for layout in layouts}) != 1:
        return None
    tile = common_tile(layouts)
    if tile is None or (
        is_run(tile, layouts[0].data_shape) and (prod(tile[:-1]) == 1 or _row_bits(ports, tile) >= port_bits)
    ):
        return None
    return tile


def _row_bits(ports: list[Port], tile: tuple[int, ...]) -> int:
    """Bits of a tile's row, which is the longest word of a plain tensor."""
    return max(port.itensor.scalar_bits * tile[-1] for port in ports if port.itensor is not None)


def _signature(view: object) -> tuple[object, ...]:
    assert isinstance(view, tensor.ExpandShapeOp | tensor.CollapseShapeOp | tensor.ExtractSliceOp)
    return (view.name, view.results[0].type, tuple(sorted(view.properties.items(), key=lambda item: item[0])))


def _pack(kernel: KernelOp, tiles: dict[int, tuple[int, ...]]) -> None:
    if not tiles:
        return
    ins = list(kernel.ins)
    for number in [n for n in tiles if n < len(ins)]:
        pack = PackOp(ins[number], tiles[number])
        assert kernel.parent is not None
        kernel.parent.insert_op_before(pack, kernel)
        ins[number] = pack.result
    outs = list(kernel.outs)
    plain: dict[int, TensorType[Attribute]] = {}
    empties: list[SSAValue] = []
    for number, dest in enumerate(outs):
        tile = tiles.get(len(ins) + number)
        if tile is not None:
            assert isinstance(dest.type, TensorType)
            plain[number] = dest.type
            packed = tensor_in(dest.type.element_type, dest.type.get_shape(), ExternalLayout(tile))
            outs[number] = empty_like(dest, packed).tensor
            empties.append(dest)

    def back(number: int, result: SSAValue) -> SSAValue:
        if number not in plain:
            return result
        unpack = UnpackOp(result, plain[number])
        assert isinstance(result.owner, KernelOp)
        assert result.owner.parent is not None
        result.owner.parent.insert_op_after(unpack, result.owner)
        return unpack.result

    with_boundary(kernel, ins, outs, back)
    erase_unused(empties)


def erase_unused(empties: list[SSAValue]) -> None:
    """Removes empty tensors that nothing fills any more."""
    for empty in empties:
        if isinstance(empty.owner, tensor.EmptyOp) and not empty.uses:
            Rewriter.erase_op(empty.owner)
