# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The designs of a model's parts, compiled to the stream level: a block over a prompt, a block for one token, the head.

What a design costs and its graphs in cycles are kept in the user's cache folder, under a name that the compiler's own
sources, the model's configuration and every choice decide.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streamtensor.cost.content_cache import digest_of, kept_or_made
from streamtensor.cost.on_chip import device_functions, weight_fifos
from streamtensor.cost.resources import Resources, kernel_resources
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.flow.layer_launch import launch_graph
from streamtensor.flow.passes import PassRunner
from streamtensor.flow.product_stages import product_stages
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import BlockArgument, SSAValue
from streamtensor.pipelines import LEVEL_FILES, Choices, passes_to
from streamtensor.report.results import Prefetch
from streamtensor.spaces.wide_choices import Part
from streamtensor.targets.channels import SMALL_BYTES, Access, Dma
from streamtensor.targets.operations import Operations
from streamtensor.timing.graph import Graph
from streamtensor.timing.graph_json import graph_from_json, graph_to_json
from streamtensor.timing.kernel_sizing import KernelSizer, KernelSizing
from streamtensor.timing.layer_loop import take_turns
from streamtensor.transforms.fusion.lower_pack_unpack import LAYOUT
from streamtensor.transforms.lowering.layer_runs import NotInOneLaunchError
from streamtensor.transforms.parameters import PARAM
from streamtensor.transforms.resources.kernel_graphs import kernel_dmas, schedule_kernel
from streamtensor.transforms.resources.memory_accesses import behind_memory_views

if TYPE_CHECKING:
    from streamtensor.models.quantization.scheme import Arithmetic

_NAMES = (PARAM, "dataflow.name", "dataflow.result")
_INPUTS = ("hidden", "keys", "values", "new_keys", "new_values", "here", "mask", "cos", "sin", "logits")
"""What a part moves that is no parameter."""

_SHARED = ("mask", "cos", "sin", "here", "")
"""Inputs that are the same for all layers; the position of a step has no name in the program."""

FIFO_BITS = 1 << 20
"""A FIFO that would be larger to lose no time gets so many bits, or what its program can't do without."""


@dataclass(frozen=True)
class KernelFacts:
    """What must be known of a kernel before it can be placed beside others.

    `program` is what it is called among its neighbours on the device. `resources` are without FIFOs. `dmas` are what
    its tasks move in a launch; `memory` names for each of them the parameter, input or output that it moves.
    """

    name: str
    program: str
    resources: Resources
    dmas: tuple[Dma, ...]
    memory: Mapping[str, str]


@dataclass(frozen=True)
class Sized:
    """The graph of a kernel in cycles with sized FIFOs, and how far its weights are loaded ahead."""

    graph: Graph
    prefetch: Prefetch


