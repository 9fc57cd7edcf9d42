# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor simulate`: when things happen in a dataflow graph or a compiled folder, to the cycle."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.number import Number

if TYPE_CHECKING:
    from streamtensor.flow.timing import FolderTime
    from streamtensor.timing.graph import Graph
    from streamtensor.timing.simulator import Result
    from streamtensor.timing.trace import Part

_TASKS_SHOWN = 12


@click.command()
@click.argument("graph", metavar="DIR|GRAPH", type=click.Path(path_type=Path))
@click.option("--program", metavar="NAME", help="Only this program of a compiled folder.")
@click.option(
    "--position",
    metavar="N",
    type=click.IntRange(min=0),
    help="Of the token of a decode step, or of a prompt's last one; without it the context is full.",
)
@click.option(
    "--clock-mhz",
    metavar="MHZ",
    type=Number(min=0, min_open=True),
    help="Say the milliseconds of a GRAPH at this clock; a folder has that of its device.",
)
@click.option("--trace", metavar="FILE", type=click.Path(path_type=Path), help="Write a trace for ui.perfetto.dev.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    graph: Path,
    program: str | None,
    position: int | None,
    clock_mhz: float | None,
    trace: Path | None,
    as_json: bool,
) -> None:
    """Simulate a compiled folder DIR, or a dataflow GRAPH (JSON, schema streamtensor.graph/1), to the cycle.

    Prints the end and the waits of every task, how much every FIFO held at most, or the cycle of waits of a deadlock.
    A deadlock is an answer: the exit code is 0. Of a folder every kernel is simulated once; its time counts as often as
    it is launched.
    """
    if graph.is_dir():
        if clock_mhz is not None:
            raise click.UsageError("--clock-mhz is for a graph: a compiled folder has the clock of its device")
        _folder(graph, program, position, trace, as_json)
        return
    if program is not None or position is not None:
        raise click.UsageError("--program and --position are for a compiled folder")
    from streamtensor.timing.answers import simulation_json
    from streamtensor.timing.load import load_graph
    from streamtensor.timing.simulator import Simulator
    from streamtensor.timing.trace import Part

    loaded = load_graph(graph)
    simulator = Simulator(loaded)
    result = simulator.run()
    if trace is not None:
        _write_trace(trace, [Part(graph.name, simulator, result)])
    if as_json:
        milliseconds = {} if clock_mhz is None else {"milliseconds": result.cycles / (clock_mhz * 1e3)}
        print_json(simulation_json(loaded, result) | milliseconds)
    else:
        time = "" if clock_mhz is None else f", {result.cycles / (clock_mhz * 1e3):,.3f} ms at {clock_mhz:g} MHz"
        click.echo(f"{result.cycles:,} cycles{time} (simulated)" if result.deadlock is None else str(result.deadlock))
        _print_tasks(loaded, result)
        _print_fifos(loaded, result, 1)


def _folder(folder: Path, program: str | None, position: int | None, trace: Path | None, as_json: bool) -> None:
    from streamtensor.flow.timing import folder_json, simulate_folder

    time = simulate_folder(folder, program, position)
    if trace is not None:
        _write_trace(trace, _parts(time))
    if as_json:
        print_json(folder_json(time))
    else:
        _print_folder(time)


def _print_folder(time: "FolderTime") -> None:
    from streamtensor.algebra.safe_depths import MIN_DEPTH
    from streamtensor.cli.tables import print_table
    from streamtensor.flow.timing import busiest_tasks

    for program, kernels in time.programs.items():
        cycles = sum(one.total_cycles for one in kernels)
        click.echo(
            f"program {program}: {cycles:,} cycles, {time.milliseconds(cycles):,.3f} ms "
            f"at {time.device.clock_mhz:g} MHz on {time.device.name} (simulated, without the host)"
        )
        print_table(
            ("kernel", "launches", "cycles", "ms", "together"),
            [
                (
                    one.kernel.kernel,
                    f"{one.kernel.launches:,}",
                    "deadlock" if one.result.deadlock else f"{one.result.cycles:,}",
                    f"{time.milliseconds(one.result.cycles):,.3f}",
                    f"{time.milliseconds(one.total_cycles):,.3f}",
                )
                for one in kernels
            ],
        )
        for one in kernels:
            click.echo(f"\nkernel {one.kernel.kernel}")
            if one.result.deadlock is not None:
                click.echo(f"  {one.result.deadlock}")
            print_table(
                ("busiest tasks", "end", "busy", "waits to read", "waits to write"),
                [(name, *(f"{n:,}" for n in row)) for name, *row in busiest_tasks(one, _TASKS_SHOWN)],
            )
            _print_fifos(one.kernel.graph, one.result, MIN_DEPTH)
            print_table(
                ("memory channel", "bytes read", "bytes written", "of its rate"),
                [
                    (str(c.channel), f"{c.bytes_read:,.0f}", f"{c.bytes_written:,.0f}", f"{100 * c.utilisation:.1f} %")
                    for c in one.channels
                ],
            )
        click.echo()


def _parts(time: "FolderTime") -> "list[Part]":
    """Of every program one launch of each kernel, one after the other."""
    from streamtensor.timing.trace import Part

    parts: list[Part] = []
    for program, kernels in time.programs.items():
        offset = 0
        for one in kernels:
            name = f"{program}: {one.kernel.kernel}, one of {one.kernel.launches} launches"
            parts.append(Part(name, one.simulator, one.result, offset))
            offset += one.result.cycles + 1
    return parts


def _write_trace(path: Path, parts: "Sequence[Part]") -> None:
    from streamtensor.diagnostics import UserError
    from streamtensor.flow.folder import write_text
    from streamtensor.timing.trace import chrome_trace

    try:
        write_text(path, json.dumps(chrome_trace(parts)))
    except OSError as error:
        raise UserError("ST0101", f"cannot write the trace {path}: {error.strerror}") from error
    click.echo(f"trace: {path}", err=True)


def _print_tasks(graph: "Graph", result: "Result") -> None:
    from streamtensor.cli.tables import print_table

    print_table(
        ("task", "start", "end", "steps", "busy", "waits to read", "waits to write"),
        [
            (task.name, _cycle(t.start), *(f"{n:,}" for n in (t.end, t.steps, t.busy, t.stalled_read, t.stalled_write)))
            for task in graph.tasks
            for t in (result.tasks[task.name],)
        ],
    )


def _print_fifos(graph: "Graph", result: "Result", min_depth: int) -> None:
    from streamtensor.cli.tables import print_table

    print_table(
        ("FIFO", "width", "depth", "high water", "minimal", "tokens"),
        [
            (
                *(fifo.name, f"{fifo.bits:,}", _depth(fifo.depth), f"{use.high_water:,}"),
                *(_minimal(fifo.depth, use.high_water, min_depth), f"{use.tokens:,}"),
            )
            for fifo in graph.fifos
            for use in (result.fifos[fifo.name],)
        ],
    )


def _cycle(cycle: int | None) -> str:
    return "-" if cycle is None else f"{cycle:,}"


def _minimal(depth: int | None, high_water: int, min_depth: int) -> str:
    """A depth that was never reached is not minimal; whether one that was is, `size` finds out."""
    return "yes" if depth is not None and depth <= min_depth else "no" if depth is None or high_water < depth else "?"


def _depth(depth: int | None) -> str:
    return "unbounded" if depth is None else f"{depth:,}"
