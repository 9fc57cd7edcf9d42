# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs texts and modules with the interpreter and compares what they give."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.simulate import interpreter

Array = NDArray[Any]

FLOAT_TOLERANCE = 1e-5
"""Largest relative difference that a changed order of f32 additions may make in the small modules of the tests."""


def parse(text: str) -> ModuleOp:
    """The verified module that `text` holds."""
    module = parse_module(context(), text)
    verify_module(module, text)
    return module


def run_text(
    text: str,
    *inputs: Any,
    function: str = "main",
    count: Counter[str] | None = None,
) -> list[Array]:
    """What `function` of the module `text` gives for `inputs`; inputs that are no arrays become f32."""
    arrays = [
        np.asarray(x) if isinstance(x, np.ndarray | np.generic) else np.asarray(x, dtype=np.float32) for x in inputs
    ]
    return interpreter.run(parse(text), arrays, function=function, count=count)


def random_results(module: ModuleOp, function: str = "main", seed: int = 0) -> list[Array]:
    """What `function` gives for the random inputs of `seed`."""
    return interpreter.run(module, interpreter.random_inputs(module, function, seed), function=function)


def assert_same_numbers(
    before: ModuleOp | Sequence[Array],
    after: ModuleOp | Sequence[Array],
    function: str = "main",
    *,
    seed: int = 0,
    tolerance: float = FLOAT_TOLERANCE,
) -> None:
    """Both modules give the same for the same random inputs: integers exactly, floats within `tolerance`.

    Results that were computed already may be given in place of a module, for a pass that changes the module itself:
    `before = random_results(module)`, then the pass, then `assert_same_numbers(before, module)`.
    """
    old = random_results(before, function, seed) if isinstance(before, ModuleOp) else before
    new = random_results(after, function, seed) if isinstance(after, ModuleOp) else after
    assert len(old) == len(new), f"{len(old)} results before and {len(new)} after"
    for number, (a, b) in enumerate(zip(old, new, strict=True)):
        limit = tolerance if a.dtype.kind == "f" else 0.0
        difference = interpreter.compare(b, a)
        assert difference <= limit, f"result {number} differs by {difference}, more than {limit}"


def fill(text: str, names: Mapping[str, str]) -> str:
    """`text` with every `NAME` of `names` replaced, longest names first; shortens types in hand-written modules."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text
