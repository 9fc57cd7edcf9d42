# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a model to a compiled folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from streamtensor.algebra.external import PORT_BITS
from streamtensor.diagnostics import UserError, did_you_mean
from streamtensor.dialects import context
from streamtensor.flow.events import Events, SilentEvents
from streamtensor.flow.extern import compare_with_replaced
from streamtensor.flow.files import read_json
from streamtensor.flow.folder import Generation, Record, ir_hashes, new_folder, write_text
from streamtensor.flow.passes import PassRunner
from streamtensor.flow.session import DECODE, PREFILL
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.collection import loaded_objects_set_aside
from streamtensor.ir.spec import LEVELS as SPECS
from streamtensor.ir.text import parse_module, print_module, verify_module
from streamtensor.pipelines import FIFO_RESERVE_PERCENT, LEVEL_FILES, LEVELS, Choices, passes_to
from streamtensor.report import ProgramSummary, facts_of, total
from streamtensor.report.bounds import unbounded_notes
from streamtensor.report.summary import Facts
from streamtensor.targets import Device, load_device
from streamtensor.timing.kernel_sizing import FifoSizing
from streamtensor.transforms.fusion.lower_pack_unpack import LAYOUT

if TYPE_CHECKING:
    import torch

    from streamtensor.codegen.host.packed import PackedParameter
    from streamtensor.codegen.host.program import Program
    from streamtensor.flow.accelerator import Accelerator
    from streamtensor.importers.extern_holes import Replaced
    from streamtensor.importers.extern_kernel import ExternKernel
    from streamtensor.models.language_model import LanguageModel

WEIGHTS = "weights"
SUMMARY = "summary.json"
DEFAULT_UNROLL = 16
DOES_NOT_FIT = "ST0305"


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
    )
    language_model = model.language_model() if model.kind != "callable" else None
    with new_folder(out, force=force) as folder:
        job = _Job(folder, target, choices, to, verify_each, verify_numerics, events)
        if language_model is not None and language_model.is_calibrated_on_random_tokens:
            events.note("ranges of activations come from random tokens: for accuracy give --calibration TEXT")
        job.stage("read the model")
        start = perf_counter()
        programs = model.programs()
        job.timings["read the model"] = perf_counter() - start
        job.program_count = len(programs)
        _check_extern_programs(extern_kernels, [program.name for program in programs])
        parameters: dict[str, Mapping[str, torch.Tensor]] = {}
        for program in programs:
            job.stage(f"{program.name}: import")
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
    verify_numerics: bool = False,
    force: bool = False,
    extern_kernels: Sequence[ExternKernel] = (),
    events: Events | None = None,
) -> Accelerator:
    """Compiles a PyTorch module for inputs with the shapes of `example_inputs`; the result runs like the module.

    `out` is the folder to keep; without it a temporary one lives as long as the accelerator. `extern_kernels` are
    hand-written kernels that take the places of parts of the module.

    Raises UserError for what can't be compiled, with the operation and the line of the model.
    """
    from streamtensor.flow.accelerator import Accelerator
    from streamtensor.importers.program import import_module

    target = load_device(device)
    keep = tempfile.TemporaryDirectory(prefix="streamtensor-") if out is None else None
    path = Path(keep.name) / "compiled" if keep is not None else Path(str(out))
    choices = choices_for(target, tile=tile, fifo_sizing=fifo_sizing, fifo_slowdown_percent=fifo_slowdown_percent)
    with new_folder(path, force=force) as folder:
        job = _Job(folder, target, choices, "code", False, verify_numerics, events or SilentEvents())
        job.stage("import")
        imported = import_module(module, tuple(example_inputs), extern_kernels=extern_kernels)
        job.compare(imported.replaced)
        job.compile("main", imported.module, after=None)
        job.weights(imported.parameters)
        job.finish(source=None)
    return Accelerator(path, keep=keep)


