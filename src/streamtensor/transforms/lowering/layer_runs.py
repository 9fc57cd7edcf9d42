# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls of one function, one after the other, that are the layers of a model: what they share, and what each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import ExternKernelOp, KernelOp
from streamtensor.dialects.memory_views import MEMORY_VIEWS, behind_memory_views
from streamtensor.ir import arith, func, memref
from streamtensor.ir.builtin import MemRefType, ModuleOp
from streamtensor.ir.core import BlockArgument, Operation, SSAValue
from streamtensor.transforms.build import is_device
from streamtensor.transforms.fusion.lower_pack_unpack import LAYOUT
from streamtensor.transforms.lowering.bufferize import RESULT

INPUT, PARAMETER, KEPT = "dataflow.name", "dataflow.param", "dataflow.cache"
COMPUTED = "computed"


class NotInOneLaunchError(Exception):
    """Why calls of a function can't become one launch."""


@dataclass(frozen=True)
class LayerRun:
    """Calls of `function` in a row, one for each layer; it has one kernel.

    Its arguments by number: `carried` maps those that are the result of the layer before to that result; `stacked` are
    those of which each layer has its own: parameters, kept inputs, results, and what the host computes before the first
    layer; all others are the same for all layers.
    """

    function: func.FuncOp
    kernel: KernelOp
    calls: tuple[func.CallOp, ...]
    carried: dict[int, int]
    stacked: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of layers."""
        return len(self.calls)

    def results(self) -> frozenset[int]:
        """The numbers of the arguments that the function writes."""
        return _results(self.function)

    def values(self, number: int) -> list[SSAValue]:
        """What each layer gives for an argument."""
        return [call.operands[number] for call in self.calls]


def layer_runs(module: ModuleOp) -> list[LayerRun]:
    """The functions that `main` calls more than once, each as a run of layers.

    Raises UserError ST0307 when the calls of such a function can't become one launch, and says why.
    """
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    main = functions.get("main")
    if main is None:
        return []
    rows: list[list[func.CallOp]] = []
    for op in main.body.block.ops:
        if not isinstance(op, func.CallOp):
            continue
        callee = functions[op.callee.string_value()]
        if LAYOUT in callee.attributes:
            continue
        if rows and rows[-1][0].callee == op.callee:
            rows[-1].append(op)
        else:
            rows.append([op])
    runs: list[LayerRun] = []
    for row in [row for row in rows if is_device(functions[row[0].callee.string_value()])]:
        name = row[0].callee.string_value()
        if sum(other[0].callee == row[0].callee for other in rows) > 1:
            raise cant_run(functions[name], _apart(rows, name))
        if len(row) > 1:
            try:
                runs.append(_run(functions[name], row))
            except NotInOneLaunchError as reason:
                raise cant_run(functions[name], str(reason)) from reason
    return runs


def cant_run(function: func.FuncOp, reason: str) -> UserError:
    """The error for layers that can't run in one launch."""
    return UserError(
        "ST0307",
        f"the layers of function {function.sym_name.data} can't run in one launch: {reason}",
        hint="compile with --launch per-layer",
    )


def _apart(rows: Sequence[Sequence[func.CallOp]], name: str) -> str:
    order = ", ".join(f"{len(row)} x {row[0].callee.string_value()}" for row in rows)
    return f"other launches stand between its calls ({order}), so there are layers of several kinds"


def _run(function: func.FuncOp, calls: Sequence[func.CallOp]) -> LayerRun:
    kernel = _kernel(function)
    results = _results(function)
    carried: dict[int, int] = {}
    stacked: list[int] = []
    for number in range(len(function.body.block.args)):
        values = [call.operands[number] for call in calls]
        if number in results:
            continue
        source = _result_before(calls, number, results)
        if source is not None:
            carried[number] = source
        elif any(value is not values[0] for value in values):
            stacked.append(number)
    if not carried:
        raise NotInOneLaunchError("no layer reads a result of the one before")
    stacked += [number for number in sorted(results) if number not in carried.values()]
    run = LayerRun(function, kernel, tuple(calls), carried, tuple(sorted(stacked)))
    for number in run.stacked:
        values = run.values(number)
        for call, value in zip(calls, values, strict=True):
            ahead = number not in results and maker_ahead(value, calls[0]) is not None
            if not ahead:
                _check_stacked(function, number, call, value, is_result=number in results)
        if number not in results and len({_role(call, value) for call, value in zip(calls, values, strict=True)}) > 1:
            raise NotInOneLaunchError(
                f"{_name(function, number)} is a parameter of some layers, and an input of others"
            )
    for number in set(carried.values()):
        _check_carried(run, number)
    return run


def _kernel(function: func.FuncOp) -> KernelOp:
    """The only kernel of a function; everything else in it are views."""
    kernels = [op for op in function.body.block.ops if isinstance(op, KernelOp)]
    if len(kernels) != 1:
        raise NotInOneLaunchError(
            f"{len(kernels)} kernels make up a layer, which are {len(kernels)} launches; one launch needs a layer that "
            "is fused into one kernel"
        )
    for op in function.body.block.ops:
        if op.name not in (*MEMORY_VIEWS, "func.return") and not isinstance(op, KernelOp | arith.ConstantOp):
            raise NotInOneLaunchError(f"a layer has {op.name} beside its kernel")
    by_hand = next((op for op in kernels[0].walk() if isinstance(op, ExternKernelOp)), None)
    if by_hand is not None:
        raise NotInOneLaunchError(f"hand-written kernel {by_hand.task_name} runs once in a launch")
    return kernels[0]


