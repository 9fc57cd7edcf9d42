# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lower-pack-unpack: changes of layout vanish, or move out of the device to the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streamtensor.dialects.dataflow import KernelOp
from streamtensor.dialects.tensor_ext import CropOp, ExtendOp, PackOp, UnpackOp, UnwidenOp, WidenOp
from streamtensor.ir import func
from streamtensor.ir.builtin import (
    ArrayAttr,
    FunctionType,
    ModuleOp,
    StringAttr,
    TensorType,
)
from streamtensor.ir.core import (
    Attribute,
    Block,
    BlockArgument,
    Context,
    ModulePass,
    Operation,
    OpResult,
    Region,
    Rewriter,
    SSAValue,
)
from streamtensor.transforms.build import PLACE, UniqueNames, is_device
from streamtensor.transforms.fusion.external_values import VIEWS, strided_view, trace

LAYOUT = "dataflow.layout"
"""Attribute of a function of the host that only changes a layout: "pack" or "unpack"."""

_CHANGES = (PackOp, UnpackOp, WidenOp, UnwidenOp)
_CHAIN = (*VIEWS, *_CHANGES, ExtendOp, CropOp)
_INVERSES = {PackOp: UnpackOp, UnpackOp: PackOp, WidenOp: UnwidenOp, UnwidenOp: WidenOp}


@dataclass(frozen=True)
class LowerPackUnpackPass(ModulePass):
    """f(x) { k(widen pack view x) }, f(w)  -->  f(p) { k(p) }, f(pack_0(w)) with pack_0 a function of the host

    1. pack(unpack x) is x, widen(unwiden x) is x, and reshapes there and back are nothing.
    2. What stands between an argument of a device function and a kernel goes to each call: the argument gets the packed
       type. What stands between a kernel and a result likewise. Equal changes of one value are made once.
    3. In the program the first rule again: what one function hands to the next stays packed. What is left
       belongs to the model's own inputs, outputs and parameters, or meets a function of the host, and becomes a
       function of the host (`dataflow.layout`). That of a parameter is done when weights are written.

    What pads a tensor or crops it (pad-loops) is a change of layout too, and goes to the host with the packing.
    A view of memory as words stays where it is, since it moves no data. Nothing else is left on the device:
    pack-kernel-interface packs no tensor for which that would happen.
    """

    name = "lower-pack-unpack"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        functions = [f for f in op.ops if isinstance(f, func.FuncOp) and not f.is_declaration]
        calls: dict[str, list[func.CallOp]] = {}
        for call in [c for c in op.walk() if isinstance(c, func.CallOp)]:
            calls.setdefault(call.callee.string_value(), []).append(call)
        devices = [f for f in functions if is_device(f)]
        for function in devices:
            _fold(function)
            calls[function.sym_name.data] = _hoist(function, calls.get(function.sym_name.data, []))
        for function in [f for f in functions if not is_device(f)]:
            _fold(function)
        names = UniqueNames()
        for function in functions:
            names.of(function.sym_name.data)
        outliner = _Outliner(op, names)
        for function in [f for f in functions if f.sym_name.data == "main"]:
            outliner.outline(function)


def _signature(op: Operation) -> tuple[object, ...]:
    return (op.name, op.results[0].type, tuple(sorted(op.properties.items(), key=lambda item: item[0])))


def _fold(function: func.FuncOp) -> None:
    """The first rule, and equal changes made once, to the end."""
    made: dict[tuple[object, ...], SSAValue] = {}
    for op in list(function.body.block.ops):
        if not isinstance(op, _CHAIN):
            continue
        value = _folded(op)
        key = (op.operands[0], *_signature(op))
        if value is None:
            value = made.setdefault(key, op.results[0])
        if value is not op.results[0]:
            op.results[0].replace_all_uses_with(value)
    for op in reversed(list(function.body.block.ops)):
        if isinstance(op, _CHAIN) and not op.results[0].uses:
            Rewriter.erase_op(op)


