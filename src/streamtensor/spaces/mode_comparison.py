# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The four modes of IA+CA (`parallelization`) on a program: memory banks, DSPs and cycles of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, prod

from streamtensor.algebra.affine import AffineMap
from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import ModuleOp, TensorType
from streamtensor.ir.core import SSAValue
from streamtensor.spaces.evaluation import Point, Value
from streamtensor.spaces.parallelization import Access, Dimension, Mode, Node, banks, parallelize
from streamtensor.spaces.space import Parameter
from streamtensor.targets.operations import DEFAULT_FAMILY, load_operations
from streamtensor.transforms.build import is_device, linear_map
from streamtensor.transforms.resources.operation_costs import operation_cost
from streamtensor.transforms.tiling.axes import is_parallel
from streamtensor.transforms.tiling.default_tiling import loop_extents
from streamtensor.transforms.tiling.intensity import intensity, iterations
from streamtensor.transforms.tiling.kernel_choices import kernel_name

MODES: tuple[Mode, ...] = ("ia+ca", "ia", "ca", "naive")

BUDGETS = (256, 1024)
"""Iterations at once of the largest kernel, for which there are points to begin with."""

TILE = 64
"""The tile of loops that have no factor in these points."""

Factors = Mapping[str, tuple[int, ...]]
"""For each kernel the unroll factor of each of its loops."""


@dataclass(frozen=True)
class ProgramNodes:
    """The kernels of a program as IA+CA sees them, by name.

    `intermediate` are the arrays that one kernel makes and another one reads. `iterations` and `dsp` are those of each
    kernel: of its whole nest, and of one iteration.
    """

    nodes: Mapping[str, Node]
    intermediate: frozenset[str]
    iterations: Mapping[str, int]
    dsp: Mapping[str, float]


@dataclass(frozen=True)
class ModeCost:
    """What one mode costs, as the model sees it.

    `banks` are those of all arrays, `intermediate_banks` those of the arrays between kernels. `dsp` are of all
    iterations that run at once. `cycles` is the time of the slowest kernel, when each begins an iteration of every one
    of its lanes in each cycle: a lower bound of the program's, whose kernels work at the same time.
    """

    mode: Mode
    factors: Factors
    banks: int
    intermediate_banks: int
    dsp: float
    cycles: int

    @property
    def operations(self) -> int:
        """Iterations that run at once, of all kernels."""
        return sum(prod(factors) for factors in self.factors.values())


def program_nodes(module: ModuleOp, family: str = DEFAULT_FAMILY) -> ProgramNodes:
    """The linalg operations of the functions of the device of a tensor-level module.

    A kernel has the name that name-kernels gave it, else its number. An array is indexed by a loop with its stride;
    where two loops index one dimension (windows) by the parallel one. Raises AffineError for a map that is not linear.
    """
    table = load_operations(family)
    nodes: dict[str, Node] = {}
    counts: dict[str, int] = {}
    dsp: dict[str, float] = {}
    arrays: dict[SSAValue, str] = {}
    made: set[str] = set()
    read: set[str] = set()
    functions = [f for f in module.ops if isinstance(f, func.FuncOp) and is_device(f)]
    for number, generic in enumerate(g for f in functions for g in f.walk() if isinstance(g, linalg.GenericOp)):
        name = kernel_name(generic) or f"kernel_{number}"
        maps = [linear_map(map.data) for map in generic.indexing_maps]
        values = [*generic.inputs, *generic.results]
        accesses = [
            Access(arrays.setdefault(value, f"array_{len(arrays)}"), _dimensions(generic, map))
            for value, map in zip(values, maps, strict=True)
            if isinstance(value.type, TensorType)
        ]
        writes = accesses[len(accesses) - len(generic.results) :]
        reads = accesses[: len(accesses) - len(generic.results)]
        made |= {access.array for access in writes}
        read |= {access.array for access in reads}
        loops = range(len(generic.iterator_types))
        nodes[name] = Node(
            tuple(loop_extents(generic)),
            frozenset(loop for loop in loops if not is_parallel(generic, loop)),
            intensity(generic),
            tuple(reads),
            tuple(writes),
        )
        counts[name] = iterations(generic)
        dsp[name] = sum(operation_cost(op, table).dsp for op in generic.body.block.ops)
    return ProgramNodes(nodes, frozenset(made & read), counts, dsp)


def compare_modes(module: ModuleOp, budget: int, family: str = DEFAULT_FAMILY) -> dict[Mode, ModeCost]:
    """What each mode costs when the largest kernel of a tensor-level module gets `budget` iterations at once.

    Raises UserError ST0801 for a budget below 1.
    """
    program = program_nodes(module, family)
    return {mode: mode_cost(program, mode, parallelize(program.nodes, budget, mode)) for mode in MODES}


def mode_cost(program: ProgramNodes, mode: Mode, factors: Factors) -> ModeCost:
    """What factors cost."""
    of_array = banks(program.nodes, factors)
    cycles = [ceil(count / prod(factors[name])) for name, count in program.iterations.items()]
    return ModeCost(
        mode,
        factors,
        sum(of_array.values()),
        sum(count for array, count in of_array.items() if array in program.intermediate),
        sum(program.dsp[name] * prod(factors[name]) for name in factors),
        max(cycles, default=0),
    )


def mode_values(module: ModuleOp, budget: int, mode: Mode, parameters: Iterable[Parameter]) -> dict[str, Value]:
    """The factors of a mode as values of a space's parameters: `unroll.NAME` is the product of a kernel's factors and
    `tile.NAME.LOOP` the factor of a loop, where that is above 1: what runs at once is then a tile.

    A parameter that does not list the number takes the largest one below it that it does.
    """
    legal = {parameter.name: parameter.values for parameter in parameters}
    found: dict[str, Value] = {}
    for name, factors in parallelize(program_nodes(module).nodes, budget, mode).items():
        wanted = {f"tile.{name}.{loop}": factor for loop, factor in enumerate(factors) if factor > 1}
        for key, number in {**wanted, f"unroll.{name}": prod(factors)}.items():
            fitting = [value for value in legal.get(key, ()) if isinstance(value, int) and 0 < value <= number]
            if fitting:
                found[key] = max(fitting)
    return found


def mode_points(module: ModuleOp, default: Point, parameters: Iterable[Parameter]) -> dict[str, dict[str, Value]]:
    """Points for a search to begin with: the factors of IA+CA with each of some budgets, on a larger default tile."""
    parameters = tuple(parameters)
    return {
        f"ia+ca-{budget}": {**default, "default_tile_size": TILE, **mode_values(module, budget, "ia+ca", parameters)}
        for budget in BUDGETS
    }


def _dimensions(generic: linalg.GenericOp, map: AffineMap) -> tuple[Dimension, ...]:
    """For each dimension of an array the loop that indexes it, and its stride."""
    found: list[Dimension] = []
    for expression in map.results:
        loops = sorted(expression.used_dims, key=lambda loop: (not is_parallel(generic, loop), loop))
        found.append((loops[0], abs(expression.coefficients[loops[0]])) if loops else None)
    return tuple(found)
