# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert-tensor-to-kernel: paddings and concatenations become kernels that pass tokens on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import (
    ITensorEmptyOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.ir import arith, func, linalg, tensor
from streamtensor.ir.builtin import AffineMapAttr, DenseArrayBase, ModuleOp, TensorType
from streamtensor.ir.core import AffineMap as IRAffineMap
from streamtensor.ir.core import Attribute, Block, Context, ModulePass, Operation, Region, Rewriter, SSAValue
from streamtensor.ir.locations import copy_location, location
from streamtensor.transforms.build import (
    IndexConstants,
    NestBody,
    UniqueNames,
    build_nest,
    insert_slice,
    is_device,
    loop_pairs,
    source_hint,
)
from streamtensor.transforms.tiling.axes import padding, shape_of
from streamtensor.transforms.tiling.default_tiling import ORDER, TILE, padded_row


@dataclass(frozen=True)
class ConvertTensorToKernelPass(ModulePass):
    """y = pad x  -->  kernel { task { for rows above { write constant }; for rows { write(constant with read x in it) }
    ; for rows below { write constant } } }
    y = concat(a, b)  -->  kernel { task { for tokens of a { write(read a) }; for those of b { write(read b) } } }

    The tokens of the result are made one range of a loop after the other. A padding fills whole tokens along the padded
    dimension that is outermost in `dataflow.order`; along the others the token of the source is put into a larger one.
    `dataflow.tile` are the tiles of the source for a padding, and of the result for a concatenation. Right because both
    only say which element of the result is which element of a source, or the constant.

    Raises UserError ST0104 for a padding whose value or size is computed.
    """

    name = "convert-tensor-to-kernel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                names = UniqueNames()
                for inner in list(function.body.block.ops):
                    if isinstance(inner, tensor.PadOp):
                        _Pad(inner).convert(names.of("pad"))
                    elif isinstance(inner, tensor.ConcatOp):
                        _convert_concat(inner, names.of("concat"))