def _folded(op: Operation) -> SSAValue | None:
    """What `op` gives when it undoes what was done before."""
    source, result = op.operands[0], op.results[0]
    if isinstance(op, _CHANGES):
        before = source.owner
        if isinstance(before, _INVERSES[type(op)]) and before.operands[0].type == result.type:
            return before.operands[0]
        return None
    if not isinstance(op, VIEWS):
        return None
    value = source
    views: tuple[Operation, ...] = (op,)
    while isinstance(value.owner, VIEWS):
        views = (value.owner, *views)
        value = value.owner.operands[0]
        if value.type == result.type:
            layout = strided_view(value, views)
            if layout is not None and layout.is_contiguous:
                return value
    return None


def _moves_data(chain: Sequence[Operation]) -> bool:
    return any(isinstance(op, PackOp | UnpackOp) for op in chain)


def _hoist(function: func.FuncOp, calls: list[func.CallOp]) -> list[func.CallOp]:
    """The second rule for one device function; gives the calls that took the place of `calls`."""
    block = function.body.block
    last = block.last_op
    assert isinstance(last, func.ReturnOp)
    arguments = _packed_arguments(function)
    results = [trace(value, _CHAIN) for value in last.arguments]
    results = [
        (root, chain) if isinstance(root.owner, KernelOp) and _moves_data(chain) else (value, ())
        for (root, chain), value in zip(results, last.arguments, strict=True)
    ]
    made_calls: list[func.CallOp] = []
    for call in calls:
        made_calls.append(_new_call(call, arguments, [(root.type, chain) for root, chain in results]))
    last.detach()
    last.erase()
    block.add_op(func.ReturnOp(*(root for root, _ in results)))
    for number, (argument, chain) in enumerate(arguments):
        new = block.insert_arg(chain[-1].results[0].type if chain else argument.type, len(block.args))
        new.name_hint = argument.name_hint
        if chain:
            chain[-1].results[0].replace_all_uses_with(new)
        else:
            argument.replace_all_uses_with(new)
        arguments[number] = (argument, chain)
    for op in reversed(list(block.ops)):
        if isinstance(op, _CHAIN) and not op.results[0].uses:
            Rewriter.erase_op(op)
    for old in list(block.args[: len(block.args) - len(arguments)]):
        block.erase_arg(old)
    function.function_type = FunctionType.from_lists(
        [value.type for value in block.args], [root.type for root, _ in results]
    )
    if function.arg_attrs is not None:
        old_attributes = list(function.arg_attrs)
        function.arg_attrs = ArrayAttr([old_attributes[argument.index] for argument, _ in arguments])
    return made_calls


def _packed_arguments(function: func.FuncOp) -> list[tuple[BlockArgument, tuple[Operation, ...]]]:
    """The new arguments: (old argument, the changes that it comes through); several for one of several changes."""
    block = function.body.block
    chains: dict[SSAValue, dict[SSAValue, tuple[Operation, ...]]] = {}
    for kernel in [op for op in block.ops if isinstance(op, KernelOp)]:
        for value in kernel.ins:
            root, chain = trace(value, _CHAIN)
            if isinstance(root, BlockArgument) and _moves_data(chain):
                chains.setdefault(root, {})[value] = chain
    found: list[tuple[BlockArgument, tuple[Operation, ...]]] = []
    for argument in block.args:
        mine = chains.get(argument, {})
        if not mine or _is_used_besides(argument, set(mine)):
            found.append((argument, ()))
        found += [(argument, chain) for chain in mine.values()]
    return found


def _is_used_besides(value: SSAValue, ends: set[SSAValue]) -> bool:
    """Whether anything but the values `ends` comes from `value`."""
    if value in ends:
        return False
    return any(
        not isinstance(use.operation, _CHAIN) or _is_used_besides(use.operation.results[0], ends) for use in value.uses
    )


