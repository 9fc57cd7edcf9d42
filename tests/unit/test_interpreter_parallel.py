# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loops over buffers that run all iterations at once give the same bits as one iteration after the other."""

from collections.abc import Sequence
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.compare import Array, parse
from streamtensor.ir import func, scf
from streamtensor.ir.builtin import ModuleOp
from streamtensor.simulate import interpreter
from streamtensor.simulate.interpreter import parallel
from streamtensor.simulate.interpreter import scf as scf_handlers

SIZE = 8
PARALLEL = parallel.parallel_loops


def _module(body: str, buffers: Sequence[str] = ("%a", "%b")) -> ModuleOp:
    """`body` on local buffers (8x8, copies of the inputs), which are then copied to the results."""
    kind = f"memref<{SIZE}x{SIZE}xf32>"
    arguments = ", ".join(f"%in{i}: {kind}, %out{i}: {kind} {{dataflow.result = {i} : i64}}" for i in range(2))
    copy = f'"memref.copy"(%0, %1) : ({kind}, {kind}) -> ()'
    fill = "\n".join(
        f"{name} = memref.alloc() : {kind}\n" + copy.replace("%0", f"%in{i}").replace("%1", name)
        for i, name in enumerate(buffers)
    )
    drain = "\n".join(copy.replace("%0", name).replace("%1", f"%out{i}") for i, name in enumerate(buffers))
    constants = "\n".join(f"%c{n} = arith.constant {n} : index" for n in range(SIZE + 1))
    return parse(f"""
    func.func @main({arguments}) {{
      {constants}
      %f = arith.constant 0.75 : f32
      {fill}
      {body.replace("KIND", kind)}
      {drain}
      func.return
    }}""")


def _both_ways(module: ModuleOp, seed: int = 0) -> tuple[list[Array], list[Array]]:
    inputs = interpreter.random_inputs(module, seed=seed)
    with mock.patch.object(parallel, "_WORTH_IT", 1):
        at_once = interpreter.run(module, inputs)
    with mock.patch.object(scf_handlers, "parallel_loops", return_value={}):
        in_order = interpreter.run(module, inputs)
    return at_once, in_order


def _parallel_counts(module: ModuleOp) -> list[int]:
    """For each loop of the function, in order, how many loops run at once from it on."""
    function = module.body.block.first_op
    assert isinstance(function, func.FuncOp)
    with mock.patch.object(parallel, "_WORTH_IT", 1):
        return [len(PARALLEL(op)) for op in function.walk() if isinstance(op, scf.ForOp)]


def _loops(text: str, *variables: str) -> str:
    for variable in reversed(variables):
        text = f"scf.for {variable} = %c0 to %c4 step %c1 {{\n{text}\n}}"
    return text


UPDATE = """
  %x = memref.load %a[{load}] : KIND
  %y = arith.mulf %x, %f : f32
  %z = arith.addf %y, %f : f32
  memref.store %z, {into}[{store}] : KIND
"""


