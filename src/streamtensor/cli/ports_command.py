# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor ports`: the stream ports of a part of a model, for who writes a kernel in its place."""

import click

from streamtensor.cli.entry import print_json


@click.command()
@click.argument("model")
@click.argument("part")
@click.option("--prompt-len", type=click.IntRange(min=1), metavar="N", help="Longest prompt, in tokens.")
@click.option("--context", type=click.IntRange(min=1), metavar="N", help="Rows of the KV cache.")
@click.option(
    "--program", default="", metavar="NAME", help="A language model's program: prefill (the default), decode."
)
@click.option("--tile", type=click.IntRange(min=1), default=16, show_default=True, help="Default tile size.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    model: str, part: str, prompt_len: int | None, context: int | None, program: str, tile: int, as_json: bool
) -> None:
    """Print the itensor types that the neighbours of PART of a MODEL make and want.

    MODEL is what `streamtensor compile` takes: a model folder, FILE.py:callable, or the name of a shape. PART is the
    path of a module (block.attn), an operation (aten.softmax), or both (block.attn:aten.softmax), as in the field
    "replaces" of a hand-written kernel. A kernel whose ports have these types needs no converters.
    """
    from dataclasses import asdict

    from streamtensor import flow

    ports = flow.ports_of_source(model, part, tile=tile, prompt_len=prompt_len, context=context, program=program)
    if as_json:
        print_json([asdict(port) for port in ports])
        return
    for port in ports:
        click.echo(f"{port.side} {port.number}  {port.data}  {port.value}".rstrip())
        verb = "made by" if port.side == "in" else "wanted by"
        for name, itensor in port.neighbours:
            click.echo(f"  {verb} {name}: {itensor}")
        if port.cpp:
            click.echo(f"  in C++  {port.cpp}")
        else:
            click.echo("  external memory: any type")
