# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All layers of a language model in one launch: C simulation, step programs, host program."""

from __future__ import annotations

import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from quantized_models import TINY
from step_program_checks import scheduled_kernels
from streamtensor import flow
from streamtensor.diagnostics import UserError
from streamtensor.flow.accelerator import Accelerator
from streamtensor.models.huggingface import build, config_of
from streamtensor.timing.simulator import Simulator

pytestmark = pytest.mark.needs("g++")
PROMPT = [7, 3, 60, 11, 2]
LAYERS = 3
CONTEXT = 32
PROGRAMS = ("prefill", "decode")
STUB = Path(__file__).parent / "xrt_stub"
CASES = [("gpt2", "float32"), ("gemma3_text", "w4a8")]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of three layers, compiled for one launch."""
    family, scheme = request.param
    path = tmp_path_factory.mktemp("one")
    config = TINY[family] | {"n_layer" if family == "gpt2" else "num_hidden_layers": LAYERS}
    if family == "gemma3_text":  # layers of two kinds: the host copies their masks and rotary tables into stacks
        config |= {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
    model = build(config_of(family, config), seed=3)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(8)
    model.save_pretrained(str(path / "model"))
    flow.compile_model(str(path / "model"), path / "out", prompt_len=16, context=CONTEXT, scheme=scheme, launch="one")
    return path / "out"


def test_every_step_equals_pytorch_with_one_launch_of_all_layers(folder: Path) -> None:
    result = flow.generate(folder, PROMPT, 25, check=True, ignore_end=True)
    assert result.check is not None
    assert result.check.equal
    assert result.check.token_check.different == ()  # C simulation moved the tokens that the step programs say
    for name in PROGRAMS:
        steps = [step.name for step in Accelerator(folder, name).program.steps if step.kind == "kernel"]
        assert steps == ["block_0", "head_0"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_weights_and_caches_of_all_layers_lie_in_stacks(folder: Path, name: str) -> None:
    program = Accelerator(folder, name).program
    launch = next(step for step in program.steps if step.kind == "kernel")
    parts = {buffer.whole: [b for b in program.buffers if b.whole == buffer.whole] for buffer in program.buffers}
    stacks = [buffer for buffer in launch.buffers if buffer in parts]
    assert len(stacks) > len(launch.buffers) / 2
    assert all([part.part for part in parts[stack]] == list(range(LAYERS)) for stack in stacks)
    for stack in stacks:
        assert sum(part.size_bytes for part in parts[stack]) == program.buffer(stack).size_bytes
    names = [port.buffer for port in (*program.parameters, *program.cache, *program.outputs)]
    names += [name for step in program.steps if step.kind == "host" for name in step.buffers]  # which unpack results
    assert {*stacks} <= {program.buffer(name).whole for name in names}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_code_is_one_region_with_the_loops_in_the_tasks(folder: Path, name: str) -> None:
    text = (folder / name / "hls" / "block_0.cpp").read_text(encoding="utf-8")
    tasks = re.findall(r"^static void .*?^}", text, re.MULTILINE | re.DOTALL)
    loops = [f"layer < {LAYERS}" in task or f"layer < {LAYERS - 1}" in task for task in tasks if "fill" not in task]
    assert len(loops) > 20
    assert text.count("#pragma HLS dataflow") >= 1
    assert "From one layer to the next" in text
    top = text[text.rindex("ST_REGION(") :]
    assert "for (" not in top


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_simulations_say_the_same_of_deadlocks(folder: Path, name: str) -> None:
    accelerator = Accelerator(folder, name)
    scheduled = scheduled_kernels(accelerator)["block_0"]
    assert Simulator(scheduled.graph()).run().deadlock is None
    ordered = Simulator(scheduled.ordered_graph())
    assert ordered.run().deadlock is None
    for depth in (2, 4):
        deadlock = ordered.run({fifo.name: depth for fifo in scheduled.fifos}).deadlock
        with pytest.raises(UserError, match="deadlock") if deadlock is not None else nullcontext():
            accelerator.run(inputs_of(accelerator), depths=depth)


@pytest.mark.parametrize("name", PROGRAMS)
def test_unbounded_mode_says_that_feedback_needs_bounded_mode(folder: Path, name: str) -> None:
    accelerator = Accelerator(folder, name)
    with pytest.raises(UserError, match="empty") as caught:
        accelerator.run(inputs_of(accelerator), mode="unbounded")
    assert "feedback needs bounded mode" in str(caught.value.hint)


def inputs_of(accelerator: Accelerator) -> list[np.ndarray]:
    """Zeros at the last position, where all tiles of the context count."""
    last = {"last": 15, "position": CONTEXT - 1}
    buffers = [(port.name, accelerator.program.buffer(port.buffer)) for port in accelerator.program.inputs]
    return [np.full(buffer.shape, last.get(name, 0), buffer.dtype) for name, buffer in buffers]


def test_the_host_program_launches_all_layers_at_once(folder: Path, tmp_path: Path) -> None:
    libraries = [Accelerator(folder, name).library.path for name in PROGRAMS]
    bitstream = tmp_path / "both.xclbin"
    bitstream.write_text(f"prefill_ {libraries[0]}\ndecode_ {libraries[1]}\n")
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-sign-compare", "-Wno-unused-label"]
    command = ["g++", *flags, "-Wno-unknown-pragmas", f"-I{folder / 'decode' / 'hls'}", f"-I{STUB}"]
    command += [str(folder / "host" / "generate.cpp"), "-o", str(tmp_path / "generate"), "-ldl"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    words = [tmp_path / "generate", bitstream, bitstream, folder, *PROMPT, "-n", 100, "--ignore-end"]
    outcome = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    wanted = flow.generate(folder, PROMPT, 100, ignore_end=True)
    assert [int(word) for word in outcome.stdout.split()] == list(wanted.tokens)