def recompile(
    folder: Path, *, start: str, to: str = "code", out: Path | None = None, events: Events | None = None
) -> CompileResult:
    """Goes on from the (edited) files of level `start` of a compiled folder; the later files are made anew.

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
    target = load_device(record.device)
    try:
        choices = {program: Choices(**record.choices[program]) for program in record.programs}
    except (TypeError, KeyError) as error:
        wrong = f"the choices of {folder} are not those of this version: {error}"
        raise UserError("ST0503", wrong, hint="compile the model again") from error
    with new_folder(out or folder, base=folder) as made:
        job = _Job(made, target, choices[record.programs[0]], to, False, False, events or SilentEvents())
        for program in record.programs:
            job.asked = choices[program]
            module = _read_level(folder, program, start)
            for level in LEVELS[LEVELS.index(start) + 1 :]:
                _forget(made / program, level)
            job.compile(program, module, after=start)
        if to == "code":
            job.repack(folder)
        summary = job.finish(
            source=record.source, prefix=record.prefix, tokenizer=record.tokenizer, generation=record.generation
        )
    return CompileResult(out or folder, summary, _files(out or folder), job.timings)


def _check_extern_programs(kernels: Sequence[ExternKernel], programs: Sequence[str]) -> None:
    for kernel in kernels:
        if kernel.program and kernel.program not in programs:
            hint = did_you_mean(kernel.program, programs) or f"it has {', '.join(programs)}"
            raise kernel.wrong(f"the model has no program {kernel.program}", hint)


def _generation(model: LanguageModel) -> Generation:
    return Generation(model.prompt_len, model.context, model.logit_bits, model.end_tokens())


def choices_for(
    device: Device,
    *,
    tile: int,
    unroll: int = DEFAULT_UNROLL,
    fifo_sizing: FifoSizing = "schedule",
    fifo_slowdown_percent: float = 0.0,
) -> Choices:
    """The choices of a run for `device`."""
    return Choices(
        tile=tile,
        unroll=unroll,
        on_chip_bits=device.on_chip_bits,
        dies=device.dies,
        bram36=device.bram36,
        uram=device.uram,
        port_bits=min(PORT_BITS, device.axi_port_bits),
        family=device.family,
        fifo_sizing=fifo_sizing,
        fifo_slowdown_percent=fifo_slowdown_percent,
    )


class _Job:
    """One run of the pipeline over the programs of a folder."""

    def __init__(
        self,
        folder: Path,
        device: Device,
        choices: Choices,
        to: str,
        verify_each: bool,
        verify_numerics: bool,
        events: Events,
    ) -> None:
        self.folder = folder
        self.device = device
        self.asked = self.choices = choices  # what is asked for, and what the program at work gets
        self.to = to
        self.verify_each = verify_each
        self.verify_numerics = verify_numerics
        self.events = events
        self.timings: dict[str, float] = {}
        self.programs: dict[str, ProgramSummary] = {}
        self._used: dict[str, Choices] = {}
        self.program_count = 1
        self._stages = 0
        self._packed: dict[str, PackedParameter] = {}  # how the programs want parameters stored
        self._plain: set[str] = set()  # parameters that are also wanted as they are
        self._launches: dict[str, Program] = {}

    def stage(self, name: str) -> None:
        """Tells the watcher what happens now."""
        self.events.stage(name, self._stages, self.program_count * (len(LEVELS) + 1) + 2)
        self._stages += 1

    @loaded_objects_set_aside()
    def compile(self, program: str, module: ModuleOp, *, after: str | None) -> None:
        """Leads `module` from the level `after` (None: as imported) to the last level and writes every file."""
        self.choices = self.asked
        runner = PassRunner(context(), self.verify_each, self.verify_numerics, self.timings)
        facts = self._facts_until(program, after, module)
        untiled = module.clone() if after == "tensor" else None
        first = 0 if after is None else LEVELS.index(after) + 1
        levels = list(LEVELS[first : LEVELS.index(self.to) + 1])
        while levels:
            level = levels.pop(0)
            self.stage(f"{program}: {level}")
            if level == "code":
                self._emit(program, module)
                continue
            try:
                runner.run(module, level, passes_to(level, self.choices))
            except UserError as error:
                if error.code != DOES_NOT_FIT or untiled is None or self.choices.tile == 1:
                    raise
                self._choose_smaller_tile(error)
                module = untiled.clone()
                levels = ["dataflow", level, *levels]
                continue
            if level == "tensor":
                untiled = module.clone()
            sizes = self._size_fifos(program, module) if level == "stream" else {}
            facts[level] = {**facts_of(level, module, self.choices.port_bits), **sizes}
            for note in (*facts[level].get("extern_costs", ()), *unbounded_notes(facts[level])):
                self.events.note(note)
            start = perf_counter()
            write_text(self.folder / program / LEVEL_FILES[level], print_module(module))
            self.timings["print"] = self.timings.get("print", 0.0) + perf_counter() - start
        summary = ProgramSummary(facts, _calls(module))
        self.programs[program] = summary
        self._used[program] = self.choices
        write_text(self.folder / program / SUMMARY, json.dumps(summary.to_json(), indent=1) + "\n")

    def _size_fifos(self, program: str, module: ModuleOp) -> Facts:
        """Gives FIFOs the depths that the schedules of the tasks ask for, and says what these mean for each kernel."""
        from streamtensor.timing import native_library
        from streamtensor.transforms.resources.resize_streams import resize_streams

        if not native_library.available():
            self.events.note("no C++ compiler: FIFOs keep the depths of the safe rule")
            return {}
        start = perf_counter()
        sizing = cast(FifoSizing, self.choices.fifo_sizing)
        budget = self.choices.on_chip_bits * FIFO_RESERVE_PERCENT // 100
        slowdown = self.choices.fifo_slowdown_percent / 100
        resized = resize_streams(module, self.device, sizing, budget, slowdown)
        self.add_timings({"size FIFOs": perf_counter() - start})
        return {"fifo_sizing": {kernel.kernel: kernel.to_json() for kernel in resized}}

    def _choose_smaller_tile(self, error: UserError) -> None:
        """The way back from fusion to tiling: a kernel that does not fit alone gets smaller tiles."""
        tile = self.choices.tile // 2
        self.events.note(f"{error.message}; trying tiles of {tile} instead of {self.choices.tile}")
        self.choices = replace(self.choices, tile=tile)

    def _facts_until(self, program: str, level: str | None, module: ModuleOp) -> dict[str, Facts]:
        """What an earlier run said of the levels before `level`, and what the module says of `level` itself."""
        if level is None:
            return {}
        before = LEVELS[: LEVELS.index(level)]
        earlier: dict[str, Facts] = read_json(
            self.folder / program / SUMMARY,
            lambda data: {name: dict(facts) for name, facts in data["levels"].items() if name in before},
        )
        return {**earlier, level: facts_of(level, module, self.choices.port_bits)}

    def _emit(self, program: str, module: ModuleOp) -> None:
        from streamtensor.codegen.emit import emit_code
        from streamtensor.codegen.host.program import Program

        start = perf_counter()
        files = emit_code(module, self.device)
        for name, text in files.items():
            write_text(self.folder / program / name, text)
        launches = Program.from_json(json.loads(files["program.json"]))
        self._launches[program] = launches
        kept = {port.name for port in launches.cache}
        packed = {parameter.name: parameter for parameter in launches.packed if parameter.name not in kept}
        self._packed |= packed
        self._plain |= {port.name for port in launches.parameters if port.name not in packed}
        self.timings["emit"] = self.timings.get("emit", 0.0) + perf_counter() - start

    def _emit_generate(self, generation: Generation | None) -> None:
        from streamtensor.codegen.host.generate import emit_generate

        shutil.rmtree(self.folder / "host", ignore_errors=True)
        if generation is not None and {PREFILL, DECODE} <= set(self._launches):
            files = emit_generate(self._launches[PREFILL], self._launches[DECODE], generation.end_tokens)
            for name, text in files.items():
                write_text(self.folder / name, text)

    def add_timings(self, seconds: Mapping[str, float]) -> None:
        """Adds to the seconds of steps."""
        for name, more in seconds.items():
            self.timings[name] = self.timings.get(name, 0.0) + more

    def compare(self, replaced: Sequence[Replaced]) -> None:
        """Compares hand-written kernels with what they replace."""
        if replaced:
            self.stage("extern kernels")
            start = perf_counter()
            compare_with_replaced(replaced, self.events)
            self.timings["extern kernels"] = perf_counter() - start

    def weights(self, parameters: Mapping[str, Any]) -> None:
        """Writes the parameters' values."""
        from streamtensor.codegen.weights import write_weights

        self.stage("weights")
        start = perf_counter()
        write_weights(
            self.folder,
            parameters,
            list(self._packed.values()),
            sorted(self._plain),
            progress=lambda done, total: self.events.transfer("weights", done, total),
        )
        self.timings["weights"] = perf_counter() - start

    def repack(self, old: Path) -> None:
        """Writes the weights of the folder `old` anew when the programs want them in another order."""
        from streamtensor.codegen.weights import read_weights

        weights = read_weights(old)
        if not {*self._packed, *self._plain} <= set(weights.entries):
            self.weights(weights)

    def finish(
        self,
        *,
        source: Mapping[str, Any] | None,
        prefix: str = "",
        tokenizer: bool = False,
        generation: Generation | None = None,
    ) -> dict[str, Any]:
        """Writes the record and the summary of the whole folder, and the host program that generates; returns the
        summary.
        """
        programs = tuple(self.programs)
        self._emit_generate(generation)
        summary = {
            "device": self.device.name,
            "level": self.to,
            "provenance": {"bits": "model", "external_bytes": "model", "counts": "read off the IR"},
            **total(self.programs),
            "programs": {name: program.flat() for name, program in self.programs.items()},
        }
        write_text(self.folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
        hashes = ir_hashes(self.folder, programs)
        used = {name: asdict(choices) for name, choices in self._used.items()}
        record = Record(self.device.name, used, programs, source, prefix, tokenizer, generation, hashes)
        record.write(self.folder)
        return summary


def _calls(module: ModuleOp) -> dict[str, int]:
    """How often the program calls each function of the model; those that only change a layout are none."""
    calls: dict[str, int] = {}
    layouts = {op.sym_name.data for op in module.ops if isinstance(op, func.FuncOp) and LAYOUT in op.attributes}
    for op in module.walk():
        if isinstance(op, func.CallOp) and op.callee.string_value() not in layouts:
            name = op.callee.string_value()
            calls[name] = calls.get(name, 0) + 1
    return calls


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
