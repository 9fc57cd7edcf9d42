# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A module that a user's Python file makes: "FILE.py:callable"."""

import ast
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from streamtensor.diagnostics import Location, UserError, did_you_mean

if TYPE_CHECKING:
    import torch


def check_callable(text: str) -> str:
    """`text` ("FILE.py:callable") with an absolute path, when the file is Python code that can define the callable.

    Nothing of the file is run. Raises UserError ST0101 when there is no such file, ST0107 when it is not valid Python.
    """
    name, _, attribute = text.rpartition(":")
    file = Path(name)
    if not file.is_file():
        raise UserError("ST0101", f"there is no file {name}")
    if not attribute.isidentifier():
        raise UserError("ST0107", f"'{attribute}' is not the name of a callable", hint=f"write {name}:NAME")
    try:
        ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        code = (getattr(error, "text", "") or "").strip()
        raise UserError("ST0107", f"not valid Python: {error}", location=Location(name, line, code)) from error
    return f"{file.resolve()}:{attribute}"


def load_callable(path: str) -> "tuple[torch.nn.Module, tuple[torch.Tensor, ...]]":
    """Runs the file and calls the callable of `path`; gives the module, ready for inference, and its example inputs.

    Raises UserError ST0107, with the line of the file, when that fails or when something else is returned.
    """
    import torch

    name, _, attribute = path.rpartition(":")
    file = Path(name)
    loaded = _run(file)
    function = getattr(loaded, attribute, None)
    if not callable(function):
        choices = [key for key, value in vars(loaded).items() if callable(value) and not key.startswith("_")]
        raise UserError("ST0107", f"{file.name} has no callable '{attribute}'", hint=did_you_mean(attribute, choices))
    try:
        result: Any = function()
    except Exception as error:
        raise _failed(file, f"{attribute}() raised", error) from error
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], torch.nn.Module)):
        kind = type(result).__name__
        raise UserError(
            "ST0107",
            f"{file.name}:{attribute} returned {kind}, not (torch.nn.Module, example inputs)",
            hint="return a pair: the module, and a tuple of tensors",
        )
    module, inputs = result
    if isinstance(inputs, torch.Tensor):
        inputs = (inputs,)
    if not isinstance(inputs, (tuple, list)) or not all(isinstance(item, torch.Tensor) for item in inputs):
        raise UserError("ST0107", f"the example inputs of {file.name}:{attribute} are not a tuple of tensors")
    return module.eval(), tuple(inputs)


def _run(file: Path) -> ModuleType:
    """The module object of `file`; its folder can be imported from while it runs."""
    name = f"streamtensor_source_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up there
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _failed(file, "running the file raised", error) from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _failed(file: Path, what: str, error: Exception) -> UserError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    place = Location(file.name, frames[-1].lineno or 0, frames[-1].line or "") if frames else Location(file.name)
    return UserError("ST0107", f"{what} {type(error).__name__}: {error}", location=place)
