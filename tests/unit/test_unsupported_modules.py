# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can't be compiled is one error that names the operation and the line of the model."""

import pytest
import torch

from model_zoo import REFUSED, make
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_module
from streamtensor.pipelines import Choices, passes_to


def _compile(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    ir = import_module(module, inputs).module
    for level in ("tensor", "dataflow"):
        PassRunner(context()).run(ir, level, passes_to(level, Choices()))


@pytest.mark.parametrize("name", REFUSED)
def test_the_error_says_where(name: str) -> None:
    module, inputs = make(name)
    with pytest.raises(UserError) as caught:
        _compile(module, inputs)
    assert caught.value.code == "ST0104"
    assert caught.value.location is not None
    assert caught.value.location.line > 0
