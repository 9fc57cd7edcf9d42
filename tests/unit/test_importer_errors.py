# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules that cannot be imported: the code, the operation, and the line of the model that the error names."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamtensor.diagnostics import UserError
from streamtensor.importers.program import import_module


class Svd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        return torch.linalg.svd(y).S  # the line of the svd


class Fft(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(x).real  # the line of the fft


class Sort(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sort(-1).values + 1  # the line of the sort


class Select(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[x > 0]  # the line of the selection


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:  # the line of the branch
            return x
        return -x


class Item(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.sum().item()  # the line of the number


class Mismatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x @ x  # the line of the product


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)  # the line of the noise


class Dropout(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, self.training)  # the line of the dropout


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> None:
        return None


class Writes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.add_(1)


class Blocks(nn.Module):
    """The unsupported operation stands in a block, behind one that is fine."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return torch.linalg.inv(x)  # the line of the inverse


X = torch.ones(4, 4)


@pytest.mark.parametrize(
    ("module", "code", "words", "line"),
    [
        (Svd(), "ST0104", "aten._linalg_svd", "the line of the svd"),
        (Sort(), "ST0104", "aten.sort", "the line of the sort"),
        (Blocks(), "ST0104", "aten.linalg_inv", "the line of the inverse"),
        (Fft(), "ST0110", "complex", "the line of the fft"),
        (Random(), "ST0110", "random", "the line of the noise"),
        (Dropout(), "ST0110", "random", "the line of the dropout"),
        (Select(), "ST0106", "not known", "the line of the selection"),
        (Branch(), "ST0106", "depends on the values", "the line of the branch"),
        (Item(), "ST0106", "number", "the line of the number"),
        (Nothing(), "ST0111", "no tensor", ""),
        (Writes(), "ST0110", "writes", ""),
    ],
)
def test_error(module: nn.Module, code: str, words: str, line: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError) as caught:
        import_module(module, (X,))
    error = caught.value
    assert error.code == code, str(error)
    assert words in error.message
    if line:
        assert error.location is not None
        assert line in error.location.text
        assert error.location.file.endswith("test_importer_errors.py")
        assert not error.location.file.startswith("/")
    assert capfd.readouterr().err == ""  # the error says it once; PyTorch's own talk is kept away


def test_the_modules_own_exception_is_told() -> None:
    with pytest.raises(UserError) as caught:
        import_module(Mismatch(), (torch.ones(2, 3),))
    assert caught.value.code == "ST0111"
    assert caught.value.location is not None
    assert "the line of the product" in caught.value.location.text


@pytest.mark.parametrize("make", [lambda: nn.Linear(4, 4).double(), lambda: nn.BatchNorm1d(4)])
def test_kinds_of_state(make: Callable[[], nn.Module]) -> None:
    module = make()
    x = torch.ones(3, 4, dtype=next(module.parameters()).dtype)
    with pytest.raises(UserError) as caught:
        import_module(module, (x,))
    assert caught.value.code == "ST0110"
    assert caught.value.hint


def test_dynamic_shape_of_a_nested_operation() -> None:
    class Unique(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.unique(x)

    with pytest.raises(UserError) as caught:
        import_module(Unique(), (X,))
    assert caught.value.code == "ST0106"
