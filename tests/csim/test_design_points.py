# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model compiled at a point of its design space: the choices stand in the C++, and the numbers are PyTorch's."""

import json
from pathlib import Path

import numpy as np
import pytest

from streamtensor import flow
from streamtensor.flow.compile import Design
from streamtensor.flow.timing import simulate_folder
from streamtensor.spaces import Objective, space_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.needs("g++")


def test_choices_for_single_kernels_reach_the_code(tmp_path: Path) -> None:
    source = f"{EXAMPLES / 'mlp.py'}:mlp"
    space = space_of(source)
    point = space.check({"tile.up.0": 8, "tile.up.1": 8, "tile.up.2": 1, "unroll.up": 32, "group.down": 1})
    choices = space.choices(point)
    assert "unroll.up=32" in choices.kernels
    out = tmp_path / "out"
    flow.compile_model(source, out, designs={"main": Design(point, choices)}, verify_each=True)
    stream = (out / "main" / "50-stream.mlir").read_text(encoding="utf-8")
    assert "dataflow.lanes = 32" in stream
    assert json.loads((out / "compile.json").read_text(encoding="utf-8"))["points"]["main"]["unroll.up"] == 32
    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, np.random.default_rng(0).standard_normal((32, 64)).astype(np.float32))
    run = flow.run_inputs(out, inputs, check=True)
    assert run.equal
    assert simulate_folder(out).cycles == space.evaluate(point).objectives[Objective.LATENCY]
    again = space_of(str(out))
    assert again.evaluate(again.default_point()).objectives == space.evaluate(point).objectives
