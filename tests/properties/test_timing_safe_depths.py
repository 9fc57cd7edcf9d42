# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The safe rule in the native core gives the depths that it gives in Python."""

import random
from pathlib import Path
from typing import Any

import pytest

from streamtensor.algebra import safe_depths as rule
from streamtensor.algebra.errors import ScheduleError
from streamtensor.timing.safe_depths import native_marks
from timing_cases import random_graph


def answer(programs: rule.Programs, burst: int, marks: rule.Marks) -> dict[str, int] | str:
    try:
        return rule.safe_depths(programs, min_depth=1, burst=burst, marks_of_run=marks)
    except ScheduleError as error:
        return str(error)


def test_the_same_depths_and_the_same_errors() -> None:
    answers: list[dict[str, int] | str] = []
    for seed in range(800):
        programs = {task.name: task.program for task in random_graph(seed).tasks}
        burst = random.Random(seed).choice([1, 1, 2, 5, 16])
        native = answer(programs, burst, native_marks)
        assert native == answer(programs, burst, rule.marks_of_one_run), seed
        answers.append(native)
    errors = [a for a in answers if isinstance(a, str)]
    assert any("ring of empty FIFOs" in error for error in errors)
    assert any("has ended" in error for error in errors)
    assert sum(isinstance(a, dict) and max(a.values(), default=0) > 5 for a in answers) > 50


def test_without_a_compiler_python_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from streamtensor.algebra.steps import Step
    from streamtensor.timing import native_library
    from streamtensor.timing.safe_depths import safe_depths

    programs = {
        "fork": [Step(100, writes=("early",)), Step(100, writes=("late",))],
        "join": [Step(100, reads=("late", "early"))],
    }
    expected = safe_depths(programs)
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(native_library, "installed", lambda: tmp_path / "none.so")
    native_library.load.cache_clear()
    try:
        assert not native_library.available()
        assert safe_depths(programs) == expected == {"early": 100, "late": 16}
    finally:
        native_library.load.cache_clear()


def test_the_same_depths_for_kernels_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    import streamtensor
    from streamtensor.timing.safe_depths import safe_depths
    from streamtensor.transforms.resources import size_streams

    class Attention(torch.nn.Module):
        def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return torch.softmax(q @ k.transpose(0, 1), dim=-1) @ v + q

    sizes: list[int] = []

    def both(programs: rule.Programs, **options: Any) -> dict[str, int]:
        native = safe_depths(programs, **options)
        assert native == rule.safe_depths(programs, **options)
        sizes.append(len(native))
        return native

    monkeypatch.setattr(size_streams, "safe_depths", both)
    streamtensor.compile(Attention(), tuple(torch.randn(16, 16) for _ in range(3)))
    assert max(sizes) > 5
