# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor run`: C simulation of a compiled folder, a text that goes on or a run on arrays."""

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from streamtensor.cli.entry import INPUT, print_json
from streamtensor.cli.live_text import LiveText
from streamtensor.cli.number import Number
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows
from streamtensor.diagnostics import UserError
from streamtensor.diagnostics.render import print_error

if TYPE_CHECKING:
    from streamtensor.flow import GenerateResult, RunResult
    from streamtensor.flow.token_counts import TokenCheck

INTERRUPTED = 130
_TEXT_ONLY = ("count", "temperature", "seed", "ignore_end")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--prompt", metavar="TEXT", help="Text that the model continues.")
@click.option("--ids", metavar="N,N,...", help="The prompt as token ids, for a model without a tokenizer.")
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Arrays, in the order of the inputs."
)
@click.option("--program", metavar="NAME", help="The program that runs on --inputs; the first one by default.")
@click.option(
    "--check",
    is_flag=True,
    help="Compare every step with PyTorch, and the tokens of all FIFOs with the step programs; exit code 1 when they "
    "differ.",
)
@click.option("-n", "count", type=click.IntRange(min=1), default=16, show_default=True, help="Tokens to generate.")
@click.option(
    "--temperature",
    type=Number(min=0),
    default=0.0,
    show_default=True,
    metavar="T",
    help="0: the most probable token; above: tokens by chance, with softmax(logits / T).",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the chance.")
@click.option("--ignore-end", is_flag=True, help="Go on after a token that ends the text.")
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
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    prompt: str | None,
    ids: str | None,
    inputs: Path | None,
    program: str | None,
    check: bool,
    count: int,
    temperature: float,
    seed: int,
    ignore_end: bool,
    fifos: Literal["bounded", "unbounded"],
    depth: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run the C simulation of a compiled FOLDER on a prompt or on arrays.

    Text appears on standard output as it is generated. Ctrl-C ends it and keeps what there is.
    """
    if sum(given is not None for given in (prompt, ids, inputs)) != 1:
        raise click.UsageError("give one of --prompt TEXT, --ids N,N,... and --inputs FILE.npz")
    _check_options(ctx, is_text=inputs is None)

    from streamtensor import flow

    if inputs is not None:
        with TerminalEvents(quiet=quiet or as_json) as events:
            ran = flow.run_inputs(folder, inputs, program=program, check=check, fifos=fifos, depth=depth, events=events)
        answer = ran.as_json()
        if as_json:
            print_json(answer)
        else:
            _print_arrays(ran, answer)
        return _verdict(answer, ran.token_check, as_json)
    with LiveText(quiet=quiet or as_json, show_text=not as_json) as live:
        result = flow.generate(
            folder,
            prompt if prompt is not None else _numbers(ids or ""),
            count,
            temperature=temperature,
            seed=seed,
            check=check,
            ignore_end=ignore_end,
            fifos=fifos,
            depth=depth,
            on_text=live.text,
            events=live,
        )
    answer = result.as_json()
    if as_json:
        print_json(answer)
    else:
        _print_generated(result, answer, quiet)
    counted = result.check.token_check if result.check is not None else None
    return INTERRUPTED if result.stop == "interrupt" else _verdict(answer, counted, as_json)


def _check_options(ctx: click.Context, *, is_text: bool) -> None:
    """A usage error for options that have no meaning with what is run."""
    for option in ("program",) if is_text else _TEXT_ONLY:
        if ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            name = "-n" if option == "count" else f"--{option.replace('_', '-')}"
            other = "--prompt or --ids" if is_text else "--inputs"
            raise click.UsageError(f"{name} does not go with {other}")


def _numbers(text: str) -> list[int]:
    if not re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", text):
        raise click.UsageError(f"--ids takes numbers with commas between them, not '{text}'")
    return [int(number) for number in text.split(",")]


def _verdict(answer: dict[str, Any], token_check: "TokenCheck | None", as_json: bool) -> int:
    if token_check is None or (answer["equal"] and token_check.equal):
        return 0
    if not as_json and not answer["equal"]:
        difference = f"the largest relative difference is {answer['max_rel_diff']:.3g}"
        print_error(UserError("ST0605", f"the results differ from PyTorch: {difference}"))
    elif not as_json:
        print_error(token_check.error())
    return INPUT


def _print_arrays(result: "RunResult", answer: dict[str, Any]) -> None:
    """The arrays on standard output, the comparison and a word on the FIFOs on standard error."""
    for number, output in enumerate(result.outputs):
        shape = "x".join(str(size) for size in output.shape) or "scalar"
        click.echo(f"output {number}  {shape} {output.dtype}")
        click.echo(textwrap.indent(str(output), "  "))
    talk = {name: answer[name] for name in ("max_rel_diff", "equal", "fifo_tokens_equal") if name in answer}
    if answer["fifos"]:
        talk["fifos"] = len(answer["fifos"])
        talk["fifo tokens"] = sum(fifo["tokens"] for fifo in answer["fifos"].values())
    print_rows(flatten(talk), err=True)


def _print_generated(result: "GenerateResult", answer: dict[str, Any], quiet: bool) -> None:
    """The tokens where there is no text, and how it went on standard error; the text itself is there already."""
    if result.text is None:
        click.echo(",".join(map(str, result.tokens)))
    if quiet:
        return
    talk: dict[str, Any] = {
        "tokens": f"{len(result.prompt_tokens)} of the prompt, {len(result.tokens)} generated",
        "C simulation": f"prompt {result.prefill_seconds:.2f} s, then {result.tokens_per_s:.2f} tokens/s "
        "(measured here, CPU, not the accelerator)",
    }
    if result.stop in ("end", "interrupt"):
        talk["stopped"] = "the model ended its text" if result.stop == "end" else "by Ctrl-C"
    if result.check is not None:
        talk |= {
            name: answer[name]
            for name in ("equal", "steps_compared", "max_rel_diff", "max_rel_diff_cache", "fifo_tokens_equal")
        }
        if result.check.tokens != result.tokens:
            talk["PyTorch"] = result.check.text if result.text is not None else list(result.check.tokens)
    print_rows(flatten(talk), err=True)
