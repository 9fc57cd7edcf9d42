# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a model to a compiled folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.dialects import context
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.folder import Generation, Record, new_folder
from streamtensor.flow.job import Job
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.spec import LEVELS as SPECS
from streamtensor.ir.text import parse_module, verify_module
from streamtensor.pipelines import (
    DEFAULT_UNROLL,
    LEVEL_FILES,
    LEVELS,
    PARAMETER_BYTES,
    PREFETCH_PERCENT,
    Choices,
    Launch,
    choices_for,
)
from streamtensor.spaces.evaluation import Point, point_to_json
from streamtensor.targets import load_device
from streamtensor.timing.kernel_sizing import FifoSizing

if TYPE_CHECKING:
    import torch

    from streamtensor.flow.accelerator import Accelerator
    from streamtensor.importers.extern_kernel import ExternKernel
    from streamtensor.models.language_model import LanguageModel

WEIGHTS = "weights"


@dataclass(frozen=True)
class Design:
    """A point of a program's design space, and the choices of the pipeline that it stands for."""

    point: Point
    choices: Choices


@dataclass(frozen=True)
class CompileResult:
    """What a compilation made: `summary` as in summary.json, the files, and seconds by step."""

    folder: Path
    summary: dict[str, Any]
    files: list[Path]
    timings: dict[str, float]


def compile_model(
    source: str,
    out: Path | str,
    *,
    device: str = "u55c",
    prompt_len: int | None = None,
    context: int | None = None,
    to: str = "code",
    random_weights: int | None = None,
    scheme: str | None = None,
    calibration: Path | str | None = None,
    tile: int = 16,
    unroll: int = DEFAULT_UNROLL,
    fifo_sizing: FifoSizing = "schedule",
    fifo_slowdown_percent: float = 0.0,
    prefetch_percent: float = PREFETCH_PERCENT,
    launch: Launch = "per-layer",
    parameter_bytes: int = PARAMETER_BYTES,
    designs: Mapping[str, Design] | None = None,
    force: bool = False,
    verify_each: bool = False,
    verify_numerics: bool = False,
    extern_kernels: Sequence[ExternKernel] = (),
    events: Events | None = None,
) -> CompileResult:
    """Compiles a model folder, a named shape or `FILE.py:callable` into the folder `out`, as far as level `to`.

    A language model gives two programs: prefill for prompts of at most `prompt_len` tokens, and decode with a KV cache
    of `context` rows. `scheme` quantises it (float32, w8a8, w4a8, w4a8-gN), with static scales from the text file
    `calibration`. `tile` is the default tile of a loop, `unroll` how many of a tile's operations a task does at once.
    Weights that are loaded ahead take at most `prefetch_percent` of the on-chip memory that buffers leave.
    `launch` is "per-layer" or "one": a launch of the kernels for each layer of the model, or one for all of them.
    Parameters of fewer than `parameter_bytes` bytes share a DMA; 0: each has its own.
    `designs` by program take the places of these choices: points of its design space.
    `extern_kernels` are hand-written kernels that take the places of parts of the model; each is compared with what it
    replaces.

    Raises UserError for whatever is wrong with the input (codes ST01xx to ST05xx); `out` is then as it was.
    """
    from streamtensor.importers.program import import_program
    from streamtensor.models.sources import load_source

    events = events or SilentEvents()
    out = Path(out)
    _check_level(to, LEVELS)
    target = load_device(device)
    model = load_source(
        source,
        prompt_len=prompt_len,
        context=context,
        random_weights=random_weights,
        scheme=scheme,
        calibration=Path(calibration) if calibration is not None else None,
    )
    choices = choices_for(
        target,
        tile=tile,
        unroll=unroll,
        fifo_sizing=fifo_sizing,
        fifo_slowdown_percent=fifo_slowdown_percent,
        prefetch_percent=prefetch_percent,
        launch=launch,
        parameter_bytes=parameter_bytes,
    )
    language_model = model.language_model() if model.kind != "callable" else None
    with new_folder(out, force=force) as folder:
        job = Job(folder, target, choices, to, verify_each, verify_numerics, events)
        if language_model is not None and language_model.is_calibrated_on_random_tokens:
            events.note("ranges of activations come from random tokens: for accuracy give --calibration TEXT")
        job.stage("read the model")
        start = perf_counter()
        programs = model.programs()
        job.timings["read the model"] = perf_counter() - start
        job.program_count = len(programs)
        _check_extern_programs(extern_kernels, [program.name for program in programs])
        _check_designs(designs or {}, [program.name for program in programs])
        parameters: dict[str, Mapping[str, torch.Tensor]] = {}
        for program in programs:
            job.stage(f"{program.name}: import")
            job.asked = designs[program.name].choices if designs and program.name in designs else choices
            imported = import_program(program, extern_kernels)
            job.compare(imported.replaced)
            job.add_timings({f"import: {name}": seconds for name, seconds in imported.timings.items()})
            job.compile(program.name, imported.module, after=None)
            parameters |= dict.fromkeys(imported.parameters, imported.parameters)
        tokenizer = model.tokenizer()
        if to == "code":
            job.weights({name: table[name] for name, table in parameters.items()})
            if tokenizer is not None:
                shutil.copyfile(tokenizer, folder / "tokenizer.json")
        summary = job.finish(
            source=model.record(),
            prefix=programs[0].prefix,
            tokenizer=tokenizer is not None,
            generation=_generation(language_model) if language_model is not None else None,
            points={name: point_to_json(design.point) for name, design in (designs or {}).items()},
        )
    return CompileResult(out, summary, _files(out), job.timings)


