# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor run`: C simulation of a compiled folder."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamtensor.cli.entry import INPUT, print_json
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows
from streamtensor.diagnostics import UserError
from streamtensor.diagnostics.render import print_error

if TYPE_CHECKING:
    from streamtensor.flow import RunResult


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--prompt", metavar="TEXT", help="Text that the model continues.")
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Arrays, in the order of the inputs."
)
@click.option("--check", is_flag=True, help="Compare with PyTorch; exit code 1 when the results differ.")
@click.option("-n", "count", type=click.IntRange(min=1), default=16, show_default=True, help="Tokens to generate.")
@click.option(
    "--fifos",
    type=click.Choice(["bounded", "unbounded"]),
    default="bounded",
    show_default=True,
    help="FIFOs with their depths and deadlock detection, or endless ones.",
)
@click.option(
    "--depth", type=click.IntRange(min=1), metavar="N", help="Depth of all FIFOs instead of the compiled ones."
)
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    folder: Path,
    prompt: str | None,
    inputs: Path | None,
    check: bool,
    count: int,
    fifos: Literal["bounded", "unbounded"],
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
            result = flow.run_prompt(folder, prompt, count=count, check=check, fifos=fifos, depth=depth, events=events)
        else:
            assert inputs is not None
            result = flow.run_inputs(folder, inputs, check=check, fifos=fifos, depth=depth, events=events)
    answer = result.as_json()
    if as_json:
        print_json(answer)
    else:
        _print(result, answer)
    if not check or answer["equal"]:
        return 0
    if not as_json:
        difference = f"the largest relative difference is {answer['max_rel_diff']:.3g}"
        print_error(UserError("ST0605", f"the results differ from PyTorch: {difference}"))
    return INPUT


def _print(result: "RunResult", answer: dict[str, Any]) -> None:
    """The text or the arrays on standard output, the comparison and a word on the FIFOs on standard error."""
    if result.text is not None:
        click.echo(result.text)
    else:
        for number, output in enumerate(result.outputs):
            shape = "x".join(str(size) for size in output.shape) or "scalar"
            click.echo(f"output {number}  {shape} {output.dtype}")
            click.echo(textwrap.indent(str(output), "  "))
    talk = {name: answer[name] for name in ("reference_text", "max_rel_diff", "equal") if name in answer}
    if answer["fifos"]:
        talk["fifos"] = len(answer["fifos"])
        talk["fifo tokens"] = sum(fifo["tokens"] for fifo in answer["fifos"].values())
    print_rows(flatten(talk), err=True)
