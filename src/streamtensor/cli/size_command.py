# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor size`: depths for the FIFOs of a dataflow graph or a compiled folder, with evidence."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamtensor.cli.entry import print_json

if TYPE_CHECKING:
    from streamtensor.timing.graph import Graph
    from streamtensor.timing.sizing import Strategy

_STRATEGIES: "tuple[Strategy, ...]" = ("best", "normal", "conservative", "published-lp", "exact")


@click.command()
@click.argument("graph", metavar="DIR|GRAPH", type=click.Path(path_type=Path))
@click.option("--program", metavar="NAME", help="Only this program of a compiled folder.")
@click.option(
    "--strategy",
    type=click.Choice(_STRATEGIES),
    default="best",
    show_default=True,
    help="Where to start from; exact proves or bounds the least bits, published-lp is a baseline and is not mended.",
)
@click.option(
    "--allow-slowdown",
    "slowdown_percent",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="PERCENT",
    help="Slower than with unbounded FIFOs, at most.",
)
@click.option(
    "--min-depth",
    type=click.IntRange(min=1),
    default=None,
    help="No FIFO gets less.  [default: 1; 2 for a compiled folder]",
)
@click.option(
    "--max-simulations",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="How long exact searches before it gives a bound.",
)
@click.option("--pareto", is_flag=True, help="Latency against memory, in place of one answer.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write the graph with these depths."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    graph: Path,
    program: str | None,
    strategy: "Strategy",
    slowdown_percent: float,
    min_depth: int | None,
    max_simulations: int,
    pareto: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Size the FIFOs of a compiled folder DIR, or of a dataflow GRAPH (JSON, schema streamtensor.graph/1).

    The depths in a graph are not looked at. The answer comes with evidence, all of it by simulation: no deadlock; not
    slower than with unbounded FIFOs, or by how much; no single FIFO can have a word less. Of a folder every kernel is
    sized by itself; nothing in it changes (`compile --fifo-sizing` decides its depths).
    """
    from streamtensor.cli.progress import TerminalEvents
    from streamtensor.timing.answers import pareto_json, sizing_json
    from streamtensor.timing.sizing import Sizer

    if pareto and output is not None:
        raise click.UsageError("--pareto has many answers, --output takes one")
    if program is not None and not graph.is_dir():
        raise click.UsageError("--program is for a compiled folder")
    graphs = _graphs(graph, program)
    if output is not None and len(graphs) != 1:
        raise click.UsageError(f"--output takes one graph, and {graph} has {len(graphs)}")
    answers: dict[str, dict[str, Any]] = {}
    with TerminalEvents(quiet=as_json) as events:
        for name, loaded in graphs.items():
            least = min_depth or (2 if graph.is_dir() else 1)
            sizer = Sizer(loaded, least, on_progress=events.stage)
            if pareto:
                answers[name] = {"points": pareto_json(loaded, sizer.pareto())}
                continue
            sizing = sizer.size(strategy, slowdown=slowdown_percent / 100, max_simulations=max_simulations)
            answers[name] = sizing_json(loaded, sizing)
            if output is not None:
                _write(output, loaded.with_depths(sizing.depths))
    if as_json:
        print_json(_together(answers, pareto=pareto) if graph.is_dir() else answers[""])
        return
    for name, answer in answers.items():
        if name:
            click.echo(f"kernel {name}")
        if pareto:
            _print_points(answer["points"])
        else:
            _print(answer)


def _graphs(path: Path, program: str | None) -> "dict[str, Graph]":
    """The graph of a file under no name; those of a folder by KERNEL, or PROGRAM/KERNEL of several programs."""
    if not path.is_dir():
        from streamtensor.timing.load import load_graph

        return {"": load_graph(path)}
    from streamtensor.flow.timing import load_kernels

    _, kernels = load_kernels(path, program)
    several = len({one.program for one in kernels}) > 1
    return {f"{one.program}/{one.kernel}" if several else one.kernel: one.graph for one in kernels}


def _together(answers: dict[str, dict[str, Any]], *, pareto: bool) -> dict[str, Any]:
    """The sizes of all kernels, FIFOs by KERNEL/NAME, and each kernel's own answer."""
    together: dict[str, Any] = {"kernels": answers}
    if not pareto:
        together |= {
            "fifos": {f"{name}/{fifo}": value for name, one in answers.items() for fifo, value in one["fifos"].items()},
            **{key: sum(one[key] for one in answers.values()) for key in ("total_words", "total_bits", "total_blocks")},
            **{key: sum(one[key] for one in answers.values()) for key in ("cycles", "cycles_unbounded")},
        }
    return together


def _write(path: Path, graph: Any) -> None:
    from streamtensor.diagnostics import UserError
    from streamtensor.timing.graph_json import graph_to_json

    try:
        path.write_text(json.dumps(graph_to_json(graph), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError("ST0101", f"cannot write the graph {path}: {error.strerror}") from error


def _print(answer: dict[str, Any]) -> None:
    from streamtensor.cli.tables import print_table

    evidence = answer["certificates"]
    click.echo(
        f"{answer['total_words']:,} words, {answer['total_bits']:,} bits, {answer['total_blocks']:,} blocks; "
        f"{answer['cycles']:,} cycles, {answer['cycles_unbounded']:,} with unbounded FIFOs"
    )
    deadlock = evidence["no_deadlock"]["deadlock"]
    slower = evidence["latency"]["slowdown_percent"]
    less = evidence["locally_minimal"]["can_be_less"]
    click.echo(f"  deadlock  {deadlock['message'] if deadlock else 'none'}")
    if not deadlock:
        click.echo(f"  latency   {f'{slower} % slower' if slower else 'as with unbounded FIFOs'}")
        click.echo(f"  minimal   {'less would do for ' + ', '.join(less) if less else 'no FIFO can have a word less'}")
    if "exact" in answer:
        exact = answer["exact"]
        bound = f"at least {exact['bound_bits']:,} bits are needed, a gap of {exact['gap_percent']} %"
        click.echo(f"  exact     {'no depths with fewer bits do' if exact['proved'] else bound}")
    print_table(
        ("FIFO", "bits", "depth", "high water", "blocks"),
        [
            (name, f"{f['bits']:,}", f"{f['depth']:,}", f"{f['high_water']:,}", f"{f['blocks']:,}")
            for name, f in answer["fifos"].items()
        ],
    )
    print_table(
        ("first answer", "words", "bits", "blocks", "cycles"),
        [
            (one["name"], *(_figure(one[key]) for key in ("words", "bits", "blocks")), _outcome(one))
            for one in answer["strategies"]
        ],
    )


def _print_points(points: list[dict[str, Any]]) -> None:
    from streamtensor.cli.tables import print_table

    fastest = points[0]["cycles"]
    print_table(
        ("cycles", "slower", "bits", "blocks"),
        [
            (
                f"{point['cycles']:,}",
                f"{100 * (point['cycles'] / fastest - 1) if fastest else 0:.1f} %",
                f"{point['total_bits']:,}",
                f"{point['total_blocks']:,}",
            )
            for point in points
        ],
    )


def _figure(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _outcome(candidate: dict[str, Any]) -> str:
    if candidate["reason"]:
        return str(candidate["reason"])
    return "deadlock" if candidate["deadlock"] else f"{candidate['cycles']:,}"
