# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""convert-linalg-to-kernel: one kernel for every tiled linalg operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streamtensor.algebra.affine import AffineMap
from streamtensor.algebra.errors import LayoutError
from streamtensor.algebra.layout import StreamLayout
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorReadOp,
    ITensorType,
    ITensorWriteOp,
    KernelOp,
    TaskOp,
    YieldOp,
)
from streamtensor.dialects.dataflow.loops import loop_of
from streamtensor.ir import arith, func, linalg, scf, tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, Region, SSAValue
from streamtensor.ir.locations import copy_location, location
from streamtensor.transforms.build import (
    IndexConstants,
    UniqueNames,
    is_device,
    offsets_map,
    slice_offsets,
    source_hint,
)
from streamtensor.transforms.dataflow.extern_tasks import convert_extern_kernel
from streamtensor.transforms.tiling.kernel_choices import KERNEL, STARTS_GROUP, carry

# What may stand beside kernels in a function of the device: memory for results, views, and constants.
_LEFT = (
    KernelOp,
    arith.ConstantOp,
    func.ReturnOp,
    tensor.EmptyOp,
    tensor.ExpandShapeOp,
    tensor.CollapseShapeOp,
    tensor.ExtractSliceOp,
)


@dataclass(frozen=True)
class ConvertLinalgToKernelPass(ModulePass):
    """c = for tiles { c[..] = generic(a[..], b[..]) }  -->  kernel ins(a, b) outs(c) { task { for tiles {
    write(generic(read a, read b)) } } }

    The slice of a tensor from outside becomes a read of the next token, the slice of the result a write; the types come
    from the loops: element = slice sizes, space = loops around, map = slice offsets (itensor.md, From loops to
    types). A generic that was not tiled is one token of each operand. Right because the tokens are read and written
    in the order in which the loops visit the slices.

    Raises UserError ST0104 for a gather and for an operation that linalg does not hold, ST0306 for a result that starts
    from a value, and for slices that have no stream order or do not cover their tensor.
    """

    name = "convert-linalg-to-kernel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and is_device(function):
                names = UniqueNames()
                for inner in list(function.body.block.ops):
                    if isinstance(inner, scf.ForOp | linalg.GenericOp):
                        _Kernel(inner, names).convert()
                    elif isinstance(inner, ExternKernelOp):
                        convert_extern_kernel(inner, names)
                _drop_dead(function)
                _check_complete(function)


def describe(generic: linalg.GenericOp) -> str:
    """What a linalg operation computes, in a word: matmul, sum, max, or its scalar operations."""
    reduces = any(t.data != linalg.IteratorType.PARALLEL for t in generic.iterator_types)
    names = [op.name.partition(".")[2] for op in generic.body.block.ops]
    short = {"addf": "add", "subf": "sub", "mulf": "mul", "divf": "div", "maximumf": "max", "minimumf": "min"}
    words = [
        short.get(n, n) for n in names if n not in ("yield", "index", "constant", "cmpi", "select", "andi", "addi")
    ]
    if reduces:
        if "mul" in words and words[-1:] == ["add"] and len(generic.inputs) >= 2:
            return "matmul"
        return {"add": "sum", "max": "max", "min": "min"}.get(words[-1] if words else "", "reduce")
    special = [w for w in words if w not in ("add", "sub", "mul", "div")]
    chosen = special or words
    return "_".join(dict.fromkeys(chosen)) or "copy"