def compile_module(
    module: torch.nn.Module,
    example_inputs: Sequence[torch.Tensor],
    *,
    device: str = "u55c",
    out: Path | str | None = None,
    tile: int = 16,
    fifo_sizing: FifoSizing = "schedule",
    fifo_slowdown_percent: float = 0.0,
    parameter_bytes: int = PARAMETER_BYTES,
    verify_numerics: bool = False,
    force: bool = False,
    extern_kernels: Sequence[ExternKernel] = (),
    events: Events | None = None,
) -> Accelerator:
    """Compiles a PyTorch module for inputs with the shapes of `example_inputs`; the result runs like the module.

    `out` is the folder to keep; without it a temporary one lives as long as the accelerator. Parameters of fewer than
    `parameter_bytes` bytes share a DMA; 0: each has its own. `extern_kernels` are
    hand-written kernels that take the places of parts of the module.

    Raises UserError for what can't be compiled, with the operation and the line of the model.
    """
    from streamtensor.flow.accelerator import Accelerator
    from streamtensor.importers.program import import_module

    target = load_device(device)
    keep = tempfile.TemporaryDirectory(prefix="streamtensor-") if out is None else None
    path = Path(keep.name) / "compiled" if keep is not None else Path(str(out))
    choices = choices_for(
        target,
        tile=tile,
        fifo_sizing=fifo_sizing,
        fifo_slowdown_percent=fifo_slowdown_percent,
        parameter_bytes=parameter_bytes,
    )
    with new_folder(path, force=force) as folder:
        job = Job(folder, target, choices, "code", False, verify_numerics, events or SilentEvents())
        job.stage("import")
        imported = import_module(module, tuple(example_inputs), extern_kernels=extern_kernels)
        job.compare(imported.replaced)
        job.compile("main", imported.module, after=None)
        job.weights(imported.parameters)
        job.finish(source=None)
    return Accelerator(path, keep=keep)


def recompile(
    folder: Path,
    *,
    start: str,
    to: str = "code",
    out: Path | None = None,
    designs: Mapping[str, Design] | None = None,
    events: Events | None = None,
) -> CompileResult:
    """Goes on from the (edited) files of level `start` of a compiled folder; the later files are made anew.

    `designs` by program, points of its design space, take the places of what the folder says was chosen.

    Raises UserError ST0502 for an unknown level, ST0503 for a missing file, ST0201 and ST0202 with the line of a file
    that does not parse or verify; the folder is then as it was.
    """
    _check_level(start, tuple(LEVEL_FILES))
    _check_level(to, LEVELS)
    if LEVELS.index(to) <= LEVELS.index(start):
        raise UserError("ST0502", f"level {to} does not come after {start}", hint=f"the order is {', '.join(LEVELS)}")
    record = Record.read(folder)
    if to == "code" and not (folder / WEIGHTS).is_dir():
        raise UserError(
            "ST0503", f"{folder} has no weights: it was not compiled as far as code", hint="compile the model again"
        )
    _check_designs(designs or {}, record.programs)
    target = load_device(record.device)
    try:
        choices = {program: Choices(**record.choices[program]) for program in record.programs}
    except (TypeError, KeyError) as error:
        wrong = f"the choices of {folder} are not those of this version: {error}"
        raise UserError("ST0503", wrong, hint="compile the model again") from error
    with new_folder(out or folder, base=folder) as made:
        job = Job(made, target, choices[record.programs[0]], to, False, False, events or SilentEvents())
        job.earlier = folder
        for program in record.programs:
            job.asked = designs[program].choices if designs and program in designs else choices[program]
            module = _read_level(folder, program, start)
            for level in LEVELS[LEVELS.index(start) + 1 :]:
                _forget(made / program, level)
            job.compile(program, module, after=start)
        if to == "code":
            job.repack(folder)
        summary = job.finish(
            source=record.source,
            prefix=record.prefix,
            tokenizer=record.tokenizer,
            generation=record.generation,
            points={**record.points, **{name: point_to_json(design.point) for name, design in (designs or {}).items()}},
        )
    return CompileResult(out or folder, summary, _files(out or folder), job.timings)


def _check_extern_programs(kernels: Sequence[ExternKernel], programs: Sequence[str]) -> None:
    for kernel in kernels:
        if kernel.program and kernel.program not in programs:
            hint = did_you_mean(kernel.program, programs) or f"it has {', '.join(programs)}"
            raise kernel.wrong(f"the model has no program {kernel.program}", hint)


def _check_designs(designs: Mapping[str, Design], programs: Sequence[str]) -> None:
    for name in designs:
        if name not in programs:
            known = ", ".join(programs)
            raise UserError("ST0801", f"the model has no program '{name}' to give a design to", hint=f"it has {known}")


def _generation(model: LanguageModel) -> Generation:
    return Generation(model.prompt_len, model.context, model.logit_bits, model.end_tokens())


def _read_level(folder: Path, program: str, level: str) -> ModuleOp:
    file = folder / program / LEVEL_FILES[level]
    if not file.is_file():
        raise UserError("ST0503", f"there is no {file}", hint=f"compile the model as far as --to {level} first")
    text = file.read_text(encoding="utf-8")
    module = parse_module(context(), text, str(file))
    verify_module(module, text, str(file))
    SPECS[level].check(module, str(file))
    return module


def _forget(folder: Path, level: str) -> None:
    """Removes what a level wrote."""
    if level in LEVEL_FILES:
        (folder / LEVEL_FILES[level]).unlink(missing_ok=True)
        return
    for name in ("hls", "host", "link", "csim"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "program.json").unlink(missing_ok=True)


def _check_level(level: str, levels: Sequence[str]) -> None:
    if level not in levels:
        raise UserError(
            "ST0502",
            f"unknown level {level}",
            hint=did_you_mean(level, levels) or f"the levels are {', '.join(levels)}",
        )


def _files(folder: Path) -> list[Path]:
    """The files that a person would open."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
