# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reading the JSON files of a compiled folder: a damaged one is the user's error, with the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from streamtensor.codegen.host.program import Program
from streamtensor.diagnostics import UserError

PROGRAM = "program.json"

Value = TypeVar("Value")


def read_json(file: Path, form: Callable[[Any], Value]) -> Value:
    """What `form` makes of the JSON in `file`.

    Raises UserError ST0503 when the file can't be read, is not JSON, or `form` finds it to be of another form.
    """
    try:
        return form(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError("ST0503", f"can't read {file}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError("ST0503", f"{file} is damaged: {error}", hint="compile the model again") from error


def read_program(folder: Path) -> Program:
    """The launch list in the folder of a program.

    Raises UserError ST0503 when there is none, because the model was not compiled as far as code, or it is damaged.
    """
    file = folder / PROGRAM
    if not file.is_file():
        raise UserError("ST0503", f"{folder} was not compiled as far as code", hint="compile the model with --to code")
    try:
        return read_json(file, Program.from_json)
    except UserError as error:
        if str(file) in error.message:
            raise
        raise UserError(error.code, f"{file}: {error.message}", hint="compile the model again") from error
