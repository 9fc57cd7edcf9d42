# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small device functions, as text: linalg operations with any legal tile and loop order written on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from hypothesis import strategies as st

Shape = tuple[int, ...]
Value = tuple[str, Shape]
EXTENTS = st.sampled_from([1, 2, 3, 4, 6, 8])
OPS = {"f32": ("addf", "mulf", "maximumf"), "i32": ("addi", "muli", "maxsi")}


@dataclass
class Program:
    """A device function under construction; all tensors have elements of type `scalar`."""

    draw: st.DrawFn
    scalar: str
    extents: st.SearchStrategy[int] = EXTENTS
    arguments: list[Shape] = field(default_factory=list[Shape])
    lines: list[str] = field(default_factory=list[str])
    values: list[Value] = field(default_factory=list[Value])
    computed: list[Value] = field(default_factory=list[Value])

    @property
    def ops(self) -> tuple[str, str, str]:
        """The names of sum, product and maximum."""
        return OPS[self.scalar]

    def argument(self, shape: Shape) -> str:
        self.arguments.append(shape)
        return f"%arg{len(self.arguments) - 1}"

    def tensor(self, shape: Shape) -> str:
        return f"tensor<{''.join(f'{size}x' for size in shape)}{self.scalar}>"

    def generic(
        self, extents: Shape, parallel: int, ins: Sequence[tuple[str, Shape, str]], outs: Sequence[str], body: str
    ) -> None:
        """A generic over loops `extents`, the first `parallel` of them parallel; operands as (name, shape, map)."""
        number = len(self.lines)
        loops = ", ".join(f"d{i}" for i in range(len(extents)))
        maps = ", ".join(f"affine_map<({loops}) -> ({map})>" for map in [*(map for _, _, map in ins), *outs])
        kinds = ", ".join('"parallel"' if i < parallel else '"reduction"' for i in range(len(extents)))
        shapes = [tuple(extents[int(d[1:])] for d in map.split(", ") if d) for map in outs]
        self.lines += [f"%e{number}_{i} = tensor.empty() : {self.tensor(shape)}" for i, shape in enumerate(shapes)]
        names = [f"%v{number}_{i}" for i in range(len(outs))]
        types = ", ".join(self.tensor(shape) for shape in shapes)
        args = [
            *(f"%a{i}: {self.scalar}" for i in range(len(ins))),
            *(f"%o{i}: {self.scalar}" for i in range(len(outs))),
        ]
        self.lines.append(
            f"{', '.join(names)} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} "
            f"ins({', '.join(n for n, _, _ in ins)} : {', '.join(self.tensor(s) for _, s, _ in ins)}) "
            f"outs({', '.join(f'%e{number}_{i}' for i in range(len(outs)))} : {types}) "
            f"attrs = {self.tiling(extents, parallel)} {{"
            f"\n^bb0({', '.join(args)}):\n{body}\n}} -> {types if len(outs) == 1 else f'({types})'}"
        )
        made = list(zip(names, shapes, strict=True))
        self.values += made
        self.computed += made

    def tiling(self, extents: Shape, parallel: int) -> str:
        """Any divisor of each loop, parallel loops in any order around reductions in any order."""
        tiles = [self.draw(st.sampled_from([n for n in range(1, e + 1) if e % n == 0])) for e in extents]
        order = [
            *self.draw(st.permutations(range(parallel))),
            *self.draw(st.permutations(range(parallel, len(extents)))),
        ]
        return f"{{dataflow.tile = array<i64{_list(tiles)}>, dataflow.order = array<i64{_list(order)}>}}"

    def start(self, loops: Sequence[int], out: str) -> str:
        """The body's lines that make `%acc`: zero in the first iteration of the reduction `loops`, else `out`."""
        zero = "0.0" if self.scalar == "f32" else "0"
        lines = [f"%zero = arith.constant {zero} : {self.scalar}", "%c0 = arith.constant 0 : index"]
        conditions: list[str] = []
        for loop in loops:
            lines += [f"%i{loop} = linalg.index {loop} : index", f"%f{loop} = arith.cmpi eq, %i{loop}, %c0 : index"]
            conditions.append(f"%f{loop}")
        while len(conditions) > 1:
            a, b = conditions.pop(), conditions.pop()
            lines.append(f"{a}x = arith.andi {a}, {b} : i1")
            conditions.append(f"{a}x")
        return "\n".join([*lines, f"%acc = arith.select {conditions[0]}, %zero, {out} : {self.scalar}"])

    def text(self, results: Sequence[Value]) -> str:
        types = [self.tensor(shape) for shape in self.arguments]
        args = ", ".join(f"%arg{i}: {type}" for i, type in enumerate(types))
        names = ", ".join(name for name, _ in results)
        made = ", ".join(self.tensor(shape) for _, shape in results)
        call = ", ".join(f"%arg{i}" for i in range(len(types)))
        got = ", ".join(f"%r{i}" for i in range(len(results)))
        lines = "\n".join(self.lines)
        return (
            f'func.func private @device({args}) -> ({made}) attributes {{dataflow.place = "device"}} {{\n{lines}\n'
            f"func.return {names} : {made}\n}}\n"
            f"func.func @main({args}) -> ({made}) {{\n"
            f"{got} = func.call @device({call}) : ({', '.join(types)}) -> ({made})\nfunc.return {got} : {made}\n}}\n"
        )


