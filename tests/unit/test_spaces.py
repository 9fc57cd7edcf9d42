# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Design spaces: points, costs, why a point does not fit, and that a trial says what a compilation says."""

import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from small_spaces import GPT2, ROWS, small_device, small_space
from streamtensor.cost import content_cache
from streamtensor.cost.on_chip import fifo_budgets, fused_terms, weight_fifos
from streamtensor.cost.resources import Resources, fifo_resources, kernel_resources
from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow import KernelOp, StreamOp, StreamType, TaskOp
from streamtensor.ir import func
from streamtensor.ir.builtin import IntegerAttr
from streamtensor.ir.core import Operation
from streamtensor.pipelines import choices_for
from streamtensor.spaces.evaluation import Evaluation, Objective, Violation, point_to_json
from streamtensor.spaces.program_space import ProgramSpace
from streamtensor.spaces.sources import space_of, space_of_module
from streamtensor.spaces.wide_choices import Part, wide
from streamtensor.targets import load_device
from streamtensor.targets.operations import load_operations
from streamtensor.timing import native_library
from streamtensor.timing.kernel_sizing import FifoSizing
from streamtensor.transforms.resources.kernel_graphs import schedule_kernel
from streamtensor.transforms.resources.place_tasks import DIE
from streamtensor.transforms.resources.resize_streams import resize_streams

pytestmark = pytest.mark.needs("g++")

TOO_LARGE = Violation("on-chip memory of kernel k", 2, 1, "bits", {"tiles of k": 2}, ("default_tile_size: smaller",))

