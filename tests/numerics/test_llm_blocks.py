# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interpreter gives the same numbers before and after every pass, on a small block of each family."""

import pytest
import torch

from small_blocks import CASES, small_block
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.models.blocks import BlockKind
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to


@pytest.mark.parametrize("tile", [4, 16])
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_no_pass_changes_the_numbers(name: str, kind: BlockKind, tile: int) -> None:
    torch.manual_seed(0)
    module, inputs = small_block(name, kind)
    ir = import_module(module, inputs).module
    runner = PassRunner(context(), verify_each=True, verify_numerics=True)
    for level in LEVEL_FILES:
        runner.run(ir, level, passes_to(level, Choices(tile=tile)))
