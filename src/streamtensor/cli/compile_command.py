# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor compile`: from a model to a folder with every level of the compiler, down to HLS C++."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamtensor.cli.entry import print_json
from streamtensor.cli.number import Number
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import flatten, print_rows

if TYPE_CHECKING:
    from streamtensor.flow import CompileResult
    from streamtensor.pipelines import Launch
    from streamtensor.timing.kernel_sizing import FifoSizing

LEVELS = "tensor, dataflow, fused, materialized, stream, code"
FIXED = (
    *("device", "prompt_len", "context", "scheme", "calibration", "random_weights"),
    *("tile", "unroll", "fifo_sizing", "fifo_slowdown", "prefetch", "launch", "parameter_dma", "extern"),
    *("force", "verify_each", "verify_numerics"),
)


@click.command()
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option("--device", default="u55c", show_default=True, help="Name of a device, or a device file (.toml).")
@click.option("--prompt-len", type=click.IntRange(min=1), metavar="N", help="Longest prompt, in tokens.")
@click.option("--context", type=click.IntRange(min=1), metavar="N", help="Longest text with the prompt, in tokens.")
@click.option("--scheme", metavar="NAME", help="Quantise the model: w8a8, w4a8, w4a8-g128; float32 leaves it as it is.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="TEXT",
    help="Text file on which the ranges of activations are measured, for --scheme.",
)
@click.option("--to", default="code", show_default=True, metavar="LEVEL", help=f"Last level: {LEVELS}.")
@click.option("--from", "start", metavar="LEVEL", help="Go on from the file of this level; MODEL is a compiled folder.")
@click.option("--random-weights", type=int, metavar="SEED", help="Random weights, for the name of a shape.")
@click.option("--tile", type=click.IntRange(min=1), default=16, show_default=True, help="Default tile size.")
@click.option(
    "--unroll", type=click.IntRange(min=1), default=16, show_default=True, help="Operations of a tile at once."
)
@click.option(
    "--fifo-sizing",
    type=click.Choice(("safe", "schedule", "certified", "normal", "conservative")),
    default="schedule",
    show_default=True,
    help="FIFO depths: no deadlock; and no time lost; and none a word too deep (slow); or from steady rates.",
)
@click.option(
    "--fifo-slowdown",
    type=Number(min=0),
    default=0.0,
    metavar="PERCENT",
    help="How much slower a kernel may be where that saves FIFO memory.",
)
@click.option(
    "--prefetch",
    type=Number(min=0, max=100),
    default=25.0,
    show_default=True,
    metavar="PERCENT",
    help="Of the on-chip memory that buffers leave, for weights that are loaded ahead.",
)
@click.option(
    "--launch",
    type=click.Choice(("per-layer", "one")),
    default="per-layer",
    show_default=True,
    help="The host starts each layer of a model, or one launch runs all of them (layers of one kind and one kernel).",
)
@click.option(
    "--parameter-dma",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="BYTES",
    help="One DMA loads all parameters of fewer bytes; 0: each has its own.",
)
@click.option(
    "--extern",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.toml",
    help="Hand-written kernels in the place of parts of the model; may be given several times.",
)
@click.option("--force", is_flag=True, help="Replace DIR when it exists.")
@click.option("--verify-each", is_flag=True, help="Verify the IR after every pass.")
@click.option("--verify-numerics", is_flag=True, help="Interpret the IR after every stage and compare with PyTorch.")
@click.option("--timing", is_flag=True, help="Print the seconds of every step, on standard error.")
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    output: Path | None,
    device: str,
    prompt_len: int | None,
    context: int | None,
    scheme: str | None,
    calibration: Path | None,
    to: str,
    start: str | None,
    random_weights: int | None,
    tile: int,
    unroll: int,
    fifo_sizing: "FifoSizing",
    fifo_slowdown: float,
    prefetch: float,
    launch: "Launch",
    parameter_dma: int,
    extern: tuple[Path, ...],
    force: bool,
    verify_each: bool,
    verify_numerics: bool,
    timing: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compile MODEL to a dataflow accelerator.

    MODEL is a local Hugging Face folder, FILE.py:callable that returns a torch.nn.Module and a tuple of example inputs,
    or the name of a shape together with --random-weights. With --from it is a folder that was compiled
    before, whose IR files may have been edited.
    """
    if start is None and output is None:
        raise click.UsageError("missing option '-o'")
    if start is not None:
        _refuse_fixed_choices(ctx)

    from streamtensor import flow

    with TerminalEvents(quiet=quiet or as_json) as events:
        if start is not None:
            result = flow.recompile(Path(model), start=start, to=to, out=output, events=events)
        else:
            assert output is not None
            result = flow.compile_model(
                model,
                output,
                device=device,
                prompt_len=prompt_len,
                context=context,
                scheme=scheme,
                calibration=calibration,
                to=to,
                random_weights=random_weights,
                tile=tile,
                unroll=unroll,
                fifo_sizing=fifo_sizing,
                fifo_slowdown_percent=fifo_slowdown,
                prefetch_percent=prefetch,
                launch=launch,
                parameter_bytes=parameter_dma,
                extern_kernels=[kernel for file in extern for kernel in flow.read_extern_kernels(file)],
                force=force,
                verify_each=verify_each,
                verify_numerics=verify_numerics,
                events=events,
            )
    _print(result, as_json)
    if timing:
        print_rows([(name, f"{seconds:.3f} s") for name, seconds in result.timings.items()], err=True)


def _refuse_fixed_choices(ctx: click.Context) -> None:
    """A usage error for options that were fixed when the folder was compiled for the first time."""
    for option in FIXED:
        if ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            name = option.replace("_", "-")
            raise click.UsageError(f"--{name} does not go with --from: it was chosen when the folder was compiled")


def _print(result: "CompileResult", as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "summary": result.summary,
                "files": [str(path) for path in result.files],
                "timings": result.timings,
            }
        )
        return
    print_rows(flatten(result.summary))
    for path in result.files:
        click.echo(path)
