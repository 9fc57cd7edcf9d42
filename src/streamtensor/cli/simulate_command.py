# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor simulate`: when things happen in a dataflow graph, to the cycle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamtensor.cli.entry import print_json

if TYPE_CHECKING:
    from streamtensor.timing.graph import Graph
    from streamtensor.timing.simulator import Result


@click.command()
@click.argument("graph", type=click.Path(path_type=Path))
@click.option("--trace", metavar="FILE", type=click.Path(path_type=Path), help="Write a trace for ui.perfetto.dev.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(graph: Path, trace: Path | None, as_json: bool) -> None:
    """Simulate a dataflow GRAPH (JSON, schema streamtensor.graph/1) to the cycle.

    Prints the end and the waits of every task, how much every FIFO held at most, or the cycle of waits of a deadlock.
    A deadlock is an answer: the exit code is 0.
    """
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
        _print(loaded, result)


def _write_trace(path: Path, simulator: object, result: object) -> None:
    from streamtensor.diagnostics import UserError
    from streamtensor.timing.simulator import Result, Simulator
    from streamtensor.timing.trace import chrome_trace

    assert isinstance(simulator, Simulator)
    assert isinstance(result, Result)
    try:
        path.write_text(json.dumps(chrome_trace(simulator, result)), encoding="utf-8")
    except OSError as error:
        raise UserError("ST0101", f"cannot write the trace {path}: {error.strerror}") from error
    click.echo(f"trace: {path}", err=True)


def _print(graph: "Graph", result: "Result") -> None:
    from streamtensor.cli.tables import print_table

    click.echo(f"{result.cycles:,} cycles" if result.deadlock is None else str(result.deadlock))
    print_table(
        ("task", "start", "end", "steps", "waits to read", "waits to write"),
        [
            (task.name, _cycle(t.start), f"{t.end:,}", f"{t.steps:,}", f"{t.stalled_read:,}", f"{t.stalled_write:,}")
            for task in graph.tasks
            for t in (result.tasks[task.name],)
        ],
    )
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
