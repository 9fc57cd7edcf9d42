# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Removes what nobody needs: equal computations, unread results and operands, dead code."""

from collections.abc import Hashable
from dataclasses import dataclass

from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Block, BlockArgument, Context, ModulePass, Operation, SSAValue
from streamtensor.ir.linalg import GenericOp, YieldOp
from streamtensor.transforms.linalg.generics import (
    Access,
    device_functions,
    erase_dead,
    generics,
    input_arguments,
    inputs,
    is_removable,
    loops_known,
    output_arguments,
    outputs,
    rebuild,
    replace,
    replace_uses,
    terminator,
    yielded,
)
from streamtensor.transforms.linalg.numbering import computation_key


@dataclass(frozen=True)
class TidyLinalgPass(ModulePass):
    """Equal computations once, unread operands and results gone, no dead code.

    %a = f(x); %b = f(x)                              -->  %a, %a
    generic ins(%x, %x) maps (m, m) { ... }           -->  generic ins(%x) map m { ... }
    generic ins(%x, %y) { no use of %y }              -->  generic ins(%x) { ... }
    %v, %i = generic { yield %a, %b }, %i unread      -->  %v = generic { yield %a }

    Right because the operations have no effects: a value that nobody reads may be missing, and equal computations
    on equal operands give equal values. An operand stays if a loop's extent could not be known without it; a
    result stays if another yielded value depends on what was yielded for it before.
    """

    name = "tidy-linalg"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)


def tidy(function: func.FuncOp) -> None:
    """The pass on one function; what other passes call after their own work."""
    changed = True
    while changed:
        changed = deduplicate(function.body.block)
        for op in generics(function):
            changed |= tidy_generic(op)
        changed |= erase_dead(function)


def deduplicate(block: Block) -> bool:
    """Replaces every operation of `block` by an equal earlier one; whether there was any.

    Keys are made only for operations of one name with the same operands, which are few: a key spans a whole body.
    """
    first: dict[tuple[str | int, ...], Operation] = {}
    by_key: dict[tuple[str | int, ...], dict[Hashable, Operation]] = {}
    found = False
    for op in list(block.ops):
        if not op.results:
            continue
        rough = (op.name, *map(id, op.operands))
        similar = first.setdefault(rough, op)
        if similar is op:
            continue
        keys = by_key.get(rough)
        if keys is None:
            keys = by_key[rough] = {computation_key(similar): similar}
        equal = keys.setdefault(computation_key(op), op)
        if equal is not op and is_removable(op):
            replace(op, equal.results)
            found = True
    return found


def tidy_generic(op: GenericOp) -> bool:
    """The pass on the one generic `op`, which may be replaced; whether there was anything to do."""
    changed = _tidy_body(op)
    while (index := _unneeded_result(op)) is not None:
        op = _drop_result(op, index)
        changed = True
    return _tidy_inputs(op) or changed


def _tidy_body(op: GenericOp) -> bool:
    """Equal operations of the body once, dead ones gone."""
    body = op.body.block
    changed = deduplicate(body)
    for inner in reversed(list(body.ops)):
        if not any(r.uses for r in inner.results) and not isinstance(inner, YieldOp) and is_removable(inner):
            body.erase_op(inner)
            changed = True
    return changed


def _unneeded_result(op: GenericOp) -> int | None:
    """An unread result, not the only one, that no other yielded value depends on and no loop's extent either."""
    if len(op.results) == 1:
        return None
    for index, result in enumerate(op.results):
        others: list[SSAValue] = [value for i, value in enumerate(yielded(op)) if i != index]
        outs = [access for i, access in enumerate(outputs(op)) if i != index]
        unread = others and not result.uses and output_arguments(op)[index] not in _needed(others)
        if unread and loops_known(inputs(op), outs):
            return index
    return None


def _needed(values: list[SSAValue]) -> set[SSAValue]:
    """Every value that `values` are computed from."""
    needed: set[SSAValue] = set()
    pending = list(values)
    while pending:
        value = pending.pop()
        if value not in needed:
            needed.add(value)
            if isinstance(value.owner, Operation):
                pending.extend(value.owner.operands)
    return needed


def _drop_result(op: GenericOp, index: int) -> GenericOp:
    """The generic without result `index`, which is not used."""
    body = op.body.block
    old_yield = terminator(body)
    values = [value for i, value in enumerate(old_yield.operands) if i != index]
    body.insert_ops_before((YieldOp(*values),), old_yield)
    body.erase_op(old_yield)
    _tidy_body(op)
    body.erase_arg(output_arguments(op)[index])
    new = rebuild(op, inputs(op), [access for i, access in enumerate(outputs(op)) if i != index])
    for old, made in zip((result for i, result in enumerate(op.results) if i != index), new.results, strict=True):
        replace_uses(old, made)
    assert op.parent is not None
    op.parent.erase_op(op)
    return new


def _tidy_inputs(op: GenericOp) -> bool:
    """Merges equal inputs and drops unread ones."""
    arguments = input_arguments(op)
    values = set(map(id, op.operands[: len(arguments)]))
    if len(values) == len(arguments) and all(argument.uses for argument in arguments):
        return False
    first: dict[Access, BlockArgument] = {}
    kept = inputs(op)
    gone: list[BlockArgument] = []
    for access, argument in zip(inputs(op), arguments, strict=True):
        if access in first:
            replace_uses(argument, first[access])
            gone.append(argument)
        else:
            first[access] = argument
    for access, argument in first.items():
        rest = [other for other in kept if other != access]
        if not argument.uses and loops_known(rest, outputs(op)):
            kept = rest
            gone.append(argument)
    if not gone:
        return False
    accesses = [access for access, argument in zip(inputs(op), arguments, strict=True) if argument not in gone]
    for argument in gone:
        op.body.block.erase_arg(argument)
    replace(op, rebuild(op, accesses, outputs(op)).results)
    return True
