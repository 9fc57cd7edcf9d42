# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The simulation runtime runs small designs: depths, deadlocks, counters, nested regions, faulty designs."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamtensor.diagnostics import UserError
from streamtensor.simulate.csim import Library, RegionReport, build, read_trace

pytestmark = pytest.mark.needs("g++")

DESIGNS = Path(__file__).parent / "runtime_designs"
Array = npt.NDArray[Any]


@pytest.fixture(scope="module", params=["own switch", "ucontext"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The designs, with the switch between fibers that this processor has and with the portable one."""
    folder = tmp_path_factory.getbasetemp() / "csim_runtime"
    defines = ["ST_CSIM_UCONTEXT"] if request.param == "ucontext" else []
    return Library(build([DESIGNS / "regions.cpp"], folder, defines=defines, name=f"regions_{len(defines)}"))


def ints(count: int) -> Array:
    return np.full(count, -1, np.int32)


def run_diamond(library: Library, **options: Any) -> tuple[RegionReport, Array, Array]:
    x = np.random.default_rng(0).standard_normal(32).astype(np.float32)
    y = np.zeros(32, np.float32)
    report = library.call("diamond", [x, y], **options)
    want = x + x.reshape(4, 8)[:, ::-1].reshape(32)
    return report, y, want


def test_diamond_completes_at_the_depth_of_a_block(library: Library) -> None:
    # The source writes 8 tokens to both paths before the reversing one gives its first.
    report, y, want = run_diamond(library)
    assert report.deadlock is None
    np.testing.assert_array_equal(y, want)
    assert [task.finished for task in report.tasks] == [1, 1, 1]


def test_diamond_deadlocks_one_below(library: Library) -> None:
    report, _, _ = run_diamond(library, depths={"straight": 7})
    assert report.deadlock is not None
    waits = {task.task: task for task in report.deadlock.blocked}
    assert (waits["split"].waits, waits["split"].fifo, waits["split"].depth) == ("write", "straight", 7)
    assert (waits["split"].tokens_written, waits["split"].peer) == (7, "add")
    assert (waits["reverse"].waits, waits["reverse"].fifo, waits["reverse"].tokens_read) == ("read", "turned", 7)
    assert (waits["add"].waits, waits["add"].fifo, waits["add"].tokens_read) == ("read", "back", 0)
    # add reads straight too, but has not yet: the region knows that it was given the FIFO.
    assert [task.task for task in report.deadlock.cycle] == ["split", "add", "reverse"]
    assert [task.peer for task in report.deadlock.cycle] == ["add", "reverse", "split"]
    error = report.deadlock.error()
    assert error.code == "ST0604"
    assert "write FIFO straight (full, depth 7) after 7 tokens" in error.notes[0]
    assert error.levers == ("a deeper FIFO straight",)


def test_one_depth_for_all(library: Library) -> None:
    assert run_diamond(library, depths=2)[0].deadlock is not None
    report, y, want = run_diamond(library, depths=8)
    assert report.deadlock is None
    np.testing.assert_array_equal(y, want)
    assert {fifo.depth for fifo in report.fifos} == {8}


def run_multi_source(library: Library, depths: dict[str, int] | int | None) -> RegionReport:
    y3, y4 = ints(40), ints(40)
    report = library.call("multi_source", [y3, y4], depths=depths)
    if report.deadlock is None:
        np.testing.assert_array_equal(y3, 101 * np.arange(40))
        np.testing.assert_array_equal(y4, 101 * np.arange(40))
    return report


def test_several_sources_deadlock_at_depth_two(library: Library) -> None:
    for depths in (None, 2):
        report = run_multi_source(library, depths)
        assert report.deadlock is not None
        assert {task.task for task in report.deadlock.cycle} == {"source", "source#2", "late", "sum", "sum#2"}


@pytest.mark.parametrize("fifo", ["e03", "e14"])
def test_several_sources_complete_with_one_deep_fifo(library: Library, fifo: str) -> None:
    # By hand, with depth d on e03: task 3 has taken 1 token of e03 and waits for task 2, so source 0 has written
    # d + 1 to e04 as well. Task 4 has paired these, so source 1 has written d + 1 + 2 to e14 and one more to e12.
    # Task 2 needs 7 of e12: d >= 3. With depth d on e14 instead, 1 + 2 + d + 1 >= 7 gives the same.
    assert run_multi_source(library, {fifo: 9}).deadlock is None
    assert run_multi_source(library, {fifo: 3}).deadlock is None
    assert run_multi_source(library, {fifo: 2}).deadlock is not None


def ring_values() -> list[int]:
    values, token = [], 1
    for _ in range(10):
        values.append(token + 3)
        token = 2 * values[-1]
    return values


def test_ring_with_an_initial_token(library: Library) -> None:
    y = ints(10)
    report = library.call("ring", [y])
    assert report.deadlock is None
    assert y.tolist() == ring_values()


def test_ring_cannot_run_in_order(library: Library) -> None:
    with pytest.raises(UserError, match="task step reads FIFO back, which is empty after 0 tokens") as caught:
        library.call("ring", [ints(10)], mode="unbounded")
    assert caught.value.code == "ST0603"
    assert "bounded mode" in caught.value.hint


def test_unbounded_equals_bounded(library: Library) -> None:
    bounded, y1, _ = run_diamond(library, hashes=True)
    unbounded, y2, _ = run_diamond(library, hashes=True, mode="unbounded")
    assert y1.tobytes() == y2.tobytes()
    assert [fifo.hash for fifo in bounded.fifos] == [fifo.hash for fifo in unbounded.fifos]
    assert len({fifo.hash for fifo in bounded.fifos}) == 2  # both paths carry the same, before the one is reversed
    assert [fifo.tokens for fifo in bounded.fifos] == [fifo.tokens for fifo in unbounded.fifos] == [32, 32, 32]
    assert {fifo.depth for fifo in unbounded.fifos} == {None}
    assert [fifo.high_water for fifo in unbounded.fifos] == [32, 32, 32]


def fnv1a(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def test_counters_hash_and_trace(library: Library, tmp_path: Path) -> None:
    x = np.arange(120, dtype=np.float32)
    y = np.zeros(120, np.float32)
    report = library.call("nested", [x, y], trace=tmp_path / "trace")
    into = report.fifo("in")
    assert (into.width_bits, into.depth, into.tokens, into.tokens_read) == (128, 3, 30, 30)
    assert 1 <= into.high_water <= 3
    assert into.hash == fnv1a(x.tobytes())
    assert report.fifo("out").hash == fnv1a(y.tobytes())
    np.testing.assert_array_equal(read_trace(tmp_path / "trace", "in", np.float32), x.reshape(30, 4))
    np.testing.assert_array_equal(read_trace(tmp_path / "trace", "half", np.float32), 2 * x.reshape(30, 4))
    # A second call starts the files again.
    library.call("nested", [x, y], trace=tmp_path / "trace")
    assert read_trace(tmp_path / "trace", "in", np.float32).shape == (30, 4)
    assert library.call("nested", [x, y]).fifo("in").hash is None


@pytest.mark.parametrize("mode", ["bounded", "unbounded"])
def test_region_inside_a_task_inside_a_loop(library: Library, mode: Any) -> None:
    x = np.arange(120, dtype=np.float32)
    y = np.zeros(120, np.float32)
    if mode == "unbounded":
        report = library.call("nested", [x, y], mode=mode)
    else:
        report = library.call("nested", [x, y], depths=1)
    assert report.deadlock is None
    np.testing.assert_array_equal(y, np.sqrt(2 * x))
    assert report.fifo("half").tokens == 30
    runs = {task.name: (task.runs, task.finished) for task in report.tasks}
    assert runs["rounds/twice"] == (6, 6)
    assert runs["rounds"] == (1, 1)


def test_deadlock_inside_an_inner_region(library: Library) -> None:
    x = np.zeros(120, np.float32)
    report = library.call("nested_starved", [x, x.copy()])
    assert report.deadlock is not None
    waits = {task.task: task for task in report.deadlock.blocked}
    assert (waits["rounds"].waits, waits["rounds"].peer) == ("join", "rounds/twice")
    assert (waits["rounds/twice"].fifo, waits["rounds/twice"].peer) == ("in", "load")
    assert waits["rounds/twice"].peer_finished
    assert waits["rounds/root"].peer == "rounds/twice"
    assert report.deadlock.cycle == ()  # the writer has ended: nothing waits in a circle
    assert "has ended" in str(report.deadlock)


def test_trace_of_a_deadlock(library: Library, tmp_path: Path) -> None:
    x = np.arange(32, dtype=np.float32)
    report = library.call("diamond", [x, x.copy()], depths={"straight": 7}, trace=tmp_path)
    assert report.deadlock is not None
    assert read_trace(tmp_path, "straight", np.float32).tolist() == [[float(i)] for i in range(7)]
    assert read_trace(tmp_path, "back", np.float32).shape == (0, 1)
    with pytest.raises(UserError, match="no FIFO 'bakc'"):
        read_trace(tmp_path, "bakc", np.float32)


@pytest.mark.parametrize("mode", ["bounded", "unbounded"])
def test_leftover_tokens(library: Library, mode: Any) -> None:
    with pytest.raises(UserError, match="FIFO s: task write_five wrote 5 tokens, task read_three read 3, 2 are left"):
        library.call("leftover", [ints(3)], mode=mode)


def test_leftover_tokens_do_not_hide_a_deadlock(library: Library) -> None:
    report = library.call("leftover", [ints(3)], depths=1)
    assert report.deadlock is not None
    (blocked,) = report.deadlock.blocked
    assert (blocked.task, blocked.waits, blocked.peer) == ("write_five", "write", "read_three")
    assert blocked.peer_finished


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("throwing", "the kernel says no"),
        ("two_readers", "two tasks read FIFO s: read_three and read_three#2"),
        ("same_name", "two FIFOs of different type or depth are called twin"),
    ],
)
def test_errors_of_a_design_are_reported_and_leave_the_library_usable(
    library: Library, symbol: str, message: str
) -> None:
    for _ in range(2):
        with pytest.raises(UserError, match=message) as caught:
            library.call(symbol, [ints(10)])
        assert caught.value.code == "ST0603"
    assert run_diamond(library)[0].deadlock is None


def test_polling(library: Library) -> None:
    for mode in ("bounded", "unbounded"):
        y = ints(5)
        assert library.call("polling", [y], mode=mode).deadlock is None
        assert y.tolist() == [0, 10, 20, 30, 40]
    report = library.call("polling_starved", [ints(5)])
    assert report.deadlock is not None
    assert (report.deadlock.blocked[0].task, report.deadlock.blocked[0].fifo) == ("poll", "s")
    with pytest.raises(UserError, match="polls FIFO s without end"):
        library.call("polling_starved", [ints(5)], mode="unbounded")


def test_large_local_array(library: Library) -> None:
    for mode in ("bounded", "unbounded"):
        y = ints(1)
        library.call("large_array", [y], mode=mode)
        assert y[0] == 123456


def test_interface_of_a_stream(library: Library) -> None:
    y = ints(11)
    report = library.call("plain_stream", [y])
    assert y.tolist() == [1, 3, 1, 0, 7, 8, 1, 9, 0, -1, ord("p")]
    assert report.fifo("plain").high_water == 3


def test_wrong_arguments(library: Library) -> None:
    y = ints(10)
    for call, code in (
        (lambda: library.call("no_such", [y]), "ST0606"),
        (lambda: library.call("ring", [ints(20)[::2]]), "ST0607"),
        (lambda: library.call("ring", [[1, 2]]), "ST0607"),  # pyright: ignore[reportArgumentType]
        (lambda: library.call("ring", [y], depths=0), "ST0607"),
        (lambda: library.call("ring", [y], depths={"forward": 4}), "ST0607"),
        (lambda: library.call("ring", [y], mode="Bounded"), "ST0607"),  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(UserError) as caught:
            call()
        assert caught.value.code == code
    with pytest.raises(UserError) as caught:
        library.call("ring", [y], depths={"forht": 4})
    assert "did you mean 'forth'" in caught.value.hint
