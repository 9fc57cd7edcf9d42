# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A run-time bound in the emitted code: the launch list, the top function, and the host's tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamtensor.codegen.design import Design
from streamtensor.codegen.hls.csim_glue import emit_csim_glue
from streamtensor.codegen.hls.emit import emit_hls
from streamtensor.codegen.host.program import Bound, Program, derive_program
from streamtensor.codegen.host.xrt import emit_xrt_host
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module
from streamtensor.report.bounds import bound_facts, unbounded_notes
from streamtensor.transforms.lowering.bound_context_loops import BoundContextLoopsPass
from streamtensor.transforms.resources.bounded_kernels import kernel_at, largest_bounds, programs_at, smaller_bounds

CASES = Path(__file__).resolve().parents[1] / "filecheck" / "lowering" / "bound-context-loops.mlir"


def case(number: int) -> ModuleOp:
    """A module of the pass's filecheck test, after the pass: 0 is bounded, the others can't be."""
    module = parse_module(context(), CASES.read_text(encoding="utf-8").split("// -----")[number], str(CASES))
    BoundContextLoopsPass().apply(context(), module)
    return module


def test_a_launch_names_the_position_and_its_tiles() -> None:
    program = derive_program(case(0))
    launch = program.steps[-1]
    assert launch.bounds == (Bound("position", 4, 2),)
    assert program.function(launch.name).scalars == ("position_tiles",)
    assert len(program.function(launch.name).operands) == len(launch.buffers) == 3
    assert Program.from_json(json.loads(program.to_text())) == program


@pytest.mark.parametrize("bounds", [[], [{"of": "nothing", "tile": 4, "most": 2}], [{"of": "position"}]])
def test_a_launch_list_with_a_damaged_bound_is_refused(bounds: list[dict[str, Any]]) -> None:
    data = json.loads(derive_program(case(0)).to_text())
    data["steps"][-1]["bounds"] = bounds
    with pytest.raises(UserError, match="damaged"):
        Program.from_json(data)


def test_the_top_function_takes_the_bound_by_value() -> None:
    module = case(0)
    text = emit_hls(module)["hls/f.cpp"]
    assert "#pragma HLS interface s_axilite port=position_tiles bundle=control" in text
    assert "ST_TASK(sum, out, position_tiles, converter_to_sum)" in text
    assert text.count("#pragma HLS loop_tripcount min=1 max=4") == 3
    assert "i < position_tiles * 2; ++i)" in text
    assert "*static_cast<const int *>(args[3])" in emit_csim_glue(module)["csim/csim_main.cpp"]


def test_the_host_of_a_card_has_the_bound_in_its_table() -> None:
    program = derive_program(case(0))
    text = emit_xrt_host(program)["host/program.h"]
    position = [buffer.name for buffer in program.buffers].index("position")
    assert f", {{{{{position}, 4, 2}}}}}},  // f, call 1" in text


def test_a_kernel_at_a_bound_is_static() -> None:
    (kernel,) = Design.of(case(0)).kernels
    assert list(largest_bounds(kernel).values()) == [2]
    assert [list(tiles.values()) for tiles in smaller_bounds(kernel)] == [[1]]
    for tiles in (1, 2, 5):
        static = kernel_at(kernel, tiles)
        assert largest_bounds(static) == {}
        bound = next(iter(largest_bounds(kernel)))
        assert programs_at(static, {}) == programs_at(kernel, {bound: min(tiles, 2)})


def test_the_summary_says_what_is_bounded_and_why_not() -> None:
    assert bound_facts(case(0)) == {"position": {"tile": 4, "most": 2, "loops": 4}}
    (note,) = unbounded_notes({"bounds": bound_facts(case(2))})
    assert note.startswith("the loops do not end where position says")
    assert note.endswith("the caller reads all that task store writes")