def _results(function: func.FuncOp) -> frozenset[int]:
    attributes = list(function.arg_attrs) if function.arg_attrs is not None else []
    return frozenset(number for number, mine in enumerate(attributes) if RESULT in mine.data)


def _result_before(calls: Sequence[func.CallOp], number: int, results: frozenset[int]) -> int | None:
    """The result of the layer before that every layer but the first takes as argument `number`."""
    for result in results:
        if all(after.operands[number] is before.operands[result] for before, after in pairwise(calls)):
            return result
    return None


def _check_carried(run: LayerRun, number: int) -> None:
    """Between the layers, a result is read by the next layer and by nobody else."""
    inputs = {argument for argument, result in run.carried.items() if result == number}
    for index, value in enumerate(run.values(number)[:-1]):
        if not isinstance(value.owner, memref.AllocOp):
            raise NotInOneLaunchError(f"what layer {index} hands on is an output of the program")
        for use in value.uses:
            after = use.operation is run.calls[index + 1] and use.index in inputs
            if not after and not (use.operation is run.calls[index] and use.index == number):
                raise NotInOneLaunchError(f"what layer {index} hands on is read by {_what(use.operation)} too")


def _check_stacked(function: func.FuncOp, number: int, call: func.CallOp, value: SSAValue, *, is_result: bool) -> None:
    """What each layer has of its own is an argument of main, or is packed from one or unpacked to one."""
    name = _name(function, number)
    if not isinstance(value.type, MemRefType):
        raise NotInOneLaunchError(f"the layers have different numbers for {name}")
    if isinstance(behind_memory_views(value), BlockArgument):
        return
    others = [use.operation for use in value.uses if use.operation is not call]
    fits = isinstance(value.owner, memref.AllocOp) and len(others) == 1
    layout = others[0] if fits else None
    if not isinstance(layout, func.CallOp) or (not is_result and not _packs_argument(layout, value)):
        verb = "read" if is_result else "made"
        what = ", ".join(sorted(map(_what, others))) or "nobody"
        raise NotInOneLaunchError(f"{name}, of which each layer has its own, is {verb} by {what}")


def _name(function: func.FuncOp, number: int) -> str:
    return function.body.block.args[number].name_hint or f"argument {number}"


def _role(call: func.CallOp, value: SSAValue) -> frozenset[str]:
    """What kind of argument of main a layer's value is, or is packed from."""
    if is_packed(value, call):
        pack = next(use.operation for use in value.uses if use.operation is not call)
        value = pack.operands[0]
    elif isinstance(value.owner, memref.AllocOp):
        return frozenset({COMPUTED})
    argument = behind_memory_views(value)
    assert isinstance(argument, BlockArgument)
    main = argument.block.parent_op()
    assert isinstance(main, func.FuncOp)
    attributes = list(main.arg_attrs) if main.arg_attrs is not None else []
    known = attributes[argument.index].data if argument.index < len(attributes) else {}
    return frozenset(known) & {PARAMETER, INPUT, KEPT}


def is_packed(value: SSAValue, call: func.CallOp) -> bool:
    """Whether a buffer is what a call that packs an argument of main makes for `call` alone."""
    others = [use.operation for use in value.uses if use.operation is not call]
    if not isinstance(value.owner, memref.AllocOp) or len(others) != 1:
        return False
    (pack,) = others
    return isinstance(pack, func.CallOp) and LAYOUT in _callee(pack).attributes and _packs_argument(pack, value)


def maker_ahead(value: SSAValue, first: func.CallOp) -> func.CallOp | None:
    """The call of the host that fills a buffer before `first`, or could: it packs what is there by then."""
    uses = [use for use in value.uses if isinstance(use.operation, func.CallOp)]
    makers = [use.operation for use in uses if use.index in _results(_callee(use.operation))]
    if not isinstance(value.owner, memref.AllocOp) or len(makers) != 1:
        return None
    (maker,) = makers
    block = first.parent
    assert isinstance(maker, func.CallOp)
    assert block is not None
    if is_device(_callee(maker)):
        return None
    if block.get_operation_index(maker) < block.get_operation_index(first):
        return maker
    source = behind_memory_views(maker.operands[0])
    known = isinstance(source, BlockArgument) or maker_ahead(source, first) is not None
    return maker if LAYOUT in _callee(maker).attributes and known else None


def _callee(call: Operation) -> func.FuncOp:
    assert isinstance(call, func.CallOp)
    main = call.parent_op()
    module = main.parent_op() if main is not None else None
    assert isinstance(module, ModuleOp)
    name = call.callee.string_value()
    return next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == name)


def _packs_argument(call: func.CallOp, packed: SSAValue) -> bool:
    """Whether a call packs an argument of main into `packed`."""
    source = behind_memory_views(call.operands[0])
    return isinstance(source, BlockArgument) and call.operands[1] is packed


def _what(op: Operation) -> str:
    return f"function {op.callee.string_value()}" if isinstance(op, func.CallOp) else op.name
