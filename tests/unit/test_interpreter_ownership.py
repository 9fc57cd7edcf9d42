# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Updates of tensors in place give what copies give, whatever else uses the values."""

from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numerics.compare import parse
from streamtensor.simulate import interpreter
from streamtensor.simulate.interpreter import emitter

KIND = "tensor<4xf32>"
GENERIC = """linalg.generic
  {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
  ins(%ins : tensor<4xf32>) outs(%outs : tensor<4xf32>) {
^bb0(%p: f32, %q: f32):
  %r = arith.addf %p, %q : f32
  linalg.yield %r : f32
} -> tensor<4xf32>"""


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A function on two tensors that returns some of the tensors that it made; the others have fewer uses."""
    lines: list[str] = []

    def name() -> str:
        lines.append("")
        return f"%v{len(lines)}"

    def statement(pool: list[str], depth: int) -> None:
        one, other = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        match draw(st.integers(0, 6 if depth < 2 else 5)):
            case 0:
                pool.append(name())
                lines.append(f"{pool[-1]} = tensor.insert %f into {one}[%c{draw(st.integers(0, 3))}] : {KIND}")
            case 1:
                part = name()
                pool.append(name())
                lines.append(f"{part} = tensor.extract_slice {one}[1] [2] [1] : {KIND} to tensor<2xf32>")
                at = draw(st.integers(0, 2))
                lines.append(
                    f"{pool[-1]} = tensor.insert_slice {part} into {other}[{at}] [2] [1] : tensor<2xf32> into {KIND}"
                )
            case 2:
                pool.append(name())
                lines.append(f"{pool[-1]} = " + GENERIC.replace("%ins", one).replace("%outs", other))
            case 3:
                pool.append(name())
                lines.append(f"{pool[-1]} = tensor.splat %f : {KIND}")
            case 4:
                pool.append(name())
                lines.append(f"{pool[-1]} = tensor.extract_slice {one}[0] [4] [1] : {KIND} to {KIND}")
            case 5:
                vector = name()
                pool.append(name())
                bounds = "{in_bounds = [true]}"
                lines.append(f"{vector} = vector.transfer_read {one}[%c0], %f {bounds} : {KIND}, vector<2xf32>")
                result = f"{pool[-1]} = vector.transfer_write {vector}, {other}[%c2]"
                lines.append(f"{result} {bounds} : vector<2xf32>, {KIND}")
            case _:
                loop(pool, depth)

    def loop(pool: list[str], depth: int) -> None:
        inits = [draw(st.sampled_from(pool)) for _ in range(draw(st.integers(1, 2)))]
        results, carried, variable = [name() for _ in inits], [name() for _ in inits], name()
        start = ", ".join(f"{a} = {b}" for a, b in zip(carried, inits, strict=True))
        types = ", ".join([KIND] * len(inits))
        lines.append(
            f"{', '.join(results)} = scf.for {variable} = %c0 to %c{draw(st.integers(0, 3))} step %c1 "
            f"iter_args({start}) -> ({types}) {{"
        )
        inner = [*pool, *carried]
        for _ in range(draw(st.integers(0, 3))):
            statement(inner, depth + 1)
        yields = [draw(st.sampled_from(inner[len(pool) :])) for _ in inits]
        lines.append(f"scf.yield {', '.join(yields)} : {types}\n}}")
        pool.extend(results)

    made = ["%x", "%y"]
    for _ in range(draw(st.integers(2, 7))):
        statement(made, 0)
    given_back = draw(st.lists(st.sampled_from(made), min_size=1, max_size=4, unique=True))
    types = ", ".join([KIND] * len(given_back))
    body = "\n".join(line for line in lines if line)
    constants = "\n".join(f"%c{n} = arith.constant {n} : index" for n in range(4))
    return f"""
    func.func @main(%x: {KIND}, %y: {KIND}) -> ({types}) {{
      {constants}
      %f = arith.constant 9.0 : f32
      {body}
      func.return {", ".join(given_back)} : {types}
    }}"""


@given(programs())
def test_updates_in_place_are_not_seen(text: str) -> None:
    module = parse(text)
    inputs = interpreter.random_inputs(module)
    in_place = interpreter.run(module, inputs)
    with mock.patch.object(emitter, "may_overwrite", return_value=False):
        copied = interpreter.run(module, inputs)
    for a, b in zip(in_place, copied, strict=True):
        np.testing.assert_array_equal(a, b)
