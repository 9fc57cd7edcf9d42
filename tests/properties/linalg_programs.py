# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small functions of the tensor IR, as text: chains of reshapes, transposes, slices, sums and arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from hypothesis import strategies as st

Shape = tuple[int, ...]
MAX_ELEMENTS = 400


@dataclass
class Program:
    """A function under construction: its lines, its arguments, and the values that it has so far."""

    arguments: list[Shape] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    values: list[tuple[str, Shape]] = field(default_factory=list)

    def argument(self, shape: Shape) -> str:
        self.arguments.append(shape)
        return f"%arg{len(self.arguments) - 1}"

    def define(self, text: str, shape: Shape) -> str:
        name = f"%v{len(self.values)}"
        self.lines.append(f"{name} = {text}")
        self.values.append((name, shape))
        return name

    def generic(
        self,
        shape: Shape,
        ins: Sequence[tuple[str, Shape, Sequence[int | None]]],
        body: str,
        *,
        kinds: Sequence[str] | None = None,
        out: tuple[str, Sequence[int]] | None = None,
        result: Shape | None = None,
    ) -> str:
        """A generic over loops of extents `shape`; an operand is (name, shape, loop of each dimension or None)."""
        kinds = kinds or ["parallel"] * len(shape)
        result = shape if result is None else result
        if out is None:
            self.lines.append(f"%e{len(self.lines)} = tensor.empty() : {tensor(result)}")
            out = (self.lines[-1].split()[0], range(len(shape)))
        loops = ", ".join(f"d{i}" for i in range(len(shape)))

        def map_of(dims: Sequence[int | None]) -> str:
            return f"affine_map<({loops}) -> ({', '.join('0' if d is None else f'd{d}' for d in dims)})>"

        maps = ", ".join([*(map_of(dims) for _, _, dims in ins), map_of(out[1])])
        names, types = ", ".join(name for name, _, _ in ins), ", ".join(tensor(kind) for _, kind, _ in ins)
        taken = f"ins({names} : {types}) " if ins else ""
        quoted = ", ".join(f'"{kind}"' for kind in kinds)
        args = ", ".join([*(f"%a{i}: f32" for i in range(len(ins))), "%out: f32"])
        return self.define(
            f"linalg.generic {{indexing_maps = [{maps}], iterator_types = [{quoted}]}} {taken}"
            f"outs({out[0]} : {tensor(result)}) {{\n^bb0({args}):\n{body}\n}} -> {tensor(result)}",
            result,
        )

    def text(self, results: Sequence[tuple[str, Shape]]) -> str:
        args = ", ".join(f"%arg{i}: {tensor(shape)}" for i, shape in enumerate(self.arguments))
        types = ", ".join(tensor(shape) for _, shape in results)
        names = ", ".join(name for name, _ in results)
        lines = "\n".join(self.lines)
        return f"func.func @main({args}) -> ({types}) {{\n{lines}\nreturn {names} : {types}\n}}\n"


def tensor(shape: Shape) -> str:
    return f"tensor<{''.join(f'{size}x' for size in shape)}f32>"


