# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor results`: latency, TTFT and tokens per second beside published ones and beside the physical limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import print_table

if TYPE_CHECKING:
    from streamtensor.report.results import Results


@click.command()
@click.argument("model")
@click.option("--device", default="u55c", show_default=True, help="Device, or the path of a device file.")
@click.option("--scheme", default="w4a8", show_default=True, help="How the model is quantised; float32 for floats.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(model: str, device: str, scheme: str, as_json: bool) -> None:
    """Latency, time to first token and tokens per second of MODEL, simulated, for 32:32 to 256:256 tokens.

    MODEL is the name of a shape or a local Hugging Face folder; weights are not needed. Prefill, decode and LM head are
    compiled, placed together on the device, and simulated to the cycle. Published rows and physical limits stand
    beside, each figure with its provenance.
    """
    from streamtensor.flow.results import results
    from streamtensor.report.results import results_json

    with TerminalEvents(quiet=as_json) as events:
        found = results(model, device=device, scheme=scheme, events=events)
    if as_json:
        print_json(results_json(found))
    else:
        _print(found)


def _print(found: Results) -> None:
    device, memory = found.device, found.device.main_memory
    click.echo(f"{found.model}, {found.scheme}, on {device.title} at {device.clock_mhz:g} MHz (simulated)")
    _print_rows(found)
    rates = (("measured", memory.measured_bytes_per_second), ("nominal", memory.nominal_bytes_per_second))
    click.echo("\nroofs (model)")
    for name, rate in rates:
        click.echo(f"  {found.roofs[f'tokens_per_s_{name}']:,.0f} tokens/s at {rate / 1e9:g} GB/s, {name}")
    for length in sorted({row.input for row in found.rows}):
        click.echo(f"  TTFT at the DSP roof, {length} tokens: {found.roofs[f'ttft_ms_{length}']:.2f} ms")
    _print_parts(found)
    match found.fits:
        case "together":
            click.echo("\nall programs are resident together")
        case "reload":
            click.echo("\nnot resident together: prefill first, then, after a reload, decode and head")
        case "none":
            click.echo("\ndoes not fit the device, not even with a reload between prompt and tokens")
    for shortage in found.shortages:
        click.echo(f"  {shortage}")
    if found.statements:
        click.echo("\nalso published of this model")
    for one in found.statements:
        click.echo(f"  {one.what}: {one.figure} ({one.source})")
    for source in dict.fromkeys(row.system.source for row in found.published):
        click.echo(f"source: {source}")


def _print_rows(found: Results) -> None:
    rows: list[tuple[str, ...]] = []
    for length in sorted({row.input for row in found.rows}):
        for row in (row for row in found.rows if row.input == length):
            rows.append(
                (
                    f"{row.input}:{row.output}",
                    f"this, {row.launch}",
                    f"{row.latency_ms:,.2f}",
                    f"{row.ttft_ms:,.2f}",
                    f"{row.tokens_per_s:,.2f}",
                    f"{row.memory_roof_share:.1%}",
                    f"{row.dsp_roof_share:.1%}",
                    row.provenance,
                )
            )
        for other in (row for row in found.published if row.input == length):
            figures = (other.latency_ms, other.ttft_ms, other.tokens_per_s)
            cells = tuple("-" if value is None else f"{value:,.2f}" for value in figures)
            rows.append((f"{length}:{length}", other.system.title, *cells, "", "", "published"))
    header = ("in:out", "system", "latency ms", "TTFT ms", "tokens/s", "of memory roof", "of DSP roof", "provenance")
    print_table(header, rows)


def _print_parts(found: Results) -> None:
    from streamtensor.cost.resources import Resources

    rows = [
        (
            limit.part,
            f"{limit.size}",
            f"{limit.cycles:,}",
            f"{limit.task} {limit.task_share:.0%}",
            f"{limit.stream} {limit.channel_share:.0%}",
            ", ".join(map(str, limit.channels)),
            f"{limit.memory_share:.1%}",
            f"{limit.dsp_share:.1%}",
        )
        for limit in found.limits
    ]
    header = (
        "limits (simulated)",
        "size",
        "cycles",
        "busiest task",
        "busiest channel",
        "number",
        "of memory",
        "of DSPs",
    )
    print_table(header, rows)
    lines = [
        (part, f"{size}", f"{cycles:,}", f"{line.at(size):,.0f}", f"{line.deviation(size, cycles):+.2%}")
        for part, line in found.affine.items()
        for size, cycles in found.cycles[part].items()
    ]
    print_table(("a layer by size (simulated)", "size", "cycles", "line through the ends", "off"), lines)
    loaded = [
        (part, f"{one.bits:,}", f"{one.needed_bits:,}", f"{one.loss:.1%}") for part, one in found.prefetch.items()
    ]
    print_table(("weights loaded ahead (model)", "bits of FIFOs", "for no loss", "slower by"), loaded)
    total = found.total
    names = list(total.beside(found.device))
    taken = [(part, *(f"{getattr(one, name):,.0f}" for name in names)) for part, one in found.resources.items()]
    taken.append(("together", *(f"{needed:,.0f}" for needed, _ in total.beside(found.device).values())))
    looped = sum(found.resources_one_launch.values(), Resources()).beside(found.device)
    taken.append(("together, launch one", *(f"{needed:,.0f}" for needed, _ in looped.values())))
    taken.append(("device", *(f"{have:,.0f}" for _, have in total.beside(found.device).values())))
    print_table(("resources (model)", *names), taken)
