# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job on a small trained model: PyTorch -> dataflow accelerator -> C simulation -> the same text as PyTorch.

`make demo` runs it. It quantises the character model in examples/char_gpt2 to 4-bit weights and 8-bit activations,
compiles its two programs (prefill and decode with a KV cache) for the U55C, builds the C simulation of the emitted HLS
C++ with the machine's C++ compiler, continues a prompt with it, and compares every step with PyTorch.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamtensor import flow
from streamtensor.cli.progress import TerminalEvents
from streamtensor.diagnostics import UserError
from streamtensor.diagnostics.render import print_error

HERE = Path(__file__).resolve().parent
MODEL = HERE / "char_gpt2"
PROMPT = "Once upon a time "


def main() -> int:
    """Runs the demo; the exit code is 1 when the accelerator and PyTorch differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("-n", dest="count", type=int, default=72, help="characters to generate (default: 72)")
    parser.add_argument("--scheme", default="w4a8", help="float32, w8a8, w4a8 or w4a8-gN (default: w4a8)")
    parser.add_argument("--prompt-len", type=int, default=32, help="longest prompt (default: 32)")
    parser.add_argument("--context", type=int, default=128, help="longest text (default: 128)")
    parser.add_argument("-o", dest="out", type=Path, default=HERE.parent / "build" / "demo", help="folder to write")
    options = parser.parse_args()
    try:
        with TerminalEvents() as events:
            start = time.perf_counter()
            events.note(f"Quantising {_near(MODEL)} to {options.scheme} and compiling it for the u55c ...")
            compiled = flow.compile_model(
                str(MODEL),
                options.out,
                prompt_len=options.prompt_len,
                context=options.context,
                scheme=options.scheme,
                calibration=MODEL / "corpus.txt",
                force=True,
                events=events,
            )
            compile_seconds = time.perf_counter() - start
            start = time.perf_counter()
            events.note("Building the C simulation and generating with it ...")
            result = flow.generate(options.out, options.prompt, options.count, check=True, events=events)
            run_seconds = time.perf_counter() - start
    except UserError as error:
        print_error(error)
        return 1
    print()
    for name, value in _rows(compiled.summary, result, compile_seconds, run_seconds):
        print(f"  {name:<44}{value}")
    print(f"\n  prompt       {options.prompt!r}")
    print(f"  accelerator  {result.text!r}")
    assert result.check is not None
    print(f"  PyTorch      {result.check.text!r}")
    print(f"\nWritten to {_near(options.out)}:")
    for name, what in _written(options.out):
        print(f"  {name:<44}{what}")
    return 0 if result.check.equal else 1


def _rows(
    summary: dict[str, Any], result: flow.GenerateResult, compile_seconds: float, run_seconds: float
) -> Iterator[tuple[str, str]]:
    assert result.check is not None
    for name, program in summary["programs"].items():
        bits = program["bits"]
        yield f"{name}: kernels before fusion -> after", f"{program['kernels_before_fusion']} -> {program['kernels']}"
        yield "    tasks / FIFOs / converters", f"{program['tasks']} / {program['fifos']} / {program['converters']}"
        yield "    on-chip bits of intermediates, unfused", f"{bits['unfused']:,} (model)"
        yield (
            "    on-chip bits of intermediates, fused",
            f"{bits['fused']:,} (model), {bits['fused'] / bits['unfused']:.3f}x",
        )
        yield "    FIFOs / converters / tiles", f"{bits['fifos']:,} / {bits['converters']:,} / {bits['local']:,}"
    yield "tokens in the prompt / generated", f"{len(result.prompt_tokens)} / {len(result.tokens)}"
    yield "largest relative difference from PyTorch", f"{result.check.max_rel_diff:.1e} (C simulation, measured here)"
    yield "    in the KV cache", f"{result.check.max_rel_diff_cache:.1e}"
    yield "same characters as PyTorch", "yes" if result.check.tokens == result.tokens else "NO"
    yield "C simulation", f"{result.tokens_per_s:.1f} tokens/s (measured here, CPU, not the accelerator)"
    yield "compile / build and run, seconds", f"{compile_seconds:.1f} / {run_seconds:.1f} (measured here, CPU)"


def _written(out: Path) -> Iterator[tuple[str, str]]:
    yield "prefill/, decode/", "one folder for each program:"
    yield "    10-tensor.mlir ... 50-stream.mlir", "the IR at each level: edit one, go on with --from"
    for file in sorted(out.glob("*/hls/*.cpp")):
        yield file.relative_to(out).as_posix(), f"Vitis HLS C++, {len(file.read_text().splitlines())} lines"
    yield "    host/, link/", "host program (XRT) and link configuration"
    yield "weights/", "parameters, 4-bit ones two to a byte, with a manifest of hashes"
    yield "summary.json", "every figure above, and each term of the on-chip memory"


def _near(path: Path) -> str:
    """The path as a person in this directory would write it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
