# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the tensors at the boundaries of kernels come from, through views and calls: who has to agree on a layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import ITensorType, KernelOp
from streamtensor.ir import func, tensor
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import Attribute, BlockArgument, Operation, OpResult, Region, SSAValue
from streamtensor.transforms.build import is_device
from streamtensor.transforms.lowering.views import Strided, view_layout

VIEWS = (tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)

Chain = tuple[Operation, ...]


@dataclass(frozen=True)
class Port:
    """One operand of a kernel: `number` counts its ins and behind them its outs."""

    kernel: KernelOp
    number: int

    @property
    def is_result(self) -> bool:
        """Whether the kernel writes here."""
        return self.number >= len(self.kernel.ins)

    @property
    def value(self) -> SSAValue:
        """The tensor outside: what is read, or the result that is made."""
        if self.is_result:
            return self.kernel.results_[self.number - len(self.kernel.ins)]
        return self.kernel.ins[self.number]

    @property
    def itensor(self) -> ITensorType | None:
        """The itensor inside; None when the boundary is materialised."""
        type = self.kernel.body.block.args[self.number].type
        return type if isinstance(type, ITensorType) else None


@dataclass(frozen=True)
class Source:
    """A value that reaches a port: what makes it, and the views between, the outermost last."""

    root: SSAValue
    views: Chain

    @property
    def is_whole(self) -> bool:
        """Whether the views together change nothing: the port sees the root, shape and order of its elements."""
        layout = strided_view(self.root, self.views)
        shape = self.root.type.get_shape() if isinstance(self.root.type, TensorType) else ()
        return layout is not None and layout.is_contiguous and layout.shape == tuple(shape)


def kernels_of(module: ModuleOp) -> Iterator[KernelOp]:
    """The kernels of the device functions."""
    for function in module.ops:
        if isinstance(function, func.FuncOp) and is_device(function):
            yield from (op for op in function.body.block.ops if isinstance(op, KernelOp))


def ports_of(kernel: KernelOp) -> list[Port]:
    """All operands of a kernel that are itensors inside."""
    ports = [Port(kernel, number) for number in range(len(kernel.ins) + len(kernel.outs))]
    return [port for port in ports if port.itensor is not None]


def trace(value: SSAValue, through: tuple[type[Operation], ...] = VIEWS) -> tuple[SSAValue, Chain]:
    """What `value` is made of by operations of the kinds `through`, and these, the outermost last."""
    chain: list[Operation] = []
    while isinstance(value.owner, through):
        chain.append(value.owner)
        value = value.owner.operands[0]
    return value, tuple(reversed(chain))


def strided_view(root: SSAValue, views: Sequence[Operation]) -> Strided | None:
    """Where the elements of the view are in the row-major `root`; None when that is not evenly spaced."""
    assert isinstance(root.type, TensorType)
    layout = Strided.contiguous(root.type.get_shape())
    try:
        for view in views:
            layout = view_layout(view, layout)
    except UserError:
        return None
    return layout


class Flow:
    """Follows values backwards through the calls of a program."""

    def __init__(self, module: ModuleOp) -> None:
        self._functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
        self._calls: dict[str, list[func.CallOp]] = {}
        for op in module.walk():
            if isinstance(op, func.CallOp):
                self._calls.setdefault(op.callee.string_value(), []).append(op)

    def sources(self, value: SSAValue) -> list[Source]:
        """All that can be behind `value`: results of kernels and of functions of the host, arguments of the program."""
        found: dict[Source, None] = {}
        for root, views in self._behind(value, ()):
            found.setdefault(Source(root, views))
        return list(found)

    def is_read_by_host(self, root: SSAValue) -> bool:
        """Whether a function of the host reads `root`, also through views."""
        for use in root.uses:
            op = use.operation
            if isinstance(op, VIEWS) and self.is_read_by_host(op.results[0]):
                return True
            if isinstance(op, func.CallOp):
                callee = self._functions.get(op.callee.string_value())
                if callee is None or not is_device(callee):
                    return True
        return False

    def _behind(self, value: SSAValue, after: Chain) -> Iterator[tuple[SSAValue, Chain]]:
        root, views = trace(value)
        views = (*views, *after)
        function = _function_of(root)
        if isinstance(root, BlockArgument) and function is not None:
            calls = self._calls.get(function.sym_name.data, [])
            for call in calls:
                yield from self._behind(call.arguments[root.index], views)
            if calls:
                return
        elif isinstance(root, OpResult) and isinstance(root.op, func.CallOp):
            callee = self._functions.get(root.op.callee.string_value())
            last = callee.body.block.last_op if callee is not None and is_device(callee) else None
            if isinstance(last, func.ReturnOp):
                yield from self._behind(last.arguments[root.index], views)
                return
        yield root, views


def with_boundary(
    kernel: KernelOp, ins: Sequence[SSAValue], outs: Sequence[SSAValue], back: Callable[[int, SSAValue], SSAValue]
) -> KernelOp:
    """Replaces `kernel` by the same one on other operands; `back(number, result)` gives what stands for a result."""
    region: Region = kernel.detach_region(kernel.body)
    made = KernelOp(kernel.kernel_name, ins, outs, region)
    made.attributes = dict(kernel.attributes)
    parent = kernel.parent
    assert parent is not None
    parent.insert_op_before(made, kernel)
    for number, (old, new) in enumerate(zip(kernel.results_, made.results_, strict=True)):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(back(number, new))
    kernel.detach()
    kernel.erase()
    return made


def empty_like(value: SSAValue, type: Attribute) -> tensor.EmptyOp:
    """A tensor of `type` to take the place of `value`, put where that stands."""
    assert isinstance(type, TensorType)
    empty = tensor.EmptyOp([], type)
    owner = value.owner
    assert isinstance(owner, Operation)
    empty.attributes = dict(owner.attributes)
    parent = owner.parent
    assert parent is not None
    parent.insert_op_before(empty, owner)
    return empty


def _function_of(value: SSAValue) -> func.FuncOp | None:
    """The function that `value` is an argument of."""
    parent = value.block.parent_op() if isinstance(value, BlockArgument) else None
    return parent if isinstance(parent, func.FuncOp) else None
