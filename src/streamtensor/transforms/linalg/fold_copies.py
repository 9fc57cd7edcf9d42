# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folds transposes, broadcasts and fills into the maps and bodies of those who read them."""

from dataclasses import dataclass

from streamtensor.ir import arith, func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import AffineMap, BlockArgument, Context, ModulePass
from streamtensor.ir.linalg import GenericOp
from streamtensor.transforms.linalg.generics import (
    Access,
    device_functions,
    empty_like,
    erase_dead,
    fill_like,
    fill_value,
    generics,
    input_arguments,
    inputs,
    insert_before,
    is_elementwise,
    is_empty,
    loops_known,
    outputs,
    rebuild,
    replace,
    replace_uses,
    shape_of,
    tensor_type,
    yielded,
)
from streamtensor.transforms.linalg.maps import inverse, is_permutation, substitute
from streamtensor.transforms.linalg.tidy_linalg import tidy


@dataclass(frozen=True)
class FoldCopiesPass(ModulePass):
    """No generic that only moves data, unless the function returns what it makes.

    consumer(copy(%x))         -->  consumer(%x)      map: consumer's map, then the copy's (result to input)
    consumer(fill c)           -->  consumer          with the constant c in its body
    permute(producer(%x))      -->  producer(%x)      that writes its result in the permuted order

    Right because element r of the copy is element m(r) of its input, so whoever reads element r of the one may
    read element m(r) of the other. Transposes become permuted maps; a broadcast or the repetition of key and value
    heads becomes a map that ignores a loop (re-streaming), and no copy is held.

    A copy stays when the extent of a consumer's loop could not be known without it (a sum over a broadcast), when
    its input is a tensor that others read as well and the function returns it, or when it is an initial value.
    Ends: every rewrite lets an operand start earlier, or erases a copy.
    """

    name = "fold-copies"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)
            for generic in generics(function):
                _fold_operands(generic)
            erase_dead(function)
            _write_permuted(function)
            tidy(function)


def copied_input(op: GenericOp) -> Access | None:
    """What a copy reads, its map taken over the dimensions of the result; None when `op` computes something."""
    if not is_elementwise(op):
        return None
    source = yielded(op)[0]
    arguments = input_arguments(op)
    if not isinstance(source, BlockArgument) or source not in arguments:
        return None
    access = inputs(op)[arguments.index(source)]
    return Access(access.value, _over_result(access.map, outputs(op)[0].map))


def _over_result(operand_map: AffineMap, result_map: AffineMap) -> AffineMap:
    """The map of an operand over the dimensions of the result, where the result's map is a permutation."""
    dimensions = AffineMap.identity(result_map.num_dims).results
    loops = [dimensions[place] for place in inverse(result_map)]
    return substitute(operand_map, loops, result_map.num_dims)


def _fold_operands(op: GenericOp) -> None:
    """Lets `op` read through the copies among its inputs and takes fills in as constants."""
    for access in inputs(op):
        number = fill_value(access.value)
        rest = [other for other in inputs(op) if other != access]
        if number is None or not loops_known(rest, outputs(op)):
            continue
        made = arith.ConstantOp(number)
        body = op.body.block
        assert body.first_op is not None
        insert_before(body.first_op, made)
        for other, argument in zip(inputs(op), input_arguments(op), strict=True):
            if other == access:
                replace_uses(argument, made.result)
                body.erase_arg(argument)
        op = _with_inputs(op, rest)
    for index in range(len(op.inputs)):
        accesses = inputs(op)
        while (through := _through_copy(accesses[index])) is not None:
            accesses[index] = through
            if loops_known(accesses, outputs(op)):
                op = _with_inputs(op, accesses)


def _with_inputs(op: GenericOp, accesses: list[Access]) -> GenericOp:
    new = rebuild(op, accesses, outputs(op))
    replace(op, new.results)
    return new


def _through_copy(access: Access) -> Access | None:
    """The access to the input of the copy that makes `access.value`, if a copy makes it."""
    source = access.value.owner
    copied = copied_input(source) if isinstance(source, GenericOp) else None
    if copied is None:
        return None
    return Access(copied.value, substitute(copied.map, access.map.results, access.map.num_dims))


def _write_permuted(function: func.FuncOp) -> None:
    """permute(producer) --> producer, where the permutation is the only one who reads the producer's result."""
    for copy in generics(function):
        copied = copied_input(copy)
        if copied is None or not is_permutation(copied.map) or not copied.value.has_one_use():
            continue
        producer = copied.value.owner
        if isinstance(producer, GenericOp) and len(producer.results) == 1:
            _permute_result(producer, copied.map, copy)


def _permute_result(producer: GenericOp, permutation: AffineMap, copy: GenericOp) -> None:
    """Lets `producer` write what `copy` makes of its result: result dimension j is copy dimension permutation[j]."""
    (out,) = outputs(producer)
    shape = shape_of(copy.results[0])
    number = fill_value(out.value)
    if is_empty(out.value):
        init = empty_like(producer, tensor_type(out.value), shape)
    elif number is not None:
        init = fill_like(producer, number, tensor_type(out.value), shape)
    else:
        return
    new_map = AffineMap(out.map.num_dims, 0, tuple(out.map.results[place] for place in inverse(permutation)))
    new = rebuild(producer, inputs(producer), [Access(init, new_map)])
    replace(copy, new.results)
    assert producer.parent is not None
    producer.parent.erase_op(producer)
