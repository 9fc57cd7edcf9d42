# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor simulate`: when things happen in a dataflow graph or a compiled folder, to the cycle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamtensor.cli.entry import print_json

if TYPE_CHECKING:
    from streamtensor.flow.timing import FolderTime
    from streamtensor.timing.graph import Graph
    from streamtensor.timing.simulator import Result, Simulator

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
@click.option("--trace", metavar="FILE", type=click.Path(path_type=Path), help="Write a trace for ui.perfetto.dev.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(graph: Path, program: str | None, position: int | None, trace: Path | None, as_json: bool) -> None:
    """Simulate a compiled folder DIR, or a dataflow GRAPH (JSON, schema streamtensor.graph/1), to the cycle.

    Prints the end and the waits of every task, how much every FIFO held at most, or the cycle of waits of a deadlock.
    A deadlock is an answer: the exit code is 0. Of a folder every kernel is simulated once; its time counts as often as
    it is launched.
    """
    if graph.is_dir():
        _folder(graph, program, position, trace, as_json)
        return
    if program is not None or position is not None:
        raise click.UsageError("--program and --position are for a compiled folder")
    from streamtensor.timing.answers import simulation_json
    from streamtensor.timing.load import load_graph
    from streamtensor.timing.simulator import Simulator

    loaded = load_graph(graph)
    simulator = Simulator(loaded)
    result = simulator.run()
    if trace is not None:
        _write_trace(trace, simulator, result)
    if as_json:
        print_json(simulation_json(loaded, result))
    else:
        click.echo(f"{result.cycles:,} cycles" if result.deadlock is None else str(result.deadlock))
        _print_tasks(loaded, result)
        _print_fifos(loaded, result)


def _folder(folder: Path, program: str | None, position: int | None, trace: Path | None, as_json: bool) -> None:
    from streamtensor.flow.timing import folder_json, simulate_folder

    time = simulate_folder(folder, program, position)
    if trace is not None:
        if len(time.kernels) != 1:
            kernels = ", ".join(str(one.kernel.path) for one in time.kernels)
            raise click.UsageError(f"a trace is of one kernel: simulate one of {kernels}")
        _write_trace(trace, time.kernels[0].simulator, time.kernels[0].result)
    if as_json:
        print_json(folder_json(time))
    else:
        _print_folder(time)


def _print_folder(time: "FolderTime") -> None:
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
            _print_fifos(one.kernel.graph, one.result)
            print_table(
                ("memory channel", "bytes read", "bytes written", "of its rate"),
                [
                    (str(c.channel), f"{c.bytes_read:,.0f}", f"{c.bytes_written:,.0f}", f"{100 * c.utilisation:.1f} %")
                    for c in one.channels
                ],
            )
        click.echo()


def _write_trace(path: Path, simulator: "Simulator", result: "Result") -> None:
    from streamtensor.diagnostics import UserError
    from streamtensor.timing.trace import chrome_trace

    try:
        path.write_text(json.dumps(chrome_trace(simulator, result)), encoding="utf-8")
    except OSError as error:
        raise UserError("ST0101", f"cannot write the trace {path}: {error.strerror}") from error
    click.echo(f"trace: {path}", err=True)


def _print_tasks(graph: "Graph", result: "Result") -> None:
    from streamtensor.cli.tables import print_table

    print_table(
        ("task", "start", "end", "steps", "waits to read", "waits to write"),
        [
            (task.name, _cycle(t.start), f"{t.end:,}", f"{t.steps:,}", f"{t.stalled_read:,}", f"{t.stalled_write:,}")
            for task in graph.tasks
            for t in (result.tasks[task.name],)
        ],
    )


def _print_fifos(graph: "Graph", result: "Result") -> None:
    from streamtensor.cli.tables import print_table

    print_table(
        ("FIFO", "bits", "depth", "high water", "tokens"),
        [
            (fifo.name, f"{fifo.bits:,}", _depth(fifo.depth), f"{use.high_water:,}", f"{use.tokens:,}")
            for fifo in graph.fifos
            for use in (result.fifos[fifo.name],)
        ],
    )


def _cycle(cycle: int | None) -> str:
    return "-" if cycle is None else f"{cycle:,}"


def _depth(depth: int | None) -> str:
    return "unbounded" if depth is None else f"{depth:,}"