@dataclass(frozen=True)
class _Nest:
    """The loops over the tiles of a tensor: (tripcount, step) of each dimension, and which loop is outside of which."""

    shape: tuple[int, ...]
    tiles: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def layout(self) -> StreamLayout:
        """The stream order of the tiles."""
        loops = [(self.shape[dim] // self.tiles[dim], self.tiles[dim]) for dim in self.order]
        map = AffineMap.select(len(loops), [self.order.index(dim) for dim in range(len(self.shape))])
        return StreamLayout(self.tiles, tuple(t for t, _ in loops), tuple(s for _, s in loops), map).canonical()

    def itensor(self, scalar: Attribute) -> ITensorType:
        """The itensor type of the tiles."""
        return ITensorType.get(TensorType(scalar, self.tiles), self.layout)

    def outside(self, dim: int) -> list[tuple[int, int]]:
        """The loops around that of `dim`."""
        return self._loops(self.order[: self.order.index(dim)])

    def inside(self, dim: int) -> list[tuple[int, int]]:
        """The loops within that of `dim`."""
        return self._loops(self.order[self.order.index(dim) + 1 :])

    def _loops(self, dims: Sequence[int]) -> list[tuple[int, int]]:
        return [(self.shape[dim] // self.tiles[dim], self.tiles[dim]) for dim in dims]


def _nest_of(op: Operation, shape: tuple[int, ...]) -> _Nest:
    tiles, order = (_integers(op, name) for name in (TILE, ORDER))
    if sorted(order) != list(range(len(shape))) or len(tiles) != len(shape):
        raise UserError(
            "ST0306",
            f"{op.name}: {ORDER} {order} and {TILE} {tiles} do not name its {len(shape)} dimensions",
            location=location(op),
        )
    for dim, (extent, tile) in enumerate(zip(shape, tiles, strict=True)):
        if tile < 1 or extent % tile:
            raise UserError(
                "ST0306",
                f"{op.name}: tile {tile} does not divide dimension {dim} of {extent}",
                location=location(op),
                hint="choose a divisor",
            )
    return _Nest(shape, tuple(tiles), tuple(order))


def _integers(op: Operation, name: str) -> list[int]:
    attribute = op.attributes.get(name)
    if not isinstance(attribute, DenseArrayBase):
        raise UserError("ST0306", f"{op.name}: {name} is missing", location=location(op))
    return [int(n) for n in attribute.get_values()]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]


class _Pad:
    """The conversion of one padding."""

    def __init__(self, op: tensor.PadOp) -> None:
        self.op = op
        self.value = _constant_of(op)
        self.sizes = padding(op)
        assert isinstance(op.result.type, TensorType)
        self.scalar = op.result.type.element_type
        self.source = _nest_of(op, shape_of(op.source))
        self.row = padded_row(self.sizes, self.source.order)
        self._check()
        tiles = tuple(
            tile if dim == self.row else tile + low + high
            for dim, (tile, (low, high)) in enumerate(zip(self.source.tiles, self.sizes, strict=True))
        )
        self.result = replace(self.source, shape=shape_of(op.result), tiles=tiles)

    def _check(self) -> None:
        tiles, extents = self.source.tiles, self.source.shape
        for dim, (low, high) in enumerate(self.sizes):
            if dim == self.row and (low % tiles[dim] or high % tiles[dim]):
                fault = f"tile {tiles[dim]} does not divide the padding of {low} and {high}"
            elif dim != self.row and (low or high) and tiles[dim] != extents[dim]:
                fault = "a padded dimension has to be one tile, except the outermost one"
            else:
                continue
            raise UserError("ST0306", f"tensor.pad: dimension {dim}: {fault}", location=location(self.op))

    def convert(self, name: str) -> None:
        """Replaces the padding by a kernel."""
        types = [self.source.itensor(self.scalar), self.result.itensor(self.scalar)]
        body = Block(arg_types=types)
        body.args[0].name_hint = source_hint(self.op.source)
        block = Block(arg_types=types[1:])
        constants = IndexConstants(block)
        above, below = self.sizes[self.row]
        empty_row = self._filled(block) if above or below else None
        frame = self._filled(block) if self.result.tiles != self.source.tiles else None
        inner = [low if dim != self.row else 0 for dim, (low, _) in enumerate(self.sizes)]

        def fill(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            assert empty_row is not None
            write = ITensorWriteOp(empty_row, carried[0])
            block.add_op(write)
            return [write.result]

        def copy(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            token = ITensorReadOp(body.args[0])
            block.add_op(token)
            value = token.result
            if frame is not None:
                insert = insert_slice(value, frame, [constants[offset] for offset in inner])
                block.add_op(insert)
                value = insert.result
            write = ITensorWriteOp(value, carried[0])
            block.add_op(write)
            return [write.result]

        def rows(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            tile = self.source.tiles[self.row]
            for count, what in ((above, fill), (self.source.shape[self.row], copy), (below, fill)):
                if count:
                    loops = [(count // tile, tile), *self.source.inside(self.row)]
                    carried = build_nest(block, constants, loops, carried, what)
            return carried

        results = build_nest(block, constants, self.source.outside(self.row), list(block.args), rows)
        _replace(self.op, name, [self.op.source], body, block, results)

    def _filled(self, block: Block) -> SSAValue:
        """A token of the result that holds the constant."""
        type = TensorType(self.scalar, self.result.tiles)
        empty = tensor.EmptyOp([], type)
        inner = Block(arg_types=[self.scalar])
        constant = self.value.clone()
        inner.add_ops([constant, linalg.YieldOp(constant.result)])
        rank = len(self.result.tiles)
        made = linalg.GenericOp(
            [],
            [empty.tensor],
            Region(inner),
            [AffineMapAttr(IRAffineMap.identity(rank))],
            [linalg.IteratorTypeAttr(linalg.IteratorType.PARALLEL)] * rank,
            [type],
        )
        block.add_ops([empty, made])
        return made.results[0]


def _constant_of(op: tensor.PadOp) -> arith.ConstantOp:
    last = op.region.block.last_op
    assert isinstance(last, tensor.YieldOp)
    value = last.operands[0].owner
    if not isinstance(value, arith.ConstantOp) or op.low or op.high:
        raise UserError(
            "ST0104",
            "tensor.pad with a value or a size that is computed can't become a kernel",
            location=location(op),
            hint="pad by a constant",
        )
    return value


def _convert_concat(op: tensor.ConcatOp, name: str) -> None:
    result = _nest_of(op, shape_of(op.result))
    joined = op.dim.value.data
    assert isinstance(op.result.type, TensorType)
    scalar = op.result.type.element_type
    nests = [replace(result, shape=shape_of(value)) for value in op.inputs]
    for nest in nests:
        if nest.shape[joined] % result.tiles[joined]:
            raise UserError(
                "ST0306",
                f"tensor.concat: tile {result.tiles[joined]} does not divide a piece of {nest.shape[joined]}",
                location=location(op),
                hint="choose a common divisor of the pieces",
            )
    out_type = result.itensor(scalar)
    ins = list(dict.fromkeys(op.inputs))
    body = Block(arg_types=[*(nests[list(op.inputs).index(value)].itensor(scalar) for value in ins), out_type])
    for value, argument in zip(ins, body.args, strict=False):
        argument.name_hint = source_hint(value)
    streams: list[SSAValue] = []
    for number, value in enumerate(op.inputs):
        stream = body.args[ins.index(value)]
        streams.append(_copy(body, f"copy_{number}", stream) if stream in streams else stream)
    block = Block(arg_types=[out_type])
    constants = IndexConstants(block)

    def pieces(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        tile = result.tiles[joined]
        for stream, nest in zip(streams, nests, strict=True):
            loops = [(nest.shape[joined] // tile, tile), *nest.inside(joined)]
            carried = build_nest(block, constants, loops, carried, _passing(stream))
        return carried

    results = build_nest(block, constants, result.outside(joined), list(block.args), pieces)
    _replace(op, name, ins, body, block, results)


def _passing(stream: SSAValue) -> NestBody:
    """The body of a loop nest that passes on the tokens of `stream`."""

    def copy(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
        token = ITensorReadOp(stream)
        write = ITensorWriteOp(token.result, carried[0])
        block.add_ops([token, write])
        return [write.result]

    return copy


def _copy(body: Block, name: str, stream: SSAValue) -> SSAValue:
    """A stream of its own with the tokens of `stream`: a task reads each stream once."""
    assert isinstance(stream.type, ITensorType)
    empty = ITensorEmptyOp(stream.type)
    block = Block(arg_types=[stream.type])
    loops = loop_pairs(stream.type.layout)
    block.add_op(YieldOp(*build_nest(block, IndexConstants(block), loops, list(block.args), _passing(stream))))
    task = TaskOp(name, [empty.result], Region(block))
    body.add_ops([empty, task])
    return task.results_[0]


def _replace(
    op: tensor.PadOp | tensor.ConcatOp,
    name: str,
    ins: Sequence[SSAValue],
    body: Block,
    block: Block,
    results: Sequence[SSAValue],
) -> None:
    """Puts a kernel with one task, whose body is `block`, in the place of `op`."""
    block.add_op(YieldOp(*results))
    task = TaskOp(name, [body.args[-1]], Region(block))
    body.add_ops([task, YieldOp(*task.results_)])
    empty = tensor.EmptyOp([], op.result.type)
    kernel = KernelOp(name, ins, [empty.tensor], Region(body))
    copy_location(op, [empty, kernel, task])
    kernel.results_[0].name_hint = op.result.name_hint
    Rewriter.replace_op(op, [empty, kernel], [kernel.results_[0]])
