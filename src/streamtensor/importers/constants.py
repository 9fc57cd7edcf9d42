# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors of numbers in the code: one number becomes a fill, many become a parameter."""

from collections.abc import Iterator

import torch

from streamtensor.diagnostics import UserError
from streamtensor.ir import arith, core, func, linalg, tensor
from streamtensor.ir.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    TensorType,
    bf16,
    f16,
    f32,
)
from streamtensor.ir.locations import copy_location, location

_TYPES: dict[core.Attribute, torch.dtype] = {
    f32: torch.float32,
    f16: torch.float16,
    bf16: torch.bfloat16,
    IntegerType(1): torch.bool,
    IntegerType(8): torch.int8,
    IntegerType(16): torch.int16,
    IntegerType(32): torch.int32,
    IntegerType(64): torch.int64,
}


def fill_splats(module: ModuleOp) -> None:
    """constant dense<2.0> : tensor<4xf32>  -->  generic { yield 2.0 }, which fuses into what reads it."""
    for op in list(module.walk()):
        if not isinstance(op, arith.ConstantOp) or not isinstance(op.result.type, TensorType):
            continue
        kind, value = op.result.type, op.value
        if not isinstance(value, DenseIntOrFPElementsAttr) or not value.is_splat() or not op.result.uses:
            continue
        number = next(iter(value.iter_attrs()))
        rank = len(kind.get_shape())
        empty = tensor.EmptyOp([], kind)
        constant = arith.ConstantOp(number)
        body = core.Block(arg_types=[kind.element_type])
        body.add_ops([constant, linalg.YieldOp(constant.result)])
        made = linalg.GenericOp(
            [],
            [empty.tensor],
            core.Region(body),
            [AffineMapAttr(core.AffineMap.identity(rank))],
            [linalg.IteratorTypeAttr(linalg.IteratorType.PARALLEL)] * rank,
            [kind],
        )
        copy_location(op, [empty, made])
        core.Rewriter.replace_op(op, [empty, made], [made.results[0]])


def lift_constants(module: ModuleOp, mark: str, prefix: str = "") -> dict[str, torch.Tensor]:
    """A constant tensor of several numbers in a function  -->  an argument of it and of `@main`, which passes it on.

    Returns the values by the names that the arguments of `@main` get as their attribute `mark`: `prefix`constant_0 and
    so on, unique among programs that share a folder. Raises UserError ST0104
    for a constant of a type for which there are no parameters.
    """
    values: dict[str, torch.Tensor] = {}
    functions = [op for op in module.ops if isinstance(op, func.FuncOp)]
    main = next(op for op in functions if op.sym_name.data == "main")
    for function in functions:
        for constant, data in list(_constants(function)):
            name = f"{prefix}constant_{len(values)}"
            values[name] = data
            argument = _add_argument(function, constant.result.type, name, None)
            constant.result.replace_all_uses_with(argument)
            constant.detach()
            constant.erase()
            if function is main:
                raise AssertionError("@main holds calls only")
            passed = _add_argument(main, argument.type, name, DictionaryAttr({mark: StringAttr(name)}))
            for call in list(main.walk()):
                if isinstance(call, func.CallOp) and call.callee.string_value() == function.sym_name.data:
                    types = list(call.result_types)
                    core.Rewriter.replace_op(call, func.CallOp(call.callee, [*call.arguments, passed], types))
    return values


def _constants(function: func.FuncOp) -> Iterator[tuple[arith.ConstantOp, torch.Tensor]]:
    for op in function.walk():
        if isinstance(op, arith.ConstantOp) and isinstance(op.value, DenseIntOrFPElementsAttr):
            kind = op.value.type
            dtype = _TYPES.get(kind.element_type)
            if dtype is None:
                raise UserError("ST0104", f"a constant of type {kind} is left in the code", location=location(op))
            numbers = [number.value.data for number in op.value.iter_attrs()]
            yield op, torch.tensor(numbers).to(dtype).reshape(tuple(kind.get_shape()))


def _add_argument(
    function: func.FuncOp, kind: core.Attribute, name: str, mark: DictionaryAttr | None
) -> core.BlockArgument:
    block = function.body.block
    argument = block.insert_arg(kind, len(block.args))
    argument.name_hint = name.replace(".", "_")
    if function.arg_attrs is not None or mark is not None:
        given = list(function.arg_attrs) if function.arg_attrs is not None else []
        given += [DictionaryAttr({})] * (len(block.args) - 1 - len(given))
        function.arg_attrs = ArrayAttr([*given, mark or DictionaryAttr({})])
    function.update_function_type()
    return argument
