# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor run`: C simulation of a compiled folder."""

from pathlib import Path

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--prompt", metavar="TEXT", help="Text that the model continues.")
@click.option("--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Arrays, in the order of the inputs.")
@click.option("--check", is_flag=True, help="Compare with PyTorch; exit code 1 when the results differ.")
@click.option("-n", "count", type=click.IntRange(min=1), default=16, show_default=True, help="Tokens to generate.")
@click.option(
    "--fifos",
    type=click.Choice(["bounded", "unbounded"]),
    default="bounded",
    show_default=True,
    help="FIFOs with their depths and deadlock detection, or endless ones.",
)
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Depth of all FIFOs instead of the compiled ones.")
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    folder: Path,
    prompt: str | None,
    inputs: Path | None,
    check: bool,
    count: int,
    fifos: str,
    depth: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run the C simulation of a compiled FOLDER on a prompt or on arrays."""
    if (prompt is None) == (inputs is None):
        raise click.UsageError("give either --prompt TEXT or --inputs FILE.npz")

    from streamtensor import flow

    with TerminalEvents(quiet=quiet or as_json) as events:
        if prompt is not None:
            result = flow.run_prompt(
                folder, prompt, count=count, check=check, fifos=fifos, depth=depth, events=events
            )
        else:
            assert inputs is not None
            result = flow.run_inputs(folder, inputs, check=check, fifos=fifos, depth=depth, events=events)
    answer = result.as_json()
    if as_json:
        print_json(answer)
    elif "text" in answer:
        click.echo(answer["text"])
        print_rows(flatten({name: answer[name] for name in ("max_rel_diff", "equal") if name in answer}), err=True)
    else:
        print_rows(flatten(answer))
    return 1 if check and not answer["equal"] else 0