POINTS = (
    {},
    {"default_tile_size": 8, "group.mlp_c_fc": 1, "fifo_slowdown_percent": 5.0},
    {"overall_unroll_size": 1024, "default_tile_size": 32, "reduction_tile": 1, "prefetch_percent": 0.0},
    {"fifo_sizing": "normal", "default_tile_size": 8, "dies": 1},
    {"fifo_sizing": "conservative", "fifo_slowdown_percent": 5.0},
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    native_library.available()  # built once for all tests, outside of it
    monkeypatch.setenv("STREAMTENSOR_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def operations(op: Operation, kind: type[Operation]) -> Iterator[Operation]:
    return (inner for inner in op.walk() if isinstance(inner, kind))


@pytest.mark.parametrize("point", POINTS, ids=range(len(POINTS)))
def test_a_trial_says_what_a_compilation_says(point: dict[str, object]) -> None:
    space = small_space()
    found = space.evaluate(space.check(point)).objectives
    module, choices, device = space.apply(space.check(point)), space.choices(space.check(point)), load_device("u55c")
    budget, prefetch = fifo_budgets(module, choices)
    slowdown = choices.fifo_slowdown_percent / 100
    strategy = cast(FifoSizing, choices.fifo_sizing)
    resized = resize_streams(
        module, device, strategy, budget, slowdown, weights=weight_fifos(module), prefetch_bits=prefetch
    )
    assert found[Objective.LATENCY] == sum(one.sizing.cycles for one in resized)
    assert found[Objective.BITS] == sum(term.bits for term in fused_terms(module))
    kernels = [op for op in module.walk() if isinstance(op, KernelOp)]
    assert found[Objective.KERNELS] == len(kernels)
    table = load_operations(choices.family)
    total = sum((kernel_resources(kernel, schedule_kernel(kernel, table).dsp) for kernel in kernels), Resources())
    fifos = [op for op in module.walk() if isinstance(op, StreamOp)]
    for fifo in fifos:
        assert isinstance(fifo.result.type, StreamType)
        total += fifo_resources([(fifo.depth.value.data, fifo.result.type.token_bits)])
    assert found[Objective.DSP] == total.dsp
    assert (found[Objective.BRAM36], found[Objective.URAM]) == (total.bram36, total.uram)
    assert found[Objective.LUTRAM_BITS] == total.lutram_bits


def test_a_point_is_json_and_replays_exactly() -> None:
    space = small_space()
    point = {**space.default_point(), "order.attn_c_attn": (1, 0, 2), "fifo_slowdown_percent": 5.0}
    again = space.point_from_json(json.loads(json.dumps(point_to_json(point))))
    assert again == point
    first = space.evaluate(point)
    second = space.evaluate(again)
    assert first == second
    assert second.compiled == 0
    assert second.reused == first.objectives[Objective.KERNELS]
    assert Evaluation.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_points_are_checked() -> None:
    space = small_space()
    with pytest.raises(UserError, match=r"no parameter 'default_tile'") as unknown:
        space.check({"default_tile": 16})
    assert unknown.value.code == "ST0802"
    assert "default_tile_size" in str(unknown.value.hint)
    with pytest.raises(UserError, match="default_tile_size = 3") as illegal:
        space.evaluate({"default_tile_size": 3})
    assert illegal.value.code == "ST0801"
    with pytest.raises(UserError):
        space.check({"default_tile_size": "16"})
    with pytest.raises(UserError):
        space.fixed({"unroll.nothing": 2})


def test_every_default_and_every_heuristic_is_a_point_of_the_space() -> None:
    space = small_space()
    assert space.check(space.default_point()) == space.default_point()
    for parameter in space.parameters:
        assert parameter.default in parameter.values
        assert len(set(parameter.values)) == len(parameter.values)
    heuristics = space.heuristics()
    assert heuristics["default"] == space.default_point()
    assert all(space.check(point) == point for point in heuristics.values())
    rng = random.Random(0)
    assert all(space.check(point) == point for point in (space.sample(rng) for _ in range(20)))


def test_a_fixed_space_keeps_its_values() -> None:
    space = small_space()
    free = ("fusion", "lutram_words")
    fixed = space.fixed({name: value for name, value in space.default_point().items() if name not in free})
    sizes = [len(parameter.values) for parameter in space.parameters if parameter.name in free]
    assert fixed.size == sizes[0] * sizes[1] == len(list(fixed.points()))
    assert {p["fusion"] for p in islice(fixed.points(), 20)} == {"search", "greedy"}
    assert fixed.evaluate({}) == space.evaluate({})
    with pytest.raises(UserError):
        fixed.evaluate({"default_tile_size": 8})


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("default_tile_size", 4, Objective.BITS),
        ("overall_unroll_size", 1024, Objective.DSP),
        ("unroll", 2, Objective.LATENCY),
        ("reduction_tile", 1, Objective.LATENCY),
        ("lane_bits", 128, Objective.LATENCY),
        ("macs", 16, None),
        ("loop_order", "result", None),
        ("fifo_width_bits", 32, Objective.BITS),
        ("fusion_percent", 5, None),
        ("fifo_sizing", "safe", Objective.LATENCY),
        ("fifo_sizing", "normal", Objective.BITS),
        ("fifo_sizing", "conservative", Objective.LATENCY),
        ("dies", 1, None),
        ("lutram_words", 16, None),
        ("prefetch_percent", 0.0, None),
        ("parameter_bytes", 1 << 14, Objective.BITS),
        ("tile.mlp_c_fc.0", 32, Objective.BITS),
        ("unroll.mul_add", 2, Objective.DSP),
        ("group.mlp_c_fc", 1, Objective.KERNELS),
    ],
)
def test_parameters_change_what_they_say(name: str, value: object, changes: Objective | None) -> None:
    """Those that this block is too small for (None) are legal and leave a design."""
    space = small_space()
    found = space.evaluate(space.check({name: value}))
    assert found.objectives
    if changes is not None:
        assert found.objectives[changes] != space.evaluate(space.default_point()).objectives[changes]


def test_loops_are_padded_below_a_share_of_their_tile() -> None:
    import torch

    space = space_of_module(torch.nn.Linear(8, 24), (torch.ones(4, 8),))  # the largest divisor of 24 below 16 is 12
    loops: dict[int, set[tuple[int, ...]]] = {}
    for percent in (0, 50, 100):
        nodes = space.graph(space.check({"pad_below_percent": percent})).nodes(data=True)
        loops[percent] = {data["loops"] for _, data in nodes}
        assert space.evaluate(space.check({"pad_below_percent": percent})).feasible
    assert loops[0] == loops[50] == {(4, 24, 8), (4, 24)}
    assert loops[100] == {(4, 32, 8), (4, 32)}


