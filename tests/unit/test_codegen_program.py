# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The launch list and what is derived from it: channels, link files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamtensor.codegen.host.program import Buffer, Function, Operand, Port, Program, Step, derive_program
from streamtensor.codegen.link import assign_channels, emit_link
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.ir.text import parse_module
from streamtensor.targets import load_device

PROGRAM = (Path(__file__).parents[1] / "golden/program.mlir").read_text(encoding="utf-8")

# A function of the device with two kernels and memory between them, called twice; views at both levels.
TWO_KERNELS = """
func.func private @pair(%x: memref<2x8xf32>, %y: memref<16xf32>) attributes {dataflow.place = "device"} {
  %between = memref.alloc() : memref<16xf32>
  %flat = memref.reinterpret_cast %x to offset: [0], sizes: [16], strides: [1] : memref<2x8xf32> to memref<16xf32>
  dataflow.kernel "first" ins(%flat : memref<16xf32>) outs(%between : memref<16xf32>) {
  ^bb0(%a: memref<16xf32>, %b: memref<16xf32>):
    dataflow.yield
  }
  dataflow.kernel "second" ins(%between : memref<16xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%a: memref<16xf32>, %b: memref<16xf32>):
    dataflow.yield
  }
  func.return
}
func.func @main(%x: memref<2x8xf32> {dataflow.name = "x"}, %y: memref<16xf32> {dataflow.result = "y"}) {
  %b0 = memref.alloc() : memref<16xf32>
  func.call @pair(%x, %b0) : (memref<2x8xf32>, memref<16xf32>) -> ()
  %v = memref.reinterpret_cast %b0 to offset: [0], sizes: [2, 8], strides: [8, 1] : memref<16xf32> to memref<2x8xf32>
  func.call @pair(%v, %y) : (memref<2x8xf32>, memref<16xf32>) -> ()
  func.return
}
"""


def program(text: str = PROGRAM) -> Program:
    return derive_program(parse_module(context(), text))


def test_ports_and_buffers() -> None:
    found = program()
    assert found.inputs == (Port("ids", "ids"),)
    assert found.parameters == (Port("wte.weight", "wte.weight"), Port("c_attn.weight", "c_attn.weight"))
    assert found.outputs == (Port("output_0", "output_0"),)
    assert found.buffer("ids") == Buffer("ids", (1, 4), "int64")
    assert found.buffer("c_attn.weight").size_bytes == 16 * 48 * 4


def test_steps_are_in_order_and_a_view_passes_the_base_pointer() -> None:
    steps = [(step.kind, step.name, step.buffers, step.function, step.call) for step in program().steps]
    assert steps == [
        ("host", "embed", ("ids", "wte.weight", "b0"), "embed", 0),
        ("kernel", "block_0", ("b0", "c_attn.weight", "b1"), "block", 1),
        ("kernel", "block_0", ("b1", "c_attn.weight", "b2"), "block", 2),
        ("kernel", "columns", ("b2", "output_0"), "columns", 3),
    ]


def test_memory_between_kernels_belongs_to_a_call() -> None:
    found = program(TWO_KERNELS)
    assert [step.buffers for step in found.steps] == [
        ("x", "pair_0.between"),
        ("pair_0.between", "b0"),
        ("b0", "pair_1.between"),
        ("pair_1.between", "y"),
    ]
    assert [step.call for step in found.steps] == [0, 0, 1, 1]
    assert {buffer.name for buffer in found.buffers} == {"x", "y", "b0", "pair_0.between", "pair_1.between"}


def test_functions_say_what_they_write() -> None:
    function = program().function("block_0")
    assert function.operands == (
        Operand("mx", False, "gmem0"),
        Operand("mw", False, "gmem1"),
        Operand("my", True, "gmem2"),
    )
    assert [operand.written for operand in program().function("embed").operands] == [False, False, True]


def test_json_round_trip() -> None:
    found = program()
    assert Program.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Program.from_json(json.loads(found.to_text())) == found


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 99},
        {"steps": None},
        {"buffers": []},
        {"functions": []},
        {"steps": [{"kind": "dream", "name": "embed", "buffers": [], "function": "embed", "call": 0}]},
        {"inputs": [{"name": "ids"}]},
    ],
)
def test_a_damaged_launch_list_is_an_error(damage: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        Program.from_json({**program().to_json(), **damage})
    assert caught.value.code == "ST0503"


def kernel(name: str, *operands: str) -> Function:
    return Function("kernel", name, tuple(Operand(x, False, f"gmem{i}") for i, x in enumerate(operands)))


def launches(functions: list[Function], steps: list[tuple[str, list[str]]], mib: dict[str, int]) -> Program:
    buffers = tuple(Buffer(name, (size << 20,), "int8") for name, size in mib.items())
    made = tuple(Step("kernel", name, tuple(used), name, i) for i, (name, used) in enumerate(steps))
    return Program((), (), (), tuple(functions), buffers, made)


def test_ports_that_see_the_same_buffer_have_the_same_channel() -> None:
    found = launches(
        [kernel("a", "x", "w", "y"), kernel("b", "x", "y")],
        [("a", ["in", "w0", "t0"]), ("a", ["t0", "w1", "t1"]), ("b", ["t1", "out"])],
        dict.fromkeys(["in", "w0", "w1", "t0", "t1", "out"], 1),
    )
    channels = assign_channels(found, load_device("u55c"))
    # t0 joins a.x and a.y, t1 joins a.y and b.x
    assert {port: channels.text(port) for port in channels.of_port} == {
        ("a", "gmem0"): "HBM[0]",
        ("a", "gmem2"): "HBM[0]",
        ("b", "gmem0"): "HBM[0]",
        ("a", "gmem1"): "HBM[1]",
        ("b", "gmem1"): "HBM[2]",
    }


def test_large_buffers_get_several_channels() -> None:
    found = launches([kernel("a", "w", "y")], [("a", ["w", "y"])], {"w": 1300, "y": 1})
    channels = assign_channels(found, load_device("u55c"))
    assert channels.text(("a", "gmem0")) == "HBM[0:2]"  # 512 MB each
    assert channels.text(("a", "gmem1")) == "HBM[3]"


def test_more_ports_than_channels_share_them() -> None:
    functions = [kernel(f"k{i}", "x") for i in range(40)]
    found = launches(functions, [(f.name, [f.name]) for f in functions], {f.name: 1 for f in functions})
    channels = assign_channels(found, load_device("u55c"))
    assert channels.text(("k31", "gmem0")) == "HBM[31]"
    assert channels.text(("k32", "gmem0")) == "HBM[0]"


def test_link_files_name_every_argument_once() -> None:
    found = program()
    files = emit_link(found, load_device("u55c"))
    lines = files["link/connectivity.cfg"].splitlines()
    wanted = [f"sp={f.name}.{operand.name}:" for f in found.kernels for operand in f.operands]
    assert [line.split(":")[0] + ":" for line in lines if line.startswith("sp=")] == wanted
    assert [line for line in lines if line.startswith("slr=")] == ["slr=block_0:SLR0", "slr=columns:SLR1"]
    assert "block_0.xo" in files["link/Makefile"]


def test_more_operands_than_ports_share_bundles() -> None:
    device = replace(load_device("u55c"), axi_ports=2)
    found = derive_program(parse_module(context(), PROGRAM), device)
    assert [operand.bundle for operand in found.function("block_0").operands] == ["gmem0", "gmem1", "gmem0"]
