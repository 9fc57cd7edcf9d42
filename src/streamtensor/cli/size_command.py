# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor size`: depths for the FIFOs of a dataflow graph or a compiled folder, with evidence."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.number import Number

if TYPE_CHECKING:
    from streamtensor.cli.progress import TerminalEvents
    from streamtensor.timing.graph import Graph
    from streamtensor.timing.sizing import Sizer, Strategy

_STRATEGIES: "tuple[Strategy, ...]" = ("best", "normal", "conservative", "published-lp", "exact")
_PLOTTED = 4
"""FIFOs that are drawn when none is named."""


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
    type=Number(min=0),
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
@click.option(
    "--prefetch-bits",
    type=click.IntRange(min=0),
    metavar="N",
    help="What FIFOs behind weight DMAs may take together.  [default: what they need to lose no time]",
)
@click.option("--pareto", is_flag=True, help="Latency against memory, in place of one answer.")
@click.option("--plot", "plotted", metavar="FIFO", multiple=True, help="Draw its tokens over time; may be repeated.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to draw: a page that needs no network; without --plot the FIFOs with the most bits.",
)
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
    prefetch_bits: int | None,
    pareto: bool,
    plotted: tuple[str, ...],
    html: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Size the FIFOs of a compiled folder DIR, or of a dataflow GRAPH (JSON, schema streamtensor.graph/1).

    The depths in a graph are not looked at. The answer comes with evidence, all of it by simulation: no deadlock; not
    slower than with unbounded FIFOs, or by how much; no single FIFO can have a word less. Of a folder every kernel is
    sized by itself; nothing in it changes (`compile --fifo-sizing` decides its depths).
    """
    from streamtensor.algebra.safe_depths import MIN_DEPTH
    from streamtensor.cli.progress import TerminalEvents
    from streamtensor.cli.size_tables import print_points, print_sizing
    from streamtensor.timing.answers import pareto_json, sizing_json
    from streamtensor.timing.sizing import Sizer

    if pareto and output is not None:
        raise click.UsageError("--pareto has many answers, --output takes one")
    if pareto and (html is not None or plotted):
        raise click.UsageError("--pareto has many answers, --plot and --html draw one")
    if plotted and html is None:
        raise click.UsageError("--plot needs --html FILE, where to draw")
    if program is not None and not graph.is_dir():
        raise click.UsageError("--program is for a compiled folder")
    graphs = _graphs(graph, program)
    if output is not None and len(graphs) != 1:
        raise click.UsageError(f"--output takes one graph, and {graph} has {len(graphs)}")
    answers: dict[str, dict[str, Any]] = {}
    depths: dict[str, Mapping[str, int]] = {}
    with TerminalEvents(quiet=as_json) as events:
        sizers = {
            name: Sizer(loaded, min_depth or (MIN_DEPTH if graph.is_dir() else 1), on_progress=_stages(events, name))
            for name, loaded in graphs.items()
        }
        budgets = _shares(sizers, prefetch_bits)
        for name, sizer in sizers.items():
            if pareto:
                points = sizer.pareto(prefetch_bits=budgets[name])
                answers[name] = pareto_json(sizer.graph, points)
                continue
            sizing = sizer.size(
                strategy,
                slowdown=slowdown_percent / 100,
                max_simulations=max_simulations,
                prefetch_bits=budgets[name],
            )
            answers[name] = sizing_json(sizer.graph, sizing)
            depths[name] = sizing.depths
            if output is not None:
                _write(output, sizer.graph.with_depths(sizing.depths))
    if as_json:
        print_json(_together(answers, pareto=pareto) if graph.is_dir() else answers[""])
    else:
        for name, answer in answers.items():
            if name:
                click.echo(f"kernel {name}")
            if pareto:
                print_points(answer["points"])
            else:
                print_sizing(answer)
    if html is not None:
        _draw(html, graph.name, graphs, depths, plotted)


def _stages(events: "TerminalEvents", kernel: str) -> Callable[[str, int, int], None]:
    """Progress under the kernel's name."""

    def tell(what: str, done: int, total: int) -> None:
        events.stage(f"{kernel}: {what}" if kernel else what, done, total)

    return tell


def _shares(sizers: "Mapping[str, Sizer]", prefetch_bits: int | None) -> dict[str, int | None]:
    """Kernel -> its part of the budget for prefetched weights, in proportion to what it needs."""
    if prefetch_bits is None:
        return dict.fromkeys(sizers)
    needs = {name: sizer.prefetch_needed_bits for name, sizer in sizers.items()}
    whole = max(1, sum(needs.values()))
    return {name: prefetch_bits * need // whole for name, need in needs.items()}


def _draw(
    path: Path,
    title: str,
    graphs: "Mapping[str, Graph]",
    depths: Mapping[str, Mapping[str, int]],
    plotted: Sequence[str],
) -> None:
    """Draws FIFOs, which are named KERNEL/NAME in a folder, in one page."""
    from streamtensor.diagnostics import UserError, did_you_mean
    from streamtensor.flow.folder import write_text
    from streamtensor.report.curves import curves_page
    from streamtensor.timing.curves import TokenCurves, token_curves

    places = {
        (f"{kernel}/{fifo.name}" if kernel else fifo.name): (kernel, fifo)
        for kernel, graph in graphs.items()
        for fifo in graph.sized
    }
    largest = sorted(places, key=lambda name: -places[name][1].bits * depths[places[name][0]][places[name][1].name])
    chosen = list(dict.fromkeys(plotted)) or largest[:_PLOTTED]
    for name in chosen:
        if name not in places:
            raise UserError("ST0703", f"no FIFO '{name}' to plot", hint=did_you_mean(name, list(places)))
    curves: list[TokenCurves] = []
    for kernel, graph in graphs.items():
        names = [places[name][1].name for name in chosen if places[name][0] == kernel]
        if names:
            curves += token_curves(graph, depths[kernel], names)
    try:
        write_text(path, curves_page(curves, title))
    except OSError as error:
        raise UserError("ST0101", f"cannot write the page {path}: {error.strerror}") from error
    click.echo(f"plots: {path}", err=True)


def _graphs(path: Path, program: str | None) -> "dict[str, Graph]":
    """The graph of a file under no name; those of a folder by KERNEL, or PROGRAM/KERNEL of several programs."""
    if not path.is_dir():
        from streamtensor.timing.load import load_graph

        return {"": load_graph(path)}
    from streamtensor.flow.folder_kernels import load_kernels

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
    from streamtensor.flow.folder import write_text
    from streamtensor.timing.graph_json import graph_to_json

    try:
        write_text(path, json.dumps(graph_to_json(graph), indent=1) + "\n")
    except OSError as error:
        raise UserError("ST0101", f"cannot write the graph {path}: {error.strerror}") from error
