# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The host program that generates, built with a stand-in for XRT whose kernels are the C simulation."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from quantized_models import TINY
from streamtensor import flow
from streamtensor.codegen.host.generate import emit_generate
from streamtensor.codegen.host.program import Program
from streamtensor.flow.accelerator import Accelerator
from streamtensor.flow.session import prompt_arrays
from streamtensor.models.huggingface import build, config_of

pytestmark = pytest.mark.needs("g++")
PROMPT = [7, 3, 60, 11, 2]
CONTEXT = 32
STUB = Path(__file__).parent / "xrt_stub"


@dataclass(frozen=True)
class Host:
    """A compiled folder, its host program, and stand-ins for bitstreams: one for each program, and one for both."""

    folder: Path
    program: Path
    prefill: Path
    decode: Path
    both: Path

    def run(self, *arguments: str | int | Path, both: bool = False) -> subprocess.CompletedProcess[str]:
        """Generates; `both` takes the bitstream that holds both programs."""
        bitstreams = (self.both, self.both) if both else (self.prefill, self.decode)
        command = [self.program, *bitstreams, self.folder, *arguments]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def ids(outcome: subprocess.CompletedProcess[str]) -> list[int]:
    assert outcome.returncode == 0, outcome.stderr
    return [int(word) for word in outcome.stdout.split()]


