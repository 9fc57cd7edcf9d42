# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `streamtensor size` prints of its JSON answers."""

from collections.abc import Sequence
from typing import Any

import click

from streamtensor.cli.tables import print_table


def print_sizing(answer: dict[str, Any]) -> None:
    """The total, the four certificates, the prefetch, a table of FIFOs and one of all strategies."""
    evidence = answer["certificates"]
    click.echo(
        f"{answer['total_words']:,} words, {answer['total_bits']:,} bits, {answer['total_blocks']:,} blocks; "
        f"{answer['cycles']:,} cycles, {answer['cycles_unbounded']:,} with unbounded FIFOs "
        "(cycles simulated, blocks a model)"
    )
    deadlock = evidence["no_deadlock"]["deadlock"]
    click.echo(f"  1 deadlock   {deadlock['message'] if deadlock else 'none'}")
    if not deadlock:
        slower = evidence["latency"]["slowdown_percent"]
        less = evidence["locally_minimal"]["can_be_less"]
        click.echo(f"  2 latency    {f'{slower} % slower' if slower else 'as'} {_against(answer)}")
        click.echo(
            f"  3 minimal    {'less would do for ' + ', '.join(less) if less else 'no FIFO can have a word less'}"
        )
    click.echo(f"  4 bits       {_beside(answer)}")
    if answer["prefetch"]["fifos"]:
        click.echo(f"  prefetch     {_prefetch(answer['prefetch'])}")
    if "exact" in answer:
        exact = answer["exact"]
        bound = f"at least {exact['bound_bits']:,} bits are needed, a gap of {exact['gap_percent']} %"
        click.echo(f"  exact        {'no depths with fewer bits do' if exact['proved'] else bound}")
    print_table(
        ("FIFO", "width", "depth", "high water", "minimal", "blocks"),
        [
            (
                *(name, f"{f['bits']:,}", f"{f['depth']:,}", f"{f['high_water']:,}"),
                *("-" if f["minimal"] is None else "yes" if f["minimal"] else "no", f"{f['blocks']:,}"),
            )
            for name, f in answer["fifos"].items()
        ],
    )
    own: dict[str, Any] = {
        "name": f"this answer ({answer['strategy']})",
        **{what: answer[f"total_{what}"] for what in ("words", "bits", "blocks")},
        "cycles": answer["cycles"],
        "deadlock": deadlock,
        "reason": None,
    }
    print_table(
        ("strategy, its first answer", "words", "bits", "blocks", "cycles"),
        [
            (one["name"], *(_figure(one[key]) for key in ("words", "bits", "blocks")), _outcome(one))
            for one in (*answer["strategies"], own)
        ],
    )


def print_points(points: Sequence[dict[str, Any]]) -> None:
    """Latency against memory."""
    fastest = points[0]["cycles"]
    print_table(
        ("cycles (simulated)", "slower", "bits", "blocks (model)"),
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


def _against(answer: dict[str, Any]) -> str:
    loss = answer["prefetch"]["loss_percent"]
    return "with unbounded FIFOs" + (" behind the prefetch" if loss else "")


def _beside(answer: dict[str, Any]) -> str:
    """The total beside that of holding everything, and what is to say of the published form."""
    bits, everything = answer["total_bits"], answer["certificates"]["bits"]["everything"]
    text = f"{bits:,}, {bits / everything:.2%} of what all FIFOs together carry" if everything else f"{bits:,}"
    for one in answer["published_slower"]:
        text += (
            f"; {one['name']} has {one['bits']:,} and takes {one['cycles']:,} cycles, "
            f"{one['as_fast_with_bits']:,} are enough for that"
        )
    return text


def _prefetch(prefetch: dict[str, Any]) -> str:
    loss = f", which costs {prefetch['loss_percent']} %" if prefetch["loss_percent"] else ""
    count = len(prefetch["fifos"])
    return (
        f"{prefetch['bits']:,} bits in {count} {'FIFO' if count == 1 else 'FIFOs'} behind weight DMAs, "
        f"{prefetch['needed_bits']:,} where nothing is lost{loss}"
    )


def _figure(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _outcome(candidate: dict[str, Any]) -> str:
    if candidate["reason"]:
        return str(candidate["reason"])
    return "deadlock" if candidate["deadlock"] else f"{candidate['cycles']:,}"
