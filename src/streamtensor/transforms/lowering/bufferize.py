# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bufferize: tensors become memrefs, in place."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.tensor_ext import CropOp, ExtendOp, PackOp, UnpackOp, UnwidenOp, WidenOp
from streamtensor.ir import func, linalg, memref, tensor
from streamtensor.ir.builtin import ArrayAttr, DictionaryAttr, MemRefType, ModuleOp, StringAttr, TensorType
from streamtensor.ir.core import (
    Attribute,
    Block,
    BlockArgument,
    Context,
    ModulePass,
    Operation,
    Region,
    Rewriter,
    SSAValue,
)
from streamtensor.ir.locations import copy_location, location
from streamtensor.transforms.build import IndexConstants, build_nest
from streamtensor.transforms.lowering.kernel_buffers import bufferize_kernel
from streamtensor.transforms.lowering.layout_changes import (
    CHANGES,
    check_host,
    first_part,
    has_words,
    numbers_of,
    tiles_of,
    view_as_numbers,
    view_as_words,
    words_of,
)
from streamtensor.transforms.lowering.views import Strided, memref_type, reinterpret, strided_of, view_layout

RESULT = "dataflow.result"
RESHAPES = (tensor.ExpandShapeOp, tensor.CollapseShapeOp)
VIEWS = (*RESHAPES, tensor.ExtractSliceOp)


@dataclass(frozen=True)
class BufferizePass(ModulePass):
    """%y = op(%x) into %dest : tensor  -->  op(%x) into %dest : memref

    Every operation that gives a tensor names the destination that it fills, so the result *is* the destination: an
    empty tensor becomes a buffer, a chain of updates one buffer. A function takes its results as trailing arguments
    (`dataflow.result`), and a result that a kernel or a call makes is written there directly. Views become
    `memref.reinterpret_cast`.

    Right because destinations are not shared: an empty tensor that several operations fill is made anew for each first,
    and a destination that is still needed elsewhere is copied first.
    """

    name = "bufferize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in [f for f in op.ops if isinstance(f, func.FuncOp)]:
            _own_destinations(function)
            _Function(function).rebuild()


def _own_destinations(function: func.FuncOp) -> None:
    """One empty tensor for each operation that fills it."""
    for empty in [e for e in function.walk() if isinstance(e, tensor.EmptyOp)]:
        uses = list(empty.tensor.uses)
        if not uses:
            Rewriter.erase_op(empty)
        for use in uses[1:]:
            copy = empty.clone()
            parent = empty.parent
            assert parent is not None
            parent.insert_op_after(copy, empty)
            use.operation.operands[use.index] = copy.tensor


def _buffer_type(type: Attribute) -> Attribute:
    if not isinstance(type, TensorType):
        return type
    return memref_type(type.element_type, Strided.contiguous(type.get_shape()))


def _root(value: SSAValue) -> tuple[SSAValue, bool]:
    """The value whose buffer `value` is, and whether only reshapes stand between."""
    while True:
        owner = value.owner
        if isinstance(owner, (*RESHAPES, UnwidenOp)):
            value = owner.operands[0]
        elif isinstance(owner, KernelOp):
            value = owner.outs[list(owner.results_).index(value)]  # pyright: ignore[reportArgumentType]
        elif isinstance(owner, linalg.GenericOp):
            dest = owner.outputs[list(owner.results).index(value)]  # pyright: ignore[reportArgumentType]
            if not _may_overwrite(dest):
                return value, False
            value = dest
        else:
            return value, isinstance(owner, tensor.EmptyOp | func.CallOp | UnpackOp | ExtendOp)


