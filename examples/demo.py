# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job on a small trained model: PyTorch -> dataflow accelerator -> C simulation -> the same text as PyTorch.

`make demo` runs it. It compiles the character model in examples/char_gpt2 for the U55C, builds the C simulation of the
emitted HLS C++ with the machine's C++ compiler, continues a prompt with it, and compares with PyTorch.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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
    parser.add_argument("--prompt-len", type=int, default=96, help="compiled length (default: 96)")
    parser.add_argument("-o", dest="out", type=Path, default=HERE.parent / "build" / "demo", help="folder to write")
    options = parser.parse_args()
    try:
        with TerminalEvents() as events:
            start = time.perf_counter()
            events.note(f"Compiling {_near(MODEL)} for the u55c ...")
            compiled = flow.compile_model(
                str(MODEL), options.out, prompt_len=options.prompt_len, force=True, events=events
            )
            compile_seconds = time.perf_counter() - start
            start = time.perf_counter()
            events.note("Building the C simulation and running it ...")
            result = flow.run_prompt(options.out, options.prompt, count=options.count, check=True, events=events)
            run_seconds = time.perf_counter() - start
    except UserError as error:
        print_error(error)
        return 1
    print()
    for name, value in _rows(compiled.summary, result, compile_seconds, run_seconds):
        print(f"  {name:<44}{value}")
    print(f"\n  prompt       {options.prompt!r}")
    print(f"  accelerator  {result.text!r}")
    print(f"  PyTorch      {result.reference_text!r}")
    print(f"\nWritten to {_near(options.out)}:")
    for name, what in _written(options.out):
        print(f"  {name:<44}{what}")
    return 0 if result.equal else 1


def _rows(
    summary: dict[str, object], result: flow.RunResult, compile_seconds: float, run_seconds: float
) -> Iterator[tuple[str, str]]:
    bits = summary["bits"]
    assert isinstance(bits, dict)
    unfused, fused = bits["unfused"], bits["fused"]
    yield "kernels before fusion -> after", f"{summary['kernels_before_fusion']} -> {summary['kernels']}"
    yield "tasks", f"{summary['tasks']}"
    yield "FIFOs", f"{summary['fifos']}"
    yield "converters", f"{summary['converters']}"
    yield "on-chip bits of intermediates, unfused", f"{unfused:,} (model)"
    yield "on-chip bits of intermediates, fused", f"{fused:,} (model), {fused / unfused:.3f}x"
    yield "    FIFOs / converters / tiles", f"{bits['fifos']:,} / {bits['converters']:,} / {bits['local']:,}"
    yield "largest relative difference from PyTorch", f"{result.max_rel_diff:.1e} (C simulation, measured here)"
    yield "same characters as PyTorch", "yes" if result.equal else "NO"
    yield "compile / C simulation, seconds", f"{compile_seconds:.1f} / {run_seconds:.1f} (measured here, CPU)"


def _written(out: Path) -> Iterator[tuple[str, str]]:
    yield "prefill/10-tensor.mlir ... 50-stream.mlir", "the IR at each level: edit one, go on with --from"
    for file in sorted(out.glob("prefill/hls/*.cpp")):
        yield file.relative_to(out).as_posix(), f"Vitis HLS C++, {len(file.read_text().splitlines())} lines"
    yield "prefill/host/, prefill/link/", "host program (XRT) and link configuration"
    yield "weights/", "parameters with a manifest of hashes"
    yield "summary.json", "every figure above, and each term of the on-chip memory"


def _near(path: Path) -> str:
    """The path as a person in this directory would write it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