def _update(load: str, store: str, into: str) -> str:
    """A loop over %i and one over %j around an update of `into[store]` from `%a[load]`."""
    return _loops(UPDATE.format(load=load, store=store, into=into), "%i", "%j")


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        pytest.param(_update("%i, %j", "%i, %j", "%a"), [2, 1], id="element"),
        pytest.param(_update("%j, %i", "%j, %i", "%a"), [2, 1], id="swapped"),
        pytest.param(_update("%j, %i", "%i, %j", "%a"), [0, 0], id="transpose"),
        pytest.param(_update("%j, %i", "%i, %j", "%b"), [2, 1], id="to another"),
        pytest.param(_loops(UPDATE.format(load="%i, %c0", store="%c1, %c0", into="%a"), "%i"), [0], id="one place"),
        pytest.param(
            "scf.for %i = %c0 to %c4 step %c1 {\n%n = arith.addi %i, %c1 : index\n"
            + UPDATE.format(load="%i, %c0", store="%n, %c0", into="%a")
            + "}",
            [0],
            id="carried from one iteration to the next",
        ),
        pytest.param(
            "scf.for %i = %c0 to %c4 step %c1 {\n%n = arith.addi %c3, %i : index\n"
            + UPDATE.format(load="%n, %c0", store="%n, %c0", into="%a")
            + "}",
            [1],
            id="offset from outside",
        ),
        pytest.param(
            "scf.for %i = %c0 to %c4 step %c1 {\nscf.for %j = %c0 to %c4 step %c1 {\n%n = arith.addi %i, %j : index\n"
            + UPDATE.format(load="%n, %c0", store="%n, %c0", into="%a")
            + "}\n}",
            [0, 1],
            id="sum of two variables",
        ),
        pytest.param(
            "scf.for %i = %c0 to %c4 step %c1 {\nscf.for %j = %c0 to %i step %c1 {\n"
            + UPDATE.format(load="%i, %j", store="%i, %j", into="%a")
            + "}\n}",
            [0, 0],
            id="triangle",
        ),
        pytest.param(
            "%v = memref.subview %a[0, 0] [8, 8] [1, 1] : KIND to memref<8x8xf32, strided<[8, 1]>>\n"
            + _update("%i, %j", "%i, %j", "%a"),
            [0, 0],
            id="a buffer with a view",
        ),
        pytest.param(
            _update("%i, %j", "%i, %j", "%out0") + '\n"memref.copy"(%out0, %a) : (KIND, KIND) -> ()',
            [0, 0],
            id="not local",
        ),
        pytest.param(
            """scf.for %k = %c0 to %c4 step %c1 { scf.for %i = %c0 to %c8 step %c2 { scf.for %j = %c1 to %c8 step %c3 {
              %x = memref.load %b[%i, %k] : KIND
              %y = memref.load %in1[%k, %j] : KIND
              %w = memref.load %a[%i, %j] : KIND
              %p = arith.mulf %x, %y : f32
              %s = arith.addf %w, %p : f32
              memref.store %s, %a[%i, %j] : KIND
            } } }""",
            [0, 2, 1],
            id="matmul, sum outside",
        ),
        pytest.param(
            """scf.for %i = %c0 to %c8 step %c1 { scf.for %j = %c0 to %c8 step %c1 {
              memref.store %f, %a[%i, %j] : KIND
              scf.for %k = %c0 to %c8 step %c1 {
                %x = memref.load %b[%i, %k] : KIND
                %y = memref.load %in1[%k, %j] : KIND
                %w = memref.load %a[%i, %j] : KIND
                %p = arith.mulf %x, %y : f32
                %s = arith.addf %w, %p : f32
                memref.store %s, %a[%i, %j] : KIND
              }
            } }""",
            [2, 1, 0],
            id="matmul, sum inside",
        ),
        pytest.param(
            """scf.for %i = %c0 to %c8 step %c1 { scf.for %j = %c0 to %c8 step %c1 {
              %t = scf.for %k = %c0 to %c8 step %c1 iter_args(%w = %f) -> (f32) {
                %x = memref.load %b[%i, %k] : KIND
                %y = memref.load %in1[%k, %j] : KIND
                %p = arith.mulf %x, %y : f32
                %s = arith.maximumf %w, %p : f32
                scf.yield %s : f32
              }
              memref.store %t, %a[%i, %j] : KIND
            } }""",
            [2, 1, 0],
            id="carried number",
        ),
        pytest.param(
            """scf.for %i = %c0 to %c8 step %c1 {
              %x = memref.load %a[%i, %c0] : KIND
              memref.store %f, %a[%i, %c0] : KIND
              scf.for %j = %c0 to %c4 step %c1 {
                %y = memref.load %b[%i, %j] : KIND
                %s = arith.addf %x, %y : f32
                memref.store %s, %b[%i, %j] : KIND
              }
              scf.for %j = %c0 to %c3 step %c1 {
                %y = memref.load %b[%i, %j] : KIND
                %c = arith.cmpi slt, %j, %i : index
                %s = arith.select %c, %x, %y : f32
                memref.store %s, %b[%i, %j] : KIND
              }
            }""",
            [3, 1, 1],
            id="a number read before its place is written, two inner loops, a condition",
        ),
    ],
)
def test_nests(body: str, counts: list[int]) -> None:
    module = _module(body)
    assert _parallel_counts(module) == counts
    at_once, in_order = _both_ways(module)
    for a, b in zip(at_once, in_order, strict=True):
        np.testing.assert_array_equal(a, b)
    inputs = interpreter.random_inputs(module)
    assert any(not np.array_equal(a, b) for a, b in zip(in_order, inputs, strict=True))


def test_few_iterations_run_in_order() -> None:
    module = _module(_loops(UPDATE.format(load="%i, %c0", store="%i, %c0", into="%a"), "%i"))
    function = module.body.block.first_op
    assert function is not None
    assert [PARALLEL(op) for op in function.walk() if isinstance(op, scf.ForOp)] == [{}]


@st.composite
def nests(draw: st.DrawFn) -> str:
    """Up to three loops around loads and stores at random sums of loop variables and numbers, also between loops."""
    depth = draw(st.integers(1, 3))
    lines: list[str] = []
    values = ["%f"]

    def index(inside: int) -> str:
        terms = [*(f"%i{d}" for d in range(inside)), "%c0", "%c1", "%c3"]
        first = draw(st.sampled_from(terms))
        if draw(st.booleans()):
            return first
        name = f"%x{len(lines)}"
        lines.append(f"{name} = arith.addi {first}, {draw(st.sampled_from(terms))} : index")
        return name

    def statements(inside: int) -> None:
        for _ in range(draw(st.integers(0, 2))):
            buffer = draw(st.sampled_from(["%a", "%b", "%in0"]))
            where = f"{buffer}[{index(inside)}, {index(inside)}]"
            if buffer == "%in0" or draw(st.booleans()):
                lines.append(f"%v{len(lines)} = memref.load {where} : KIND")
                loaded = lines[-1].split(" ")[0]
                name = f"%v{len(lines)}"
                lines.append(f"{name} = arith.addf {loaded}, {draw(st.sampled_from(values))} : f32")
                values.append(name)
            else:
                lines.append(f"memref.store {draw(st.sampled_from(values))}, {where} : KIND")

    def nest(inside: int) -> None:
        if inside < depth:
            upper = draw(st.sampled_from(["%c1", "%c2", "%c3", "%c4"]))
            lines.append(f"scf.for %i{inside} = %c0 to {upper} step %c1 {{")
            known = len(values)
            statements(inside + 1)
            nest(inside + 1)
            statements(inside + 1)
            del values[known:]
            lines.append("}")

    nest(0)
    return "\n".join(lines)


@given(nests(), st.integers(0, 3))
def test_random_nests(body: str, seed: int) -> None:
    at_once, in_order = _both_ways(_module(body), seed)
    for a, b in zip(at_once, in_order, strict=True):
        np.testing.assert_array_equal(a, b)
