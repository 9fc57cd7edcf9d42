# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All layers in one launch, on the module of the pass's filecheck test: numbers, launch list, C++, graph."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from streamtensor.codegen.hls.emit import emit_hls
from streamtensor.codegen.host.functions import emit_host_functions
from streamtensor.codegen.host.program import Program, derive_program
from streamtensor.codegen.host.xrt import emit_xrt_host
from streamtensor.diagnostics import InternalError, UserError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.flow.buffers import allocate
from streamtensor.flow.layer_launch import launch_graph
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.report.layers import layer_facts, layer_notes
from streamtensor.simulate.interpreter import run
from streamtensor.simulate.interpreter.together import Together
from streamtensor.targets.operations import load_operations
from streamtensor.timing.simulator import Simulator
from streamtensor.transforms.lowering.repeat_layers import RepeatLayersPass
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel

CASE = Path(__file__).resolve().parents[1] / "filecheck" / "lowering" / "repeat-layers.mlir"
LAYERS = 3


def before() -> ModuleOp:
    return parse_module(context(), CASE.read_text(encoding="utf-8"), str(CASE))


def after() -> ModuleOp:
    module = before()
    RepeatLayersPass().apply(context(), module)
    verify_module(module)
    return module


def inputs() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    shapes = {"x": (2, 4), **{f"{n}.w": (2, 4) for n in range(LAYERS)}, **{f"{n}.b": (4, 2) for n in range(LAYERS)}}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def kernel_of(module: ModuleOp) -> KernelOp:
    return next(op for op in module.walk() if isinstance(op, KernelOp))


def test_one_launch_gives_what_a_launch_for_each_layer_gives() -> None:
    tokens: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    results = [run(module, inputs(), count=count) for module, count in zip((before(), after()), tokens, strict=True)]
    assert len(results[0]) == 1 + LAYERS
    for separate, together in zip(*results, strict=True):
        assert np.array_equal(separate, together)
    assert not np.array_equal(results[0][1], results[0][2])  # each layer has a result of its own
    feedback = tokens[1].pop("layer_0.store_y_to_load_x")
    assert feedback == 8 * (LAYERS - 1)
    assert tokens[0] == tokens[1]


def test_the_text_of_the_result_reads_back() -> None:
    text = print_module(after())
    assert print_module(parse_module(context(), text)) == text


def test_a_stack_has_a_part_for_each_layer_and_nothing_is_copied() -> None:
    program = derive_program(after())
    assert [step.name for step in program.steps] == ["layer_0"]
    stacks = {buffer.name: buffer for buffer in program.buffers if not buffer.whole}
    parts = [buffer for buffer in program.buffers if buffer.whole]
    assert {part.whole for part in parts} == {"layers_w", "layers_b", "layers_n"}
    for part in parts:
        assert (LAYERS, *part.shape) == stacks[part.whole].shape
    stored = {port.name: program.buffer(port.buffer) for port in program.parameters}
    assert [(stored[f"{n}.b"].whole, stored[f"{n}.b"].part) for n in range(LAYERS)] == [
        ("layers_b", n) for n in range(LAYERS)
    ]
    assert [program.buffer(port.buffer).part for port in program.outputs if port.name != "y"] == [0, 1, 2]
    assert Program.from_json(json.loads(program.to_text())) == program


def test_parts_are_views_of_their_stack() -> None:
    program = derive_program(after())
    arrays = allocate(program, ["x"])
    assert "x" not in arrays
    arrays["layers_b[1]"][...] = 7
    assert arrays["layers_b"][:, 0, 0].tolist() == [0, 7, 0]


def test_a_launch_list_with_a_part_of_nothing_is_refused() -> None:
    data = json.loads(derive_program(after()).to_text())
    next(buffer for buffer in data["buffers"] if buffer["whole"])["whole"] = "nothing"
    with pytest.raises(UserError, match="damaged"):
        Program.from_json(data)


def test_the_host_tables_say_where_a_part_begins() -> None:
    table = emit_xrt_host(derive_program(after()))["host/program.h"]
    whole = next(n for n, line in enumerate(table.splitlines()) if '"layers_w"' in line)
    lines = table.splitlines()[whole : whole + 1 + LAYERS]
    assert '{"layers_w", 96, true, -1, 0}' in lines[0]
    assert '{"layers_w[2]", 32, false, ' in lines[3]
    assert lines[3].strip().endswith(", 64},")


def test_the_code_says_that_a_fifo_goes_backward() -> None:
    text = emit_hls(after())["hls/layer_0.cpp"]
    assert text.count("no canonical dataflow region") == 1
    assert text.index("no canonical dataflow region") < text.index('("store_y_to_load_x")')
    (note,) = layer_notes({"layer_loops": layer_facts(after())})
    assert "store_y_to_load_x" in note
    assert "can't be checked" in note
    assert layer_facts(before()) == {}


