# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import doctest
import importlib
import pkgutil

import pytest

from streamtensor import algebra

MODULES = sorted(module.name for module in pkgutil.iter_modules(algebra.__path__))
WITH_EXAMPLES = {"affine", "converter", "layout", "liveness", "prefix", "rewrites"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    results = doctest.testmod(importlib.import_module(f"streamtensor.algebra.{name}"))
    assert results.failed == 0
    assert results.attempted > 0 or name not in WITH_EXAMPLES
