# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every module of the zoo through all passes, verified and run by the interpreter after each."""

import pytest

from model_zoo import PIECES, ZOO, make
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to


@pytest.mark.parametrize("tile", [4, 16])
@pytest.mark.parametrize("name", ZOO)
def test_no_pass_changes_the_numbers(name: str, tile: int) -> None:
    _run(name, tile)


@pytest.mark.parametrize("name", PIECES)
def test_single_operations(name: str) -> None:
    _run(name, 4)


def _run(name: str, tile: int) -> None:
    module, inputs = make(name)
    ir = import_module(module, inputs).module
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(tile=tile)))