def test_the_graph_of_the_launch_completes_and_is_no_longer_than_the_launches() -> None:
    table = load_operations("ultrascale_plus")
    alone, together = (Simulator(schedule_kernel(kernel_of(m), table).graph()) for m in (before(), after()))
    ordered = Simulator(schedule_kernel(kernel_of(after()), table).ordered_graph())
    assert ordered.run().deadlock is None
    separate, joined = alone.run(), together.run()
    assert joined.deadlock is None
    assert separate.cycles < joined.cycles <= LAYERS * separate.cycles


def test_the_ring_needs_room_for_the_input_of_a_layer_and_the_safe_depths_have_it() -> None:
    """The select task writes all of the first layer's input, 8 numbers, before it reads what comes back."""
    scheduled = schedule_kernel(kernel_of(after()), load_operations("ultrascale_plus"))
    simulator = Simulator(scheduled.ordered_graph())
    shallow = simulator.run({"x_to_f": 2, "f_to_y": 2, "store_y_to_load_x": 2}).deadlock
    assert shallow is not None
    assert {wait.fifo for wait in shallow.waits} == {"x_to_f", "f_to_y", "store_y_to_load_x"}
    assert simulator.run({"x_to_f": 2, "f_to_y": 2, "store_y_to_load_x": 8}).deadlock is None
    assert simulator.run({"w_to_f": 1, "f_to_n": 1}).deadlock is None  # bridges


def test_tasks_that_take_turns_wait_for_each_other_to_no_end() -> None:
    together = Together()
    first: list[int] = []
    second: list[int] = []
    together.tasks.append(lambda: (together.wait(first, "a waits"), second.append(1)))
    together.tasks.append(lambda: (together.wait(second, "b waits"), first.append(1)))
    with pytest.raises(InternalError, match="a waits; b waits"):
        together.run()


def test_what_a_task_raises_reaches_the_caller() -> None:
    together = Together()
    tokens: list[int] = []
    together.tasks.append(lambda: together.wait(tokens, "waits"))
    together.tasks.append(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        together.run()


def test_the_graph_of_a_launch_comes_from_the_ir_of_one_block() -> None:
    """The same graph as that of the pass over a whole model; the block itself stays as it is."""
    block, operations = before(), load_operations("ultrascale_plus")
    names = ["hidden", "w", "b", "n", "hidden"]
    graph, ordered = launch_graph(block, "layer_0", LAYERS, names, "hidden", (), operations, {})
    wanted = schedule_kernel(kernel_of(after()), operations)
    assert Simulator(graph).run().cycles == Simulator(wanted.graph()).run().cycles
    assert {fifo.name: fifo.depth for fifo in ordered.fifos} == {fifo.name: fifo.depth for fifo in wanted.fifos}
    assert print_module(block) == print_module(before())


def computed(*biases: str) -> ModuleOp:
    """The module with biases that the host computes: `ones` or `twos`, a buffer of each for all layers that take it."""
    fill = """  func.func private @NAME(%z: memref<4x2xf32> {dataflow.result = "output_0"})
      attributes {dataflow.place = "host"} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %v = arith.constant VALUE : f32
    scf.for %i = %c0 to %c4 step %c1 {
      scf.for %j = %c0 to %c2 step %c1 {
        memref.store %v, %z[%i, %j] : memref<4x2xf32>
      }
    }
    func.return
  }
"""
    text = CASE.read_text(encoding="utf-8")
    functions = "".join(fill.replace("NAME", n).replace("VALUE", v) for n, v in (("ones", "1.0"), ("twos", "2.0")))
    made = "".join(
        f"    %{n} = memref.alloc() : memref<4x2xf32>\n    func.call @{n}(%{n}) : (memref<4x2xf32>) -> ()\n"
        for n in ("ones", "twos")
    )
    text = text.replace("  func.func @main", f"{functions}  func.func @main").replace("    %p0 =", f"{made}    %p0 =")
    for number, bias in enumerate(biases):
        text = text.replace(f"%p{number}, %b{number},", f"%p{number}, %{bias},")
    return parse_module(context(), text)


def test_what_the_host_computes_for_some_layers_is_copied_for_each() -> None:
    separate = computed("ones", "twos", "ones")
    together = separate.clone()
    RepeatLayersPass().apply(context(), together)
    verify_module(together)
    for a, b in zip(run(separate, inputs()), run(together, inputs()), strict=True):
        assert np.array_equal(a, b)
    steps = [step.name for step in derive_program(together).steps]
    assert steps == ["ones", "twos", "copy_0", "copy_0", "copy_0", "layer_0"]
    assert "copy_0" in emit_host_functions(together)["host/host_functions.cpp"]


def test_a_parameter_of_some_layers_that_others_compute_is_refused() -> None:
    with pytest.raises(UserError, match="is a parameter of some layers") as caught:
        RepeatLayersPass().apply(context(), computed("ones", "twos"))
    assert caught.value.code == "ST0307"