@dataclass
class _Kernel:
    """The conversion of one loop nest (or untiled generic) into a kernel with one task."""

    root: scf.ForOp | linalg.GenericOp
    names: UniqueNames
    ins: list[SSAValue] = field(default_factory=list[SSAValue])
    types: list[ITensorType] = field(default_factory=list[ITensorType])
    outs: list[SSAValue] = field(default_factory=list[SSAValue])
    values: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])

    def convert(self) -> None:
        generic = next(op for op in self.root.walk() if isinstance(op, linalg.GenericOp))
        name = self.names.of(describe(generic))
        for gather in [op for op in self.root.walk() if isinstance(op, tensor.ExtractOp)]:
            raise UserError(
                "ST0104",
                "elements of a tensor are read at places that are computed (a gather), which can't become a stream",
                location=location(gather) or location(self.root),
                hint="do it outside of the compiled module, or write it with slices, products and reductions",
            )
        self.outs = list(self.root.iter_args if isinstance(self.root, scf.ForOp) else self.root.outputs)
        if not all(isinstance(value.owner, tensor.EmptyOp) for value in self.outs):
            raise UserError(
                "ST0306",
                "the result of a linalg operation starts from a value that is not tensor.empty",
                location=location(self.root),
                hint="run fuse-linalg-fill, or add that value to the result",
            )
        out_types = self._out_types()
        body = Block()
        out_arguments = [body.insert_arg(itensor, number) for number, itensor in enumerate(out_types)]
        task_block = Block(arg_types=out_types)
        constants = IndexConstants(task_block)
        carried = list(task_block.args)
        if isinstance(self.root, scf.ForOp):
            results = self._loop(self.root, task_block, body, constants, carried)
        else:
            results = self._untiled(self.root, task_block, body, carried)
        task_block.add_op(YieldOp(*results))
        task = TaskOp(name, out_arguments, Region(task_block))
        body.add_op(task)
        body.add_op(YieldOp(*task.results_))
        kernel = KernelOp(name, self.ins, self.outs, Region(body))
        copy_location(self.root, [kernel, task])
        carry(generic, [kernel, task], (KERNEL, STARTS_GROUP))
        parent = self.root.parent
        assert parent is not None
        parent.insert_op_before(kernel, self.root)
        for old, new in zip(self.root.results, kernel.results_, strict=True):
            new.name_hint = old.name_hint
            old.replace_all_uses_with(new)
        self.root.detach()
        self.root.erase()

    def _out_types(self) -> list[ITensorType]:
        if isinstance(self.root, linalg.GenericOp):
            return [_whole(value, self.root) for value in self.outs]
        inserts = [op for op in self.root.walk() if isinstance(op, tensor.InsertSliceOp)]
        of_result = {_carried_number(op.dest, self.root): op for op in inserts}
        return [self._token_type(of_result[number], value) for number, value in enumerate(self.outs)]

    def _token_type(self, op: tensor.ExtractSliceOp | tensor.InsertSliceOp, whole: SSAValue) -> ITensorType:
        """The itensor type of a slice: element, iteration space and map from where it stands."""
        assert isinstance(whole.type, TensorType)
        loops = [loop_of(loop) for loop in _loops_above(op, self.root)]
        map = offsets_map(slice_offsets(op), [loop.variable for loop in loops])
        if map is None:
            raise UserError("ST0306", "the offsets of a slice are not linear in its loops", location=location(op))
        shape = tuple(int(n) for n in op.static_sizes.get_values())
        layout = _layout(shape, [(loop.tripcount, loop.step) for loop in loops], map, op)
        found, wanted = layout.data_shape, tuple(whole.type.get_shape())
        if found != wanted:
            raise UserError(
                "ST0306",
                f"the slices of a tensor of {_x(wanted)} only cover {_x(found)} of it",
                location=location(op),
                hint="choose tiles that divide the loops",
            )
        return ITensorType.get(TensorType(whole.type.element_type, shape), layout.canonical())

    def _source(self, body: Block, value: SSAValue, itensor: ITensorType) -> SSAValue:
        """The kernel's argument through which `value` comes in as `itensor`."""
        argument = body.insert_arg(itensor, len(self.ins))
        argument.name_hint = source_hint(value)
        self.ins.append(value)
        return argument

    def _loop(
        self, loop: scf.ForOp, block: Block, body: Block, constants: IndexConstants, carried: Sequence[SSAValue]
    ) -> list[SSAValue]:
        """Appends the converted loop to `block`; `carried` stands for its iter_args."""
        info = loop_of(loop)
        variable, *arguments = loop.body.block.args
        inner = Block(arg_types=[variable.type, *(value.type for value in carried)])
        inner.args[0].name_hint = variable.name_hint
        self.values[variable] = inner.args[0]
        for old, new in zip(arguments, inner.args[1:], strict=True):
            self.values[old] = new
        results = self._ops(loop, inner, body, constants)
        inner.add_op(scf.YieldOp(*results))
        new_loop = scf.ForOp(
            constants[0], constants[info.tripcount * info.step], constants[info.step], carried, Region(inner)
        )
        block.add_op(new_loop)
        for old, new in zip(loop.results, new_loop.results, strict=True):
            self.values[old] = new
        return list(new_loop.results)

    def _ops(self, loop: scf.ForOp, block: Block, body: Block, constants: IndexConstants) -> list[SSAValue]:
        """Appends the converted body of `loop` and returns what it yields; equal slices are one token."""
        tokens: dict[tuple[SSAValue, ITensorType], SSAValue] = {}
        for op in loop.body.block.ops:
            if isinstance(op, scf.YieldOp):
                return [self._value(value, constants) for value in op.arguments]
            if isinstance(op, scf.ForOp):
                self._loop(op, block, body, constants, [self._value(value, constants) for value in op.iter_args])
            elif isinstance(op, tensor.ExtractSliceOp) and self._is_outside(op.source):
                itensor = self._token_type(op, op.source)
                if (op.source, itensor) not in tokens:
                    read = ITensorReadOp(self._source(body, op.source, itensor))
                    block.add_op(read)
                    tokens[op.source, itensor] = read.result
                self.values[op.result] = tokens[op.source, itensor]
            elif isinstance(op, tensor.InsertSliceOp) and isinstance(self._value(op.dest, constants).type, ITensorType):
                write = ITensorWriteOp(self._value(op.source, constants), self._value(op.dest, constants))
                block.add_op(write)
                self.values[op.result] = write.result
            else:
                self._clone(op, block, constants)
        raise AssertionError("a loop ends with a yield")

    def _untiled(
        self, generic: linalg.GenericOp, block: Block, body: Block, carried: Sequence[SSAValue]
    ) -> list[SSAValue]:
        """One token of each operand, computed at once."""
        for value, argument in zip(generic.inputs, generic.body.block.args, strict=False):
            if isinstance(value.owner, tensor.EmptyOp) and not argument.uses:
                shape = value.owner.clone()  # it only says how many iterations there are
                block.add_op(shape)
                self.values[value] = shape.tensor
            elif isinstance(value.type, TensorType) and value not in self.values:
                read = ITensorReadOp(self._source(body, value, _whole(value, generic)))
                block.add_op(read)
                self.values[value] = read.result
        for value in generic.outputs:
            assert isinstance(value.type, TensorType)
            empty = tensor.EmptyOp([], value.type)
            block.add_op(empty)
            self.values[value] = empty.tensor
        constants = IndexConstants(block)
        self._clone(generic, block, constants)
        results: list[SSAValue] = []
        for value, dest in zip(generic.results, carried, strict=True):
            write = ITensorWriteOp(self.values[value], dest)
            block.add_op(write)
            results.append(write.result)
        return results

    def _clone(self, op: Operation, block: Block, constants: IndexConstants) -> None:
        for inner in op.walk():
            for operand in inner.operands:
                self._value(operand, constants)
        block.add_op(op.clone(self.values))

    def _value(self, value: SSAValue, constants: IndexConstants) -> SSAValue:
        """What stands for `value` inside the kernel; constants from outside are made anew."""
        if value not in self.values and isinstance(value.owner, arith.ConstantOp) and self._is_outside(value):
            self.values[value] = constants.clone(value.owner)
        return self.values.get(value, value)

    def _is_outside(self, value: SSAValue) -> bool:
        owner = value.owner
        current = owner if isinstance(owner, Operation) else owner.parent_op()
        while current is not None:
            if current is self.root:
                return False
            current = current.parent_op()
        return True