def _list(numbers: Sequence[int]) -> str:
    return ": " + ", ".join(map(str, numbers)) if numbers else ""


def _dims(order: Sequence[int]) -> str:
    return ", ".join(f"d{loop}" for loop in order)


def _pick(p: Program) -> Value:
    """A value to go on with, often the latest; sometimes a new argument."""
    choice = p.draw(st.integers(0, 5))
    if choice == 0 or not p.values:
        shape = tuple(p.draw(st.lists(p.extents, max_size=3)))
        return p.argument(shape), shape
    return p.values[-1] if choice < 4 else p.draw(st.sampled_from(p.values))


def _elementwise(p: Program) -> None:
    """Of one or two operands of the same shape, each operand and the result transposed in any way."""
    name, shape = _pick(p)
    rank = len(shape)
    first = p.draw(st.permutations(range(rank)))
    extents = tuple(shape[list(first).index(loop)] for loop in range(rank))
    ins = [(name, shape, _dims(first))]
    fitting = [value for value in p.values if sorted(value[1]) == sorted(extents)]
    for other in [name, *(other for other, _ in fitting)]:
        wanted = dict([(name, shape), *fitting])[other]
        orders = [o for o in _permutations(rank) if tuple(extents[loop] for loop in o) == wanted]
        if orders and p.draw(st.booleans()):
            ins.append((other, wanted, _dims(p.draw(st.sampled_from(orders)))))
            break
    result = p.draw(st.permutations(range(rank)))
    second = "%a1" if len(ins) > 1 else "%a0"
    p.generic(
        extents,
        rank,
        ins,
        [_dims(result)],
        f"%r = arith.{p.ops[0]} %a0, {second} : {p.scalar}\nlinalg.yield %r : {p.scalar}",
    )


def _permutations(rank: int) -> list[tuple[int, ...]]:
    if rank == 0:
        return [()]
    return [(*rest[:place], rank - 1, *rest[place:]) for rest in _permutations(rank - 1) for place in range(rank)]


def _broadcast(p: Program) -> None:
    """A value along one more dimension, times a vector along that dimension."""
    name, shape = _pick(p)
    size = p.draw(p.extents)
    if len(shape) > 2:
        return
    rank = len(shape)
    ins = [(name, shape, _dims(range(rank))), (p.argument((size,)), (size,), f"d{rank}")]
    out = _dims(p.draw(st.permutations(range(rank + 1))))
    body = f"%r = arith.{p.ops[1]} %a0, %a1 : {p.scalar}\nlinalg.yield %r : {p.scalar}"
    p.generic((*shape, size), rank + 1, ins, [out], body)


def _reduce(p: Program) -> None:
    """The sum, and sometimes the sum of the squares as well, over one or two dimensions."""
    name, shape = _pick(p)
    if not shape:
        return
    gone = p.draw(st.integers(1, min(2, len(shape))))
    order = p.draw(st.permutations(range(len(shape))))  # of the loops: which dimension of the operand is which loop
    kept = len(shape) - gone
    extents = tuple(shape[list(order).index(loop)] for loop in range(len(shape)))
    reductions = range(kept, len(shape))
    results = p.draw(st.integers(1, 2))
    lines = [p.start(reductions, "%o0"), f"%r0 = arith.{p.ops[0]} %acc, %a0 : {p.scalar}"]
    if results == 2:
        lines.append(p.start(reductions, "%o1").replace("%", "%q").replace("%qo1", "%o1"))
        lines += [f"%sq = arith.{p.ops[1]} %a0, %a0 : {p.scalar}", f"%r1 = arith.{p.ops[0]} %qacc, %sq : {p.scalar}"]
    given = ", ".join(f"%r{i}" for i in range(results))
    lines.append(f"linalg.yield {given} : {', '.join([p.scalar] * results)}")
    outs = [_dims(p.draw(st.permutations(range(kept)))) for _ in range(results)]
    p.generic(extents, kept, [(name, shape, _dims(order))], outs, "\n".join(lines))