class PerLayerError(Exception):
    """Why the layers of a part can't run in one launch."""

    def __init__(self, part: Part, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part: Part = part
        self.reason = reason


@dataclass(frozen=True)
class Design:
    """One part of a model with its choices; `rows` are those of a prompt, or of the context of a decode step.

    `launches` is how often a request launches it; `prefetch_bits` is what the FIFOs behind its weights may take.
    """

    part: Part
    config: Any
    rows: int
    arithmetic: Arithmetic | None
    choices: Choices
    operations: Operations
    launches: int
    prefetch_bits: int
    _made: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)

    @cached_property
    def kernels(self) -> tuple[KernelFacts, ...]:
        """The kernels in the order in which they are launched."""
        value = kept_or_made("designs", digest_of(self._compiled_key, "facts"), self._read_facts)
        return tuple(
            KernelFacts(
                one["name"],
                one["program"],
                Resources(**one["resources"]),
                tuple(Dma(**dma) for dma in one["dmas"]),
                one["memory"],
            )
            for one in value
        )

    def graph(self, kernel: str, accesses: Mapping[str, Access]) -> Sized:
        """The graph of a kernel in cycles, with what its DMAs get of external memory by their names, and with FIFOs
        sized by its schedule.
        """
        key = digest_of(self._compiled_key, f"{self.prefetch_bits}", kernel, _rates(accesses))
        return _sized(kept_or_made("designs", key, lambda: self._graph(kernel, accesses)))

    def launch(self, accesses: Mapping[str, Access]) -> Sized:
        """As `graph`, of all layers of the model in one launch, made from the IR of this block.

        Raises PerLayerError where the layers can't be put into one launch.
        """
        if len(self.kernels) != 1:
            raise PerLayerError(self.part, f"a layer has {len(self.kernels)} kernels")
        key = digest_of(self._compiled_key, f"{self.prefetch_bits}", "all layers", _rates(accesses))
        value = kept_or_made("designs", key, lambda: self._launch(accesses))
        if "reason" in value:
            raise PerLayerError(self.part, value["reason"])
        return _sized(value)

    @cached_property
    def _compiled_key(self) -> str:
        arithmetic = self.arithmetic.as_json() if self.arithmetic is not None else None
        values = [self.part, self.rows, arithmetic, asdict(self.choices), self.operations.family, self.launches]
        config = self.config.to_json_string(use_diff=False)
        return digest_of(json.dumps(values, sort_keys=True), config)

    def _graph(self, kernel: str, accesses: Mapping[str, Access]) -> dict[str, Any]:
        (op,) = (op for op in _kernels(self._module) if op.kernel_name == kernel)
        scheduled = schedule_kernel(op, self.operations, accesses)
        graph = take_turns(scheduled.graph(), port_chains(accesses))
        return self._size(kernel, graph, scheduled.ordered_graph())

    def _launch(self, accesses: Mapping[str, Access]) -> dict[str, Any]:
        module = self._module
        (kernel,) = _kernels(module)
        try:
            graph, ordered = launch_graph(
                module,
                kernel.kernel_name,
                int(self.config.num_hidden_layers),
                operand_names(module, kernel),
                "hidden",
                _SHARED,
                self.operations,
                accesses,
                port_chains(accesses),
            )
        except NotInOneLaunchError as reason:
            return {"reason": str(reason)}
        return self._size(kernel.kernel_name, graph, ordered)

    def _size(self, kernel: str, graph: Graph, ordered: Graph) -> dict[str, Any]:
        weights = weight_fifos(self._module).get(kernel, set())
        graph = replace(graph, fifos=tuple(replace(f, prefetch=f.name in weights) for f in graph.fifos))
        sizer = KernelSizer(graph, ordered, "schedule", prefetch_bits=self.prefetch_bits)
        sizing = sizer.size(FIFO_BITS)
        return {
            "graph": graph_to_json(graph.with_depths(sizing.depths)),
            "prefetch": asdict(_prefetch_of(sizing)),
            "inner": [fifo.name for fifo in graph.fifos if fifo.inner],
            "groups": {task.name: task.group for task in graph.tasks},
        }

    def _read_facts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for kernel in _kernels(self._module):
            program = f"{self.part} {kernel.kernel_name}"
            scheduled = schedule_kernel(kernel, self.operations, {})
            names = operand_names(self._module, kernel)
            moved = kernel_dmas(kernel, program, self.launches)
            memory = {dma.name: names[int(dma.name.rpartition(":")[2])] for dma in moved}
            weights = _large_weights(moved, memory)
            stages = product_stages(kernel, weights) if self.part == "decode" else {}
            dmas = [self._described(dma, memory[dma.name], stages, place) for place, dma in enumerate(moved, 1)]
            found.append(
                {
                    "name": kernel.kernel_name,
                    "program": program,
                    "resources": asdict(kernel_resources(kernel, scheduled.dsp)),
                    "dmas": [asdict(dma) for dma in dmas],
                    "memory": memory,
                }
            )
        return found

    def _described(self, dma: Dma, memory: str, stages: Mapping[str, int], place: int) -> Dma:
        """A DMA with what is known of what it moves. For one row products of different stages take turns, since each
        needs all of what the one before makes, and other parameters are wanted one after the other, in the order of the
        program; over a prompt all work at the same time, on different rows.
        """
        stage = stages.get(dma.name.rpartition(":")[0])
        weight = _is_weight(memory)
        early = place if weight and self.part == "decode" else 0
        return replace(dma, weight=weight, stage="" if stage is None else f"stage {stage}", place=early)

    @property
    def _module(self) -> ModuleOp:
        if "module" not in self._made:
            self._made["module"] = self._compile()
        return self._made["module"]

    def _compile(self) -> ModuleOp:
        from streamtensor.importers.program import import_program
        from streamtensor.models.blocks import block_program, head_program

        if self.part == "head":
            # A vocabulary that lanes and slices do not divide is padded; the host drops what that adds.
            padded, whole = copy.deepcopy(self.config), self.choices.tile * self.choices.most_slices
            padded.vocab_size = -(-int(self.config.vocab_size) // whole) * whole
            program = head_program(padded, arithmetic=self.arithmetic)
        else:
            program = block_program(self.config, self.part, self.rows, arithmetic=self.arithmetic)
        module = import_program(program).module
        runner = PassRunner(context())
        for level in LEVEL_FILES:
            runner.run(module, level, passes_to(level, self.choices))
        return module


def _rates(accesses: Mapping[str, Access]) -> str:
    """What of the accesses decides a graph."""
    return json.dumps(
        [(n, str(a.cycles_per_token), a.latency_cycles, a.turn, a.ports) for n, a in sorted(accesses.items())]
    )


def _sized(value: dict[str, Any]) -> Sized:
    """From its JSON value."""
    graph = graph_from_json(value["graph"])
    inner = set(value["inner"])  # the schema of graphs does not say which FIFOs are parts of tasks
    groups: Mapping[str, str] = value["groups"]
    fifos = tuple(replace(fifo, inner=fifo.name in inner) for fifo in graph.fifos)
    tasks = tuple(replace(task, group=groups[task.name]) for task in graph.tasks)
    return Sized(Graph(tasks, fifos), Prefetch(**value["prefetch"]))


def _prefetch_of(sizing: KernelSizing) -> Prefetch:
    cycles = sizing.cycles if sizing.cycles_prefetch is None else sizing.cycles_prefetch
    free = cycles if sizing.cycles_unbounded is None else sizing.cycles_unbounded
    return Prefetch(sizing.prefetch_bits, sizing.prefetch_needed_bits, cycles, free)


def _is_weight(memory: str) -> bool:
    return memory not in (*_INPUTS, "")


def _large_weights(dmas: Sequence[Dma], memory: Mapping[str, str]) -> set[str]:
    """The tasks that load nothing but a parameter, or a slice of one, that is large as a whole."""
    sizes: Counter[str] = Counter()
    tasks: dict[str, list[str]] = {}
    for dma in dmas:
        sizes[memory[dma.name]] += dma.bytes
        tasks.setdefault(dma.name.rpartition(":")[0], []).append(memory[dma.name])
    large = {name for name, size in sizes.items() if _is_weight(name) and size >= SMALL_BYTES}
    return {task for task, loaded in tasks.items() if len(loaded) == 1 and large.issuperset(loaded)}


def port_chains(accesses: Mapping[str, Access]) -> list[list[str]]:
    """The tasks that take turns on each port, in their order; `accesses` by the names of the DMAs of one kernel."""
    ports: dict[int, list[tuple[int, str]]] = {}
    for name, access in accesses.items():
        if access.turn:
            ports.setdefault(access.ports[0], []).append((access.turn, name.rpartition(":")[0]))
    return [[task for _, task in sorted(found)] for _, found in sorted(ports.items())]


def operand_names(module: ModuleOp, kernel: KernelOp) -> list[str]:
    """For each operand of a kernel the parameter, input or output that it is; empty for what lies between kernels."""
    function = next(f for f in device_functions(module) if kernel.parent_op() is f)
    (main,) = (op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    calls = [op for op in main.walk() if isinstance(op, func.CallOp)]
    call = next(op for op in calls if op.callee.string_value() == function.sym_name.data)
    layouts = {op.sym_name.data for op in module.ops if isinstance(op, func.FuncOp) and LAYOUT in op.attributes}
    names: dict[SSAValue, str] = {}
    attributes = list(main.arg_attrs) if main.arg_attrs is not None else []
    for argument, given in zip(main.body.block.args, attributes, strict=True):
        for key in _NAMES:
            value = given.data.get(key)
            if isinstance(value, StringAttr):
                names[argument] = value.data
    for one in calls:
        if one.callee.string_value() in layouts:
            inside = [behind_memory_views(value) for value in one.arguments]
            known = next((names[value] for value in inside if value in names), "")
            names |= {value: known for value in inside if value not in names}
    return [_name_of(operand, names, call) for operand in (*kernel.ins, *kernel.outs)]


def _name_of(operand: SSAValue, names: Mapping[SSAValue, str], call: func.CallOp) -> str:
    inside = behind_memory_views(operand)
    if not isinstance(inside, BlockArgument):
        return ""
    return names.get(behind_memory_views(call.arguments[inside.index]), "")


def _kernels(module: ModuleOp) -> list[KernelOp]:
    return [op for function in device_functions(module) for op in function.walk() if isinstance(op, KernelOp)]
