# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters whose numbers need fewer bits than their type become numbers of these bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamtensor.ir import arith, func, tensor
from streamtensor.ir.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    TensorType,
)
from streamtensor.ir.core import AffineMap, Attribute, Block, BlockArgument, Context, ModulePass, Region, Rewriter
from streamtensor.ir.linalg import GenericOp, IteratorType, IteratorTypeAttr, YieldOp
from streamtensor.ir.locations import copy_location
from streamtensor.transforms.build import is_device

BITS = "dataflow.param_bits"
"""Attribute of an argument of `@main`: the bits that a number of this integer parameter needs, with its sign."""

_Place = tuple[str, int]  # a function and the number of an argument


@dataclass(frozen=True)
class NarrowParametersPass(ModulePass):
    """f(%w : tensor<8x8xi8>) { ... %w }  -->  f(%n : tensor<8x8xi4>) { %w = extsi %n; ... %w }

    for each parameter that says that its numbers need 4 bits (`dataflow.param_bits`), in `@main` and in the functions
    of the device that get it. Right because extension gives a number of 4 bits back as it was; that the numbers fit is
    checked when the weights are written. fold-extensions moves the extension into what multiplies the weight, so
    that memory, ports and FIFOs carry the 4 bits.

    A parameter stays as it is when a function of the host reads it, or when a function gets something wider in its
    place from another call: the type of an argument is one for all calls.
    """

    name = "narrow-parameters"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on `@main` and the functions that it calls."""
        functions = {f.sym_name.data: f for f in op.ops if isinstance(f, func.FuncOp) and not f.is_declaration}
        main = functions.get("main")
        if main is None:
            return
        calls = [call for call in op.walk() if isinstance(call, func.CallOp)]
        wanted = _wanted(main)
        _keep_agreed(wanted, functions, calls)
        places: dict[_Place, int] = {}
        for argument, bits in wanted.items():
            for place in _places(argument):
                places[place] = bits
        for (name, number), bits in places.items():
            _extend(functions[name], number, bits)
        for argument, bits in wanted.items():
            _set_type(argument, bits)
        for name in {"main", *(name for name, _ in places)}:
            function = functions[name]
            inputs = [value.type for value in function.body.block.args]
            function.function_type = FunctionType.from_lists(inputs, list(function.function_type.outputs))
        if main.arg_attrs is not None:
            rest = [{key: value for key, value in one.data.items() if key != BITS} for one in _attributes(main)]
            main.arg_attrs = ArrayAttr([DictionaryAttr(one) for one in rest])


def _attributes(main: func.FuncOp) -> list[DictionaryAttr]:
    return list(main.arg_attrs) if main.arg_attrs is not None else []


def _wanted(main: func.FuncOp) -> dict[BlockArgument, int]:
    """The arguments of main that say how many bits they need, where that is less than they have."""
    found: dict[BlockArgument, int] = {}
    for argument, attributes in zip(main.body.block.args, _attributes(main), strict=False):
        bits, kind = attributes.data.get(BITS), argument.type
        if not isinstance(bits, IntegerAttr) or not isinstance(kind, TensorType):
            continue
        if isinstance(kind.element_type, IntegerType) and bits.value.data < kind.element_type.width.data:
            found[argument] = bits.value.data
    return found


def _keep_agreed(wanted: dict[BlockArgument, int], functions: dict[str, func.FuncOp], calls: list[func.CallOp]) -> None:
    """Drops arguments that are not read by device functions alone, or whose place in one gets something else too."""
    given: dict[_Place, list[object]] = {}
    for call in calls:
        for number, value in enumerate(call.arguments):
            given.setdefault((call.callee.string_value(), number), []).append(value)
    changed = True
    while changed:
        refused = [
            argument
            for argument, bits in wanted.items()
            if any(
                place[0] not in functions
                or not is_device(functions[place[0]])
                or any(not isinstance(v, BlockArgument) or wanted.get(v) != bits for v in given.get(place, [None]))
                for place in _places(argument)
            )
        ]
        for argument in refused:
            del wanted[argument]
        changed = bool(refused)


def _places(argument: BlockArgument) -> Iterator[_Place]:
    """Where an argument of main goes; the function has no name where it is no call."""
    for use in argument.uses:
        call = use.operation
        yield (call.callee.string_value(), use.index) if isinstance(call, func.CallOp) else ("", use.index)


def _set_type(argument: BlockArgument, bits: int) -> None:
    kind = argument.type
    assert isinstance(kind, TensorType)
    Rewriter.replace_value_with_new_type(argument, TensorType(IntegerType(bits), kind.get_shape()))


def _extend(function: func.FuncOp, number: int, bits: int) -> None:
    """Gives an argument the narrow type and its readers the extended numbers."""
    block = function.body.block
    old = block.args[number]
    assert isinstance(old.type, TensorType)
    kind: TensorType[Attribute] = old.type
    wide = kind.element_type
    assert isinstance(wide, IntegerType)
    narrow = TensorType(IntegerType(bits), kind.get_shape())
    new = block.insert_arg(narrow, number)
    new.name_hint = old.name_hint
    rank = len(kind.get_shape())
    body = Block(arg_types=[narrow.element_type, wide])
    extended = arith.ExtSIOp(body.args[0], wide)
    body.add_ops([extended, YieldOp(extended.result)])
    empty = tensor.EmptyOp([], kind)
    generic = GenericOp(
        [new],
        [empty.tensor],
        Region(body),
        [AffineMapAttr(AffineMap.identity(rank))] * 2,
        [IteratorTypeAttr(IteratorType.PARALLEL)] * rank,
        [kind],
    )
    copy_location(function, [extended, empty, generic])
    old.replace_all_uses_with(generic.results[0])
    block.erase_arg(old)
    first = block.first_op
    assert first is not None
    block.insert_ops_before([empty, generic], first)