def test_fewer_dies_have_less_of_all_but_ports(tmp_path: Path) -> None:
    device = small_device(tmp_path, dsp=300)
    space = space_of("gpt2", device=device, context=ROWS, sizes=GPT2, scheme="float32")
    whole, one = (space.evaluate(space.check({"dies": dies})) for dies in (3, 1))
    assert whole.feasible
    assert one.objectives == whole.objectives
    (violation,) = one.violations
    assert (violation.constraint, violation.available) == ("dsp", 100)
    assert sum(violation.terms.values()) == pytest.approx(violation.needed)
    assert "dies: 1 of 3 may be used" in violation.levers
    choices, fewer = space.choices({}), space.choices({"dies": 1})
    assert choices.dies == load_device(device).dies == 3
    for name in ("on_chip_bits", "bram36", "uram"):
        assert vars(fewer)[name] == vars(choices)[name] // 3
    assert load_device(device).with_dies(1).on_chip_bits == fewer.on_chip_bits
    assert load_device(device).with_dies(3) == load_device(device)


@pytest.mark.parametrize("dies", [1, 2, 3])
def test_tasks_lie_on_the_dies_that_may_be_used(dies: int) -> None:
    space = small_space()
    placed = [op.attributes.get(DIE) for op in operations(space.apply({"dies": dies}), TaskOp)]
    found = {die.value.data for die in placed if isinstance(die, IntegerAttr)}
    assert found == (set(range(dies)) if dies > 1 else set())


@pytest.mark.parametrize("part", ["decode", "prefill", "head"])
def test_the_wide_design_of_the_device_is_a_point(part: Part) -> None:
    """Exactly what `results` compiles."""
    space = small_space(part, "w4a8" if part != "head" else "float32")
    point = space.heuristics()["wide-for-device"]
    device = load_device("u55c")
    assert space.choices(point) == wide(choices_for(device), part, "gpt2", device)
    assert space.check(point) == point


def test_an_order_that_was_chosen_stays() -> None:
    space = small_space()
    tiled = {**space.default_point(), "default_tile_size": 4}
    chosen = {**tiled, "order.keys": (1, 0, 2)}
    assert space.evaluate(chosen).objectives[Objective.BITS] != space.evaluate(tiled).objectives[Objective.BITS]
    (keys,) = (data for _, data in space.graph(chosen).nodes(data=True) if data["kernel"] == "keys")
    assert keys["order"] == (1, 0, 2)


def test_small_memories_become_lut_memory_or_blocks() -> None:
    space = small_space()
    point = {**space.default_point(), "default_tile_size": 32, "unroll": 1, "fifo_width_bits": 32}
    few, many = (space.evaluate({**point, "lutram_words": words}).objectives for words in (16, 512))
    assert few[Objective.BRAM36] > many[Objective.BRAM36]
    assert few[Objective.LUTRAM_BITS] < many[Objective.LUTRAM_BITS]


def test_a_kernel_that_did_not_change_is_not_compiled_again() -> None:
    space = small_space()
    two = {**space.default_point(), "group.mlp_c_fc": 1}
    space.evaluate(two)
    changed = space.evaluate({**two, "unroll.mlp_c_fc": 2})
    assert (changed.reused, changed.compiled) == (1, 1)
    assert space.evaluate({**two, "fifo_slowdown_percent": 10.0}).compiled == 0


def test_the_cache_may_be_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STREAMTENSOR_CACHE", str(tmp_path))
    space = small_space()
    first = space.evaluate(space.default_point())
    files = list(tmp_path.rglob("*.json"))
    assert files
    for file in files:
        file.write_text("{", encoding="utf-8")
    again = space.evaluate(space.default_point())
    assert again == first
    assert again.compiled == 1
    assert content_cache.kept_or_made("x", "abc", lambda: (1, 2)) == [1, 2]
    assert content_cache.kept_or_made("x", "abc", lambda: 3) == [1, 2]


