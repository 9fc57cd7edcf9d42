# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor evaluate`: the perplexity of a model on a text."""

from pathlib import Path

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--text", type=click.Path(path_type=Path), metavar="FILE", required=True, help="Text file, UTF-8.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Another form of the model, such as the float one, on the same text and windows.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(folder: Path, text: Path, against: Path | None, quiet: bool, as_json: bool) -> None:
    """Perplexity per token of the model of FOLDER: a Hugging Face folder, a quantised or a compiled one."""
    from streamtensor.flow.quantization import evaluate_folder

    with TerminalEvents(quiet=quiet or as_json) as events:
        result = evaluate_folder(folder, text, events=events)
        other = evaluate_folder(against, text, window=result.window, events=events) if against is not None else None
    answer = {
        "perplexity": result.perplexity,
        "loss_nats": result.loss,
        "tokens": result.tokens,
        "window": result.window,
        "provenance": "measured here (PyTorch, CPU)",
    }
    if other is not None:
        answer |= {"against": other.perplexity, "ratio": result.perplexity / other.perplexity}
    if as_json:
        print_json(answer)
    else:
        print_rows(flatten(answer))