def _loops_above(op: Operation, root: Operation) -> list[scf.ForOp]:
    """The loops from `root` inwards to `op`."""
    loops: list[scf.ForOp] = []
    current: Operation | None = op
    while current is not None and current is not root:
        current = current.parent_op()
        if isinstance(current, scf.ForOp):
            loops.append(current)
    return loops[::-1]


def _carried_number(value: SSAValue, root: scf.ForOp) -> int | None:
    """Which value that `root` carries a chain of updates starts from; None when it starts inside."""
    while isinstance(value, BlockArgument):
        loop = value.block.parent_op()
        assert isinstance(loop, scf.ForOp)
        if loop is root:
            return value.index - 1
        value = loop.iter_args[value.index - 1]
    return None


def _whole(value: SSAValue, op: Operation) -> ITensorType:
    """The itensor type of a tensor that is a single token."""
    assert isinstance(value.type, TensorType)
    shape = tuple(value.type.get_shape())
    layout = _layout(shape, [], AffineMap.select(0, [None] * len(shape)), op)
    return ITensorType.get(value.type, layout)


def _layout(shape: tuple[int, ...], loops: list[tuple[int, int]], map: AffineMap, op: Operation) -> StreamLayout:
    try:
        return StreamLayout(shape, tuple(t for t, _ in loops), tuple(s for _, s in loops), map)
    except LayoutError as error:
        raise UserError("ST0306", f"a slice has no stream order: {error}", location=location(op)) from error


def _x(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _drop_dead(function: func.FuncOp) -> None:
    """Removes constants that only the converted loops used."""
    for op in reversed(list(function.body.block.ops)):
        if isinstance(op, arith.ConstantOp) and not op.result.uses:
            op.detach()
            op.erase()


def _check_complete(function: func.FuncOp) -> None:
    """Every operation has become a kernel; what is left makes no numbers of its own."""
    for op in function.body.block.ops:
        if not isinstance(op, _LEFT):
            raise UserError(
                "ST0104",
                f"{op.name} can't become a kernel",
                location=location(op),
                hint="do it outside of the compiled module, or write it with operations that are linalg",
            )