def test_what_does_not_fit_says_by_how_much_and_why(tmp_path: Path) -> None:
    space = space_of(
        "gpt2", device=small_device(tmp_path, dsp=20, bram36=1, uram=0), context=ROWS, sizes=GPT2, scheme="float32"
    )
    found = space.evaluate({**space.default_point(), "lutram_words": 16, "default_tile_size": 32, "fusion_percent": 85})
    assert not found.feasible
    for violation in found.violations:
        assert violation.needed > violation.available
        assert violation.excess > 0
        assert sum(violation.terms.values()) == pytest.approx(violation.needed)
        assert violation.levers
        known = {parameter.name for parameter in space.parameters}
        named = [word for lever in violation.levers for word in lever.partition(":")[0].split(", ")]
        assert any(word in known for word in named)
    smaller = space.smaller(found)
    assert smaller is not None
    assert space.check(smaller) == smaller
    assert sum(a != b for a, b in zip(smaller.values(), found.point.values(), strict=True)) == 1


def test_dsps_that_are_missing_have_terms_that_add_up(tmp_path: Path) -> None:
    space = space_of("gpt2", device=small_device(tmp_path, dsp=20), context=ROWS, sizes=GPT2, scheme="float32")
    (violation,) = space.evaluate(space.default_point()).violations
    assert violation.constraint == "dsp"
    assert violation.needed > 20 == violation.available
    assert sum(violation.terms.values()) == pytest.approx(violation.needed)
    assert "dsp" in str(violation)
    names = {parameter.name for parameter in space.parameters}
    assert violation.levers[0].partition(":")[0] in names  # the one of the kernel that takes most
    most = max((term for term in violation.terms if "/" in term), key=lambda term: violation.terms[term])
    assert most.endswith("]"), "tasks that were merged have the name of the kernel with more iterations"


def test_the_way_back_ends() -> None:
    space = small_space()
    point = space.default_point()
    steps = 0
    while True:
        smaller = space.smaller(Evaluation(point, {}, (TOO_LARGE,)))
        if smaller is None:
            break
        point, steps = dict(smaller), steps + 1
    assert point["default_tile_size"] == 1
    assert steps == 4
    assert space.smaller(space.evaluate(space.default_point())) is None


def test_the_graph_has_kernels_and_what_streams_between_them() -> None:
    space = small_space()
    graph = space.graph()
    kernels = {data["kernel"] for _, data in graph.nodes(data=True)}
    assert {"mlp_c_fc", "attn_c_attn", "tanh"} <= kernels
    (fc,) = (data for _, data in graph.nodes(data=True) if data["kernel"] == "mlp_c_fc")
    assert fc["loops"] == (128, 32)
    assert fc["parallel"] == (True, False)
    assert fc["tile"] == (16, 16)
    assert fc["intensity"] == 2 * 128 * 32
    assert fc["latency_cycles"] == 128 * 32
    edges = list(graph.edges(data=True))
    assert all(data["source"].startswith("!dataflow.itensor") for _, _, data in edges)
    assert any(data["converter_bits"] for _, _, data in edges)
    cut = space.graph({"group.mlp_c_fc": 1})
    assert any(data["converter_bits"] is None for _, _, data in cut.edges(data=True))
    assert all(data["lanes"] for _, data in space.graph({"overall_unroll_size": 256}).nodes(data=True))


def test_a_module_in_python_has_a_space() -> None:
    import torch

    space = space_of_module(torch.nn.Linear(8, 8), (torch.ones(4, 8),))
    assert isinstance(space, ProgramSpace)
    assert space.evaluate(space.default_point()).feasible
    assert len([op for op in space.apply(space.default_point()).walk() if isinstance(op, func.FuncOp)]) >= 2


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError) as part:
        space_of("gpt2", part="decoder")
    assert "decode" in str(part.value.hint)
    with pytest.raises(UserError):
        space_of("gpt-2")
    (tmp_path / "compile.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError) as damaged:
        space_of(str(tmp_path))
    assert damaged.value.code == "ST0503"