def _new_call(
    call: func.CallOp,
    arguments: Sequence[tuple[BlockArgument, tuple[Operation, ...]]],
    results: Sequence[tuple[Attribute, tuple[Operation, ...]]],
) -> func.CallOp:
    """The call with the changes of layout around it."""
    parent = call.parent
    assert parent is not None
    operands: list[SSAValue] = []
    for argument, chain in arguments:
        value = call.arguments[argument.index]
        hint = value.name_hint
        for op in chain:
            copy = op.clone({op.operands[0]: value})
            parent.insert_op_before(copy, call)
            value = copy.results[0]
            value.name_hint = hint
        operands.append(value)
    new = func.CallOp(call.callee, operands, [type for type, _ in results])
    new.attributes = dict(call.attributes)
    parent.insert_op_before(new, call)
    for old, value, (_, chain) in zip(call.results, new.results, results, strict=True):
        value.name_hint = old.name_hint
        made: SSAValue = value
        for op in chain:
            copy = op.clone({op.operands[0]: made})
            parent.insert_op_before(copy, call)
            made = copy.results[0]
            made.name_hint = old.name_hint
        old.replace_all_uses_with(made)
    call.detach()
    call.erase()
    return new


@dataclass
class _Outliner:
    """Makes functions of the host out of the changes of layout that are left in the program; equal ones are one."""

    module: ModuleOp
    names: UniqueNames
    made: dict[tuple[object, ...], str] = field(default_factory=dict[tuple[object, ...], str])

    def outline(self, main: func.FuncOp) -> None:
        """The third rule."""
        for op in list(main.body.block.ops):
            if isinstance(op, UnpackOp):
                wide = op.source.owner
                self._call((wide, op) if isinstance(wide, UnwidenOp) else (op,), "unpack", main)
        for op in list(main.body.block.ops):
            if isinstance(op, WidenOp) or (isinstance(op, PackOp) and not _is_widened(op)):
                _, chain = trace(op.results[0], (*VIEWS, ExtendOp, PackOp, WidenOp))
                self._call(chain, "pack", main)
        for op in list(main.body.block.ops):
            if isinstance(op, CropOp):
                self._call((op,), "unpack", main)
            elif isinstance(op, ExtendOp) and _is_used_besides(op.result, set()):
                self._call((op,), "pack", main)
        for op in reversed(list(main.body.block.ops)):
            if isinstance(op, _CHAIN) and not op.results[0].uses:
                Rewriter.erase_op(op)

    def _call(self, chain: Sequence[Operation], kind: str, main: func.FuncOp) -> None:
        source, last = chain[0].operands[0], chain[-1]
        key = (source.type, *(_signature(op) for op in chain))
        if key not in self.made:
            self.made[key] = self.names.of(f"{kind}_{len(self.made)}")
            self._write(self.made[key], chain, kind, main)
        call = func.CallOp(self.made[key], [source], [last.results[0].type])
        suffix = "packed" if kind == "pack" else "unpacked"
        if source.name_hint:
            call.results[0].name_hint = f"{source.name_hint}_{suffix}"
        parent = last.parent
        assert parent is not None
        parent.insert_op_before(call, last)
        last.results[0].replace_all_uses_with(call.results[0])

    def _write(self, name: str, chain: Sequence[Operation], kind: str, main: func.FuncOp) -> None:
        block = Block(arg_types=[chain[0].operands[0].type])
        value: SSAValue = block.args[0]
        value.name_hint = chain[0].operands[0].name_hint if isinstance(chain[0].operands[0], OpResult) else "data"
        for op in chain:
            copy = op.clone({op.operands[0]: value})
            copy.attributes = {}
            block.add_op(copy)
            value = copy.results[0]
            value.name_hint = None
        block.add_op(func.ReturnOp(value))
        assert isinstance(value.type, TensorType)
        function = func.FuncOp(name, ([block.args[0].type], [value.type]), Region(block), StringAttr("private"))
        function.attributes[PLACE] = StringAttr("host")
        function.attributes[LAYOUT] = StringAttr(kind)
        assert main.parent is not None
        main.parent.insert_op_before(function, main)


def _is_widened(op: PackOp) -> bool:
    """Whether all that is made of a packed tensor are its words."""
    return all(isinstance(use.operation, WidenOp) for use in op.result.uses)
