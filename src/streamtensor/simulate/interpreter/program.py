# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A module as a Python program: written once, then called."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from types import CodeType, TracebackType
from typing import Any

import numpy as np

from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects import dataflow
from streamtensor.ir import func, locations
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import Operation
from streamtensor.simulate.interpreter.dataflow import COUNT
from streamtensor.simulate.interpreter.emitter import Emitter
from streamtensor.simulate.interpreter.func import write_function
from streamtensor.simulate.interpreter.registry import HANDLERS

_NUMBERS = itertools.count()


class Program:
    """The function `function` of `module` and all that it calls, ready to run; later changes of the module do not show.

    Raises InternalError when an operation is not known, or a function is missing or has no body.
    """

    def __init__(self, module: ModuleOp, function: str) -> None:
        functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
        self._emitter = Emitter(HANDLERS)
        self._entry = self._emitter.request(function)
        written = 0
        while written < len(self._emitter.requested):
            symbol = self._emitter.requested[written]
            if symbol not in functions:
                raise InternalError(f"the module has no function {symbol}")
            write_function(self._emitter, self._emitter.request(symbol), functions[symbol])
            written += 1
        self._file = f"<streamtensor interpreter {next(_NUMBERS)}>"
        self._code: CodeType = compile(self._emitter.source, self._file, "exec")

    @property
    def source(self) -> str:
        """The Python text that runs."""
        return self._emitter.source

    def call(self, arguments: Sequence[Any], count: Counter[str]) -> tuple[Any, ...]:
        """Runs the function and adds the tokens of every FIFO to `count`; gives the tuple of its results.

        Raises InternalError, with the operation and its place, when something in it fails.
        """
        environment: dict[str, Any] = {**self._emitter.environment, COUNT: count}
        exec(self._code, environment)
        try:
            with np.errstate(all="ignore"):
                return environment[self._entry](*arguments)
        except (UserError, MemoryError):
            raise
        except Exception as error:
            op = self._failed(error.__traceback__)
            place = f" (in {_place(op)})" if op is not None else ""
            text = str(error) if isinstance(error, InternalError) else f"{type(error).__name__}: {error}"
            raise InternalError(f"{text}{place}") from error

    def _failed(self, traceback: TracebackType | None) -> Operation | None:
        """The operation whose line was running."""
        op: Operation | None = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self._file:
                op = self._emitter.origin(traceback.tb_lineno) or op
            traceback = traceback.tb_next
        return op


def _place(op: Operation) -> str:
    """The operation, the task, kernel and function around it, and the model's own line."""
    names = [op.name]
    current = op.parent_op()
    while current is not None:
        match current:
            case dataflow.TaskOp():
                names.append(f"task {current.task_name}")
            case dataflow.KernelOp():
                names.append(f"kernel {current.kernel_name}")
            case func.FuncOp():
                names.append(f"function {current.sym_name.data}")
            case _:
                pass
        current = current.parent_op()
    line = locations.location_text(op)
    return ", ".join(names) + (f"; {line}" if line else "")