def _may_overwrite(dest: SSAValue) -> bool:
    """Whether nobody else needs what is in the buffer of `dest`: no other use, and not the caller's data."""
    while len(list(dest.uses)) == 1:
        if not isinstance(dest.owner, VIEWS):
            return not isinstance(dest, BlockArgument)
        dest = dest.owner.operands[0]
    return False


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor."""
    assert isinstance(value.type, TensorType)
    return tuple(value.type.get_shape())


@dataclass
class _Function:
    """The bufferisation of one function: its block is built anew, kernels are changed in place."""

    function: func.FuncOp
    values: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    bound: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    block: Block = field(default_factory=Block)

    def rebuild(self) -> None:
        old = self.function.body.block
        arguments = [_buffer_type(argument.type) for argument in old.args]
        results = [_buffer_type(type) for type in self.function.function_type.outputs]
        self.block = Block(arg_types=[*arguments, *results])
        for before, after in zip(old.args, self.block.args, strict=False):
            after.name_hint = before.name_hint
            self.values[before] = after
        last = old.last_op
        assert isinstance(last, func.ReturnOp)
        for value, out in zip(last.arguments, self.block.args[len(arguments) :], strict=True):
            root, fresh = _root(value)
            if fresh and root not in self.bound:
                self.bound[root] = out
        self.constants = IndexConstants(self.block)
        for op in list(old.ops):
            self._op(op)
        region = Region(self.block)
        function = func.FuncOp(
            self.function.sym_name.data,
            ([*arguments, *results], []),
            region,
            self.function.sym_visibility,
            arg_attrs=self._argument_attributes(len(arguments), len(results)),
        )
        function.attributes = dict(self.function.attributes)
        parent = self.function.parent
        assert parent is not None
        parent.insert_op_before(function, self.function)
        self.function.detach()
        self.function.drop_all_references()
        self.function.erase(safe_erase=False)

    def _argument_attributes(self, inputs: int, results: int) -> ArrayAttr[DictionaryAttr]:
        given = self.function.arg_attrs
        attributes = list(given) if given is not None else [DictionaryAttr({})] * inputs
        names = self.function.res_attrs
        for number in range(results):
            mine = dict(names.data[number].data) if names is not None else {}
            name = mine.pop("dataflow.name", StringAttr(f"output_{number}"))
            attributes.append(DictionaryAttr({RESULT: name, **mine}))
        return ArrayAttr(attributes)

    def _op(self, op: Operation) -> None:
        if isinstance(op, tensor.EmptyOp):
            self.values[op.tensor] = self._destination(op.tensor)
        elif isinstance(op, CHANGES):
            self._change(op)
        elif isinstance(op, VIEWS):
            source = self.values[op.operands[0]]
            cast = reinterpret(source, view_layout(op, strided_of(source.type)))
            self.block.add_op(cast)
            self.values[op.results[0]] = cast.result
        elif isinstance(op, KernelOp):
            kernel = bufferize_kernel(op, [self.values[v] for v in op.ins], [self.values[v] for v in op.outs])
            self.block.add_op(kernel)
            self.values.update(zip(op.results_, kernel.outs, strict=True))
        elif isinstance(op, linalg.GenericOp):
            self._generic(op)
        elif isinstance(op, func.CallOp):
            results = [self._destination(result) for result in op.results]
            self.values.update(zip(op.results, results, strict=True))
            self.block.add_op(func.CallOp(op.callee, [*(self.values[v] for v in op.arguments), *results], []))
        elif isinstance(op, func.ReturnOp):
            outs = self.block.args[len(self.function.function_type.inputs) :]
            for value, out in zip(op.arguments, outs, strict=True):
                if self.bound.get(_root(value)[0]) is not out:
                    self._copy(self.values[value], out, op)
            self.block.add_op(func.ReturnOp())
        elif any(isinstance(result.type, TensorType) for result in op.results):
            raise UserError("ST0306", f"{op.name} can't be given a buffer", location=location(op))
        else:
            copy = op.clone(self.values)
            self.block.add_op(copy)

    def _destination(self, value: SSAValue) -> SSAValue:
        """A new buffer for `value`, or the result argument that it becomes."""
        type = _buffer_type(value.type)
        assert isinstance(type, MemRefType)
        out = self.bound.get(value)
        if out is None:
            alloc = memref.AllocOp([], [], type)
            if isinstance(value.owner, func.CallOp):
                alloc.memref.name_hint = value.name_hint
            self.block.add_op(alloc)
            return alloc.memref
        if out.type == type:
            return out
        if has_words(type):
            return words_of(self.block, out, type)
        cast = reinterpret(out, strided_of(type))
        self.block.add_op(cast)
        return cast.result

    def _generic(self, op: linalg.GenericOp) -> None:
        """A linalg operation of the host, on buffers."""
        inputs = [self.values.get(value, value) for value in op.inputs]
        outputs: list[SSAValue] = []
        for dest in op.outputs:
            buffer = self.values[dest]
            if not _may_overwrite(dest):
                fresh = self._destination(dest)
                self._copy(buffer, fresh, op)
                buffer = fresh
            outputs.append(buffer)
        body = Region()
        op.body.clone_into(body, value_mapper=self.values)
        generic = linalg.GenericOp(inputs, outputs, body, op.indexing_maps, op.iterator_types)
        copy_location(op, [generic])
        self.block.add_op(generic)
        for extract in [e for e in generic.walk() if isinstance(e, tensor.ExtractOp)]:
            Rewriter.replace_op(extract, memref.LoadOp.get(extract.tensor, list(extract.indices)))
        self.values.update(zip(op.results, outputs, strict=True))

    def _change(self, op: Operation) -> None:
        """A change of layout: a view on the device, a copy on the host that the return or `unpack` makes."""
        source = self.values[op.operands[0]]
        match op:
            case PackOp():
                check_host(op, self._is_host)
                self.values[op.result] = tiles_of(self.block, source, op.tile)
            case WidenOp() if self._is_host:
                self.values[op.result] = tiles_of(self.block, source, op.vector)
            case WidenOp():
                self.values[op.result] = view_as_words(self.block, op, source)
            case UnwidenOp() if self._is_host:
                self.values[op.result] = numbers_of(self.block, source)
            case UnwidenOp():
                self.values[op.result] = view_as_numbers(self.block, op, source)
            case CropOp():
                check_host(op, self._is_host)
                self.values[op.result] = first_part(self.block, source, shape_of(op.result))
            case ExtendOp():
                check_host(op, self._is_host)
                whole = self._destination(op.result)
                self._fill(whole)
                self._copy(source, first_part(self.block, whole, shape_of(op.source)), op)
                self.values[op.result] = whole
            case _:
                assert isinstance(op, UnpackOp)
                check_host(op, self._is_host)
                whole = self._destination(op.result)
                target = tiles_of(self.block, whole, op.tile)
                if isinstance(op.source.owner, UnwidenOp):
                    target = tiles_of(self.block, target, op.source.owner.vector)
                self._copy(source, target, op)
                self.values[op.result] = whole

    def _fill(self, whole: SSAValue) -> None:
        """Appends loops that fill a buffer with zeros."""
        assert isinstance(whole.type, MemRefType)
        zero = self.constants.zero(whole.type.element_type)

        def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            block.add_op(memref.StoreOp.get(zero, whole, variables))
            return []

        build_nest(self.block, self.constants, [(n, 1) for n in whole.type.get_shape()], [], body)

    @property
    def _is_host(self) -> bool:
        return self.function.attributes.get("dataflow.place") == StringAttr("host")

    def _copy(self, source: SSAValue, target: SSAValue, op: Operation) -> None:
        """Appends loops that copy one buffer to another; only the host does that."""
        if has_words(target.type) and not has_words(source.type):
            target = numbers_of(self.block, target)
        if not self._is_host:
            raise UserError(
                "ST0306",
                f"{self.function.sym_name.data} returns a value that no kernel of it makes",
                location=location(op),
                hint="return each result of the module once, and no input as it is",
            )
        assert isinstance(source.type, MemRefType)

        def body(block: Block, variables: list[SSAValue], carried: list[SSAValue]) -> list[SSAValue]:
            load = memref.LoadOp.get(source, variables)
            block.add_ops([load, memref.StoreOp.get(load.res, target, variables)])
            return []

        build_nest(self.block, self.constants, [(n, 1) for n in source.type.get_shape()], [], body)