def _elementwise(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    body = draw(
        st.sampled_from(
            [
                "%r = arith.addf %a0, %a0 : f32",
                "%c = arith.constant 0.5 : f64\n%k = arith.truncf %c : f64 to f32\n%r = arith.mulf %a0, %k : f32",
                "%c = arith.constant 1.0 : f32\n%r = arith.mulf %a0, %c : f32",
                "%r = arith.negf %a0 : f32",
            ]
        )
    )
    p.generic(shape, [(name, shape, range(len(shape)))], f"{body}\nlinalg.yield %r : f32")


def _with_index(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    if not shape:
        return
    loop = draw(st.integers(0, len(shape) - 1))
    body = (
        f"%i = linalg.index {loop} : index\n%k = arith.index_cast %i : index to i64\n"
        "%f = arith.sitofp %k : i64 to f32\n%r = arith.addf %a0, %f : f32\nlinalg.yield %r : f32"
    )
    p.generic(shape, [(name, shape, range(len(shape)))], body)


def _combine(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    others = [value for value in p.values if value[1] == shape]
    other = draw(st.sampled_from([*others, (p.argument(shape), shape)]))[0]
    dims = range(len(shape))
    body = "%r = arith.subf %a0, %a1 : f32\nlinalg.yield %r : f32"
    p.generic(shape, [(name, shape, dims), (other, shape, dims)], body)


def _weight(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    """Times an argument that only some dimensions index, perhaps with a dimension of size 1."""
    dims = [i for i in range(len(shape)) if draw(st.booleans())]
    kept: list[int | None] = [None if draw(st.integers(0, 4)) == 0 else i for i in dims]
    weight = tuple(1 if i is None else shape[i] for i in kept)
    body = "%r = arith.mulf %a0, %a1 : f32\nlinalg.yield %r : f32"
    p.generic(shape, [(name, shape, range(len(shape))), (p.argument(weight), weight, kept)], body)


def _fill(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    filled = p.generic(shape, [], "%c = arith.constant 0.25 : f32\nlinalg.yield %c : f32")
    dims = range(len(shape))
    body = "%r = arith.maximumf %a0, %a1 : f32\nlinalg.yield %r : f32"
    p.generic(shape, [(name, shape, dims), (filled, shape, dims)], body)


def _transpose(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    order = draw(st.permutations(range(len(shape))))
    result = tuple(shape[i] for i in order)
    p.generic(result, [(name, shape, [order.index(i) for i in range(len(shape))])], "linalg.yield %a0 : f32")


def _broadcast(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    place, size = draw(st.integers(0, len(shape))), draw(st.integers(1, 3))
    if prod(shape) * size > MAX_ELEMENTS:
        return
    result = (*shape[:place], size, *shape[place:])
    p.generic(result, [(name, shape, [i for i in range(len(result)) if i != place])], "linalg.yield %a0 : f32")


def _sum(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    if not shape:
        return
    gone = draw(st.integers(0, len(shape) - 1))
    kept = [i for i in range(len(shape)) if i != gone]
    result = tuple(shape[i] for i in kept)
    start = draw(st.sampled_from(["fill", "argument"]))
    if start == "fill":
        init = p.generic(result, [], "%c = arith.constant 0.0 : f32\nlinalg.yield %c : f32")
    else:
        init = p.argument(result)
    kinds = ["reduction" if i == gone else "parallel" for i in range(len(shape))]
    body = "%r = arith.addf %out, %a0 : f32\nlinalg.yield %r : f32"
    p.generic(shape, [(name, shape, range(len(shape)))], body, kinds=kinds, out=(init, kept), result=result)


def _reshape(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    rest, target = prod(shape), list[int]()
    while rest > 1 or draw(st.integers(0, 5)) == 0:
        size = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        if size > 1 or len(target) < 5:
            target.append(size)
            rest //= size
    flat = (prod(shape),)
    if len(shape) != 1:
        p.define(f"tensor.{_to_one(shape)} : {tensor(shape)} into {tensor(flat)}".replace("%src", name), flat)
        name = p.values[-1][0]
    if tuple(target) == flat:
        return
    whole = tuple(target)
    if whole:
        runs = f"[[{', '.join(map(str, range(len(whole))))}]]"
        shown = f"output_shape [{', '.join(map(str, whole))}]"
        p.define(f"tensor.expand_shape {name} {runs} {shown} : {tensor(flat)} into {tensor(whole)}", whole)
    else:
        p.define(f"tensor.collapse_shape {name} [] : {tensor(flat)} into {tensor(whole)}", whole)


def _to_one(shape: Shape) -> str:
    if shape:
        return f"collapse_shape %src [[{', '.join(map(str, range(len(shape))))}]]"
    return "expand_shape %src [] output_shape [1]"


def _slice(draw: st.DrawFn, p: Program, name: str, shape: Shape) -> None:
    if not shape:
        return
    offsets, sizes, steps = list[int](), list[int](), list[int]()
    for extent in shape:
        size = extent if draw(st.booleans()) else draw(st.integers(1, extent))
        step = draw(st.integers(1, 2)) if (size - 1) * 2 < extent else 1
        offsets.append(draw(st.integers(0, extent - 1 - (size - 1) * step)))
        sizes.append(size)
        steps.append(step)
    result = tuple(sizes)
    if draw(st.booleans()):
        result = tuple(size for size in sizes if size != 1)
    p.define(f"tensor.extract_slice {name}{offsets} {sizes} {steps} : {tensor(shape)} to {tensor(result)}", result)


STEPS: tuple[Callable[[st.DrawFn, Program, str, Shape], None], ...] = (
    _elementwise,
    _with_index,
    _combine,
    _weight,
    _fill,
    _transpose,
    _broadcast,
    _sum,
    _reshape,
    _reshape,
    _slice,
)


@st.composite
def programs(draw: st.DrawFn, max_steps: int = 10) -> str:
    """The text of a function with one or two results."""
    program = Program()
    first = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=3)))
    program.generic(first, [(program.argument(first), first, range(len(first)))], "linalg.yield %a0 : f32")
    for _ in range(draw(st.integers(1, max_steps))):
        latest = program.values[-1] if draw(st.integers(0, 3)) else draw(st.sampled_from(program.values))
        draw(st.sampled_from(STEPS))(draw, program, *latest)
    results = [program.values[-1]]
    if draw(st.booleans()):
        results.append(draw(st.sampled_from(program.values)))
    return program.text(results)