def _contract(p: Program) -> None:
    """A matrix product with any operand and the result transposed; the other operand may be the value itself."""
    name, shape = _pick(p)
    if len(shape) < 2:
        return
    batch = len(shape) - 2
    *outer, rows, inner = shape
    m, n, k = batch, batch + 1, batch + 2  # loops
    columns = p.draw(p.extents)
    left = [*range(batch), m, k]
    if p.draw(st.integers(0, 3)) == 0:
        columns, right = rows, [*range(batch), n, k]
        other, wanted = name, shape
    else:
        right = p.draw(st.sampled_from([[*range(batch), n, k], [*range(batch), k, n]]))
        sizes = {**dict(enumerate(outer)), n: columns, k: inner}
        wanted = tuple(sizes[loop] for loop in right)
        fitting = [value for value in p.values if value[1] == wanted]
        if fitting and p.draw(st.booleans()):
            other = p.draw(st.sampled_from(fitting))[0]
        else:
            other = p.argument(wanted)
    body = (
        f"{p.start([k], '%o0')}\n%m = arith.{p.ops[1]} %a0, %a1 : {p.scalar}\n"
        f"%r = arith.{p.ops[0]} %acc, %m : {p.scalar}\nlinalg.yield %r : {p.scalar}"
    )
    out = _dims([*range(batch), *p.draw(st.permutations([m, n]))])
    p.generic(
        (*outer, rows, columns, inner), k, [(name, shape, _dims(left)), (other, wanted, _dims(right))], [out], body
    )


def _window(p: Program) -> None:
    """A convolution along one dimension, with windows that overlap."""
    name, shape = _pick(p)
    if len(shape) == 2:
        width, channels = p.draw(st.integers(1, min(3, shape[0]))), shape[1]
    else:
        width, channels = p.draw(st.integers(1, 3)), p.draw(p.extents)
        shape = (p.draw(p.extents) + width - 1, channels)
        name = p.argument(shape)
    size = shape[0] - width + 1
    ins = [
        (name, shape, "d0 + d3, d2"),
        (p.argument((width, channels)), (width, channels), "d3, d2"),
        (p.argument((2, channels)), (2, channels), "d1, d2"),
    ]
    body = (
        f"{p.start([2, 3], '%o0')}\n%m = arith.{p.ops[1]} %a0, %a1 : {p.scalar}\n"
        f"%n = arith.{p.ops[1]} %m, %a2 : {p.scalar}\n"
        f"%r = arith.{p.ops[0]} %acc, %n : {p.scalar}\nlinalg.yield %r : {p.scalar}"
    )
    p.generic((size, 2, channels, width), 2, ins, [_dims(p.draw(st.permutations([0, 1])))], body)


def _flatten(p: Program) -> None:
    """A view: two fusion groups."""
    name, shape = _pick(p)
    if len(shape) < 2:
        return
    made = f"%w{len(p.lines)}"
    groups = f"[[{', '.join(map(str, range(len(shape))))}]]"
    p.lines.append(
        f"{made} = tensor.collapse_shape {name} {groups} : {p.tensor(shape)} into {p.tensor((prod(shape),))}"
    )
    p.values.append((made, (prod(shape),)))


STEPS: tuple[Callable[[Program], None], ...] = (
    _elementwise,
    _elementwise,
    _elementwise,
    _broadcast,
    _reduce,
    _contract,
    _contract,
    _window,
    _flatten,
)


@st.composite
def programs(draw: st.DrawFn, max_steps: int = 5, extents: st.SearchStrategy[int] = EXTENTS) -> str:
    """The text of a module: `main` calls one device function, which gives one to three of its values."""
    program = Program(draw, draw(st.sampled_from(["f32", "i32"])), extents)
    for _ in range(draw(st.integers(1, max_steps))):
        draw(st.sampled_from(STEPS))(program)
        while program.values and prod(program.values[-1][1]) > 256:
            program.values.pop()
    if not program.computed:
        _elementwise(program)
    others = draw(st.lists(st.sampled_from(program.computed), max_size=2))
    return program.text(list(dict.fromkeys([program.computed[-1], *others])))