def built(folder: Path, source: str, out: Path) -> Path:
    """A host program of a compiled folder."""
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-sign-compare", "-Wno-unused-label"]
    includes = [f"-I{folder / 'decode' / 'hls'}", f"-I{STUB}"]
    command = ["g++", *flags, "-Wno-unknown-pragmas", *includes, str(folder / source), "-o", str(out), "-ldl"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return out


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Heads as wide as two tiles: the order of the numbers of the cache is not that of the rows."""
    path = tmp_path_factory.mktemp("host")
    model = build(config_of("gpt2", {**TINY["gpt2"], "n_head": 1}), seed=3)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(16)  # so that the tokens are not all the same
    model.save_pretrained(str(path / "model"))
    folder = path / "compiled"
    flow.compile_model(str(path / "model"), folder, prompt_len=16, context=CONTEXT, scheme="w8a8")
    libraries = [Accelerator(folder, name).library.path for name in ("prefill", "decode")]
    texts = (f"- {libraries[0]}", f"- {libraries[1]}", f"prefill_ {libraries[0]}\ndecode_ {libraries[1]}")
    bitstreams = [path / f"{name}.xclbin" for name in ("prefill", "decode", "both")]
    for file, text in zip(bitstreams, texts, strict=True):
        file.write_text(text + "\n")
    return Host(folder, built(folder, "host/generate.cpp", path / "generate"), *bitstreams)


@pytest.mark.parametrize("both", [False, True], ids=["two bitstreams", "one bitstream"])
def test_it_generates_what_the_simulation_generates(host: Host, both: bool) -> None:
    wanted = flow.generate(host.folder, PROMPT, 100, ignore_end=True)
    assert wanted.stop == "context"
    assert len(set(wanted.tokens)) > 4
    outcome = host.run(*PROMPT, "-n", 100, "--ignore-end", both=both)
    assert ids(outcome) == list(wanted.tokens)
    assert f"the context of {CONTEXT} tokens is full" in outcome.stderr
    assert f"mean of {len(wanted.tokens) - 1}" in outcome.stderr


def test_the_cache_is_in_another_order_than_its_rows(host: Host) -> None:
    """Otherwise the test above would not see a wrong order."""
    decode = Accelerator(host.folder, "decode").program
    layouts = [layout for layout in decode.packed if layout.name in {port.name for port in decode.cache}]
    assert any(list(layout.strides) != sorted(layout.strides, reverse=True) for layout in layouts)


def test_ids_come_from_a_file_and_one_token_needs_no_decode(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "prompt"
    file.write_text(" ".join(map(str, PROMPT[1:])))
    outcome = host.run(PROMPT[0], file, "-n", 1)
    assert ids(outcome) == list(flow.generate(host.folder, PROMPT, 1).tokens)
    assert "decode:" not in outcome.stderr


def test_weights_are_shared_and_a_step_moves_little(host: Host) -> None:
    def counted(both: bool, count: int) -> dict[str, int]:
        text = host.run(*PROMPT, "-n", count, "--ignore-end", both=both).stderr
        return {name: int(number) for name, number in re.findall(r"(loads|buffers|to device) (\d+)", text)}

    one, two, longer = counted(True, 2), counted(False, 2), counted(True, 12)
    assert (one["loads"], two["loads"]) == (1, 2)
    programs = [Accelerator(host.folder, name).program for name in ("prefill", "decode")]
    device = [{name for step in p.steps if step.kind == "kernel" for name in step.buffers} for p in programs]
    stored = [
        {port.name: p.buffer(port.buffer).size_bytes for port in p.parameters if port.buffer in names}
        for p, names in zip(programs, device, strict=True)
    ]
    shared = sum(size for name, size in stored[0].items() if name in stored[1])
    assert shared > 0
    assert one["buffers"] == two["buffers"] - shared
    # Nothing but the pages of new rows, and what the host computes from a token, goes to the device in a step.
    step = (longer["to device"] - one["to device"]) / 10
    host_writes = sum(programs[1].buffer(name).size_bytes for name in _written_by_host(programs[1]) & device[1])
    cache = sum(programs[1].buffer(port.buffer).size_bytes for port in programs[1].cache)
    assert host_writes < step <= host_writes + cache
    assert longer["buffers"] == one["buffers"]


def test_the_host_program_of_one_program_runs_its_launch_list(host: Host, tmp_path: Path) -> None:
    accelerator = Accelerator(host.folder, "prefill")
    inputs = prompt_arrays(PROMPT, 16, 64)
    wanted = accelerator.run(inputs).outputs
    for number, array in enumerate(inputs):
        array.tofile(tmp_path / f"{number}.bin")
    program = built(host.folder, "prefill/host/host.cpp", tmp_path / "host")
    command = [program, host.prefill, host.folder, "0.bin", "1.bin", "--runs", "2"]
    outcome = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr.count(" ms\n") == 2
    logits = np.fromfile(tmp_path / f"{accelerator.program.outputs[0].name}.bin", wanted[0].dtype)
    assert np.array_equal(logits, wanted[0].reshape(-1))


def _written_by_host(program: Program) -> set[str]:
    """The buffers that a function of the host writes."""
    return {
        name
        for step in program.steps
        if step.kind == "host"
        for name, operand in zip(step.buffers, program.function(step.name).operands, strict=True)
        if operand.written
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 64), "there is no token 64: the model has 64"),
        (tuple(range(17)), "the prompt has 17 tokens, the program was compiled for 16"),
        (("nothing",), "nothing is neither a number nor a file of numbers"),
    ],
)
def test_a_wrong_prompt_is_an_error(host: Host, arguments: tuple[str | int, ...], message: str) -> None:
    outcome = host.run(*arguments)
    assert outcome.returncode == 1
    assert f"error: {message}\n" in outcome.stderr


def test_it_stops_at_a_token_of_the_end(host: Host, tmp_path: Path) -> None:
    wanted = list(flow.generate(host.folder, PROMPT, 12, ignore_end=True).tokens)
    end = wanted[-1]
    copy = tmp_path / "ends"
    copy.mkdir()
    for name in ("prefill", "decode", "weights"):
        (copy / name).symlink_to(host.folder / name)
    prefill, decode = (Accelerator(host.folder, name).program for name in ("prefill", "decode"))
    (copy / "host").mkdir()
    for name, text in emit_generate(prefill, decode, [end]).items():
        (copy / name).write_text(text)
    ending = Host(copy, built(copy, "host/generate.cpp", tmp_path / "generate"), host.prefill, host.decode, host.both)
    assert ids(ending.run(*PROMPT, "-n", 12)) == wanted[: wanted.index(end) + 1]
    assert ids(ending.run(*PROMPT, "-n", 12, "--ignore-end")) == wanted
