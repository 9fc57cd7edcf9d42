# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One compilation into a folder: programs, level by level, then weights, the record and the summary."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from streamtensor.cost.on_chip import fifo_budgets, weight_fifos
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.flow.events import Events
from streamtensor.flow.extern import compare_with_replaced
from streamtensor.flow.files import read_json
from streamtensor.flow.folder import Generation, Record, ir_hashes, write_text
from streamtensor.flow.passes import PassRunner
from streamtensor.flow.session import DECODE, PREFILL
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.collection import loaded_objects_set_aside
from streamtensor.ir.text import print_module
from streamtensor.pipelines import (
    LEVEL_FILES,
    LEVELS,
    Choices,
    passes_to,
)
from streamtensor.report import ProgramSummary, facts_of, total
from streamtensor.report.bounds import unbounded_notes
from streamtensor.report.layers import layer_notes
from streamtensor.report.summary import Facts
from streamtensor.targets import Device
from streamtensor.timing.kernel_sizing import FifoSizing
from streamtensor.transforms.fusion.lower_pack_unpack import LAYOUT

if TYPE_CHECKING:
    from streamtensor.codegen.host.packed import PackedParameter
    from streamtensor.codegen.host.program import Program
    from streamtensor.importers.extern_holes import Replaced

SUMMARY = "summary.json"
DOES_NOT_FIT = "ST0305"


class Job:
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
        self.folder = self.earlier = folder  # where to write, and where an earlier run wrote what is not made anew
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
            notes = (*unbounded_notes(facts[level]), *layer_notes(facts[level]))
            for note in (*facts[level].get("extern_costs", ()), *notes):
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
        budget, prefetch = fifo_budgets(module, self.choices)
        slowdown = self.choices.fifo_slowdown_percent / 100
        resized = resize_streams(
            module, self.device, sizing, budget, slowdown, weights=weight_fifos(module), prefetch_bits=prefetch
        )
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
            self.earlier / program / SUMMARY,
            lambda data: {name: dict(facts) for name, facts in data["levels"].items() if name in before},
        )
        return {**earlier, level: facts_of(level, module, self.choices.port_bits)}

    def _emit(self, program: str, module: ModuleOp) -> None:
        from streamtensor.codegen.emit import emit_code
        from streamtensor.codegen.host.program import Program

        start = perf_counter()
        files = emit_code(module, self.device.with_dies(self.choices.dies))
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
        points: Mapping[str, Mapping[str, Any]] | None = None,
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
        record = Record(self.device.name, used, programs, source, prefix, tokenizer, generation, hashes, points or {})
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
