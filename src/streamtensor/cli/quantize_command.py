# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor quantize`: a model folder with integer weights, whose arithmetic is that of the hardware."""

from pathlib import Path

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder to write.")
@click.option(
    "--scheme", default="w4a8", show_default=True, metavar="NAME", help="w8a8, w4a8, or w4a8-g128 (groups of 128)."
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="TEXT",
    required=True,
    help="Text file on which the ranges of activations are measured.",
)
@click.option("--force", is_flag=True, help="Replace DIR when it exists.")
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    folder: Path, output: Path, scheme: str, calibration: Path, force: bool, quiet: bool, as_json: bool
) -> None:
    """Quantise the model of FOLDER, a local Hugging Face folder or a GPTQ checkpoint with symmetric groups.

    The result can be compiled and evaluated like the folder that it came from.
    """
    from streamtensor.flow.quantization import quantize_folder

    with TerminalEvents(quiet=quiet or as_json) as events:
        result = quantize_folder(folder, scheme, calibration, output, force=force, events=events)
    answer = {
        "folder": str(result.folder),
        "scheme": result.scheme,
        "calibration_tokens": result.calibration_tokens,
        "weight_bytes": result.weight_bytes,
        "fraction_bits": result.fraction_bits,
    }
    if as_json:
        print_json(answer)
    else:
        print_rows(flatten(answer))
