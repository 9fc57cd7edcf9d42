# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A PyTorch module as one IR module: a function for each unique part, and `@main`, which calls them in order."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import fx

from streamtensor.importers.bounds import mark_bounds
from streamtensor.importers.clean import clean
from streamtensor.importers.constants import lift_constants
from streamtensor.importers.decompose import decompose
from streamtensor.importers.export import ExportedGraph, GraphInput, export_graph
from streamtensor.importers.extern_closing import close_holes
from streamtensor.importers.extern_holes import Replaced, cut_out, open_holes
from streamtensor.importers.extern_kernel import ExternKernel
from streamtensor.importers.labels import label_nodes
from streamtensor.importers.segments import Program, cut
from streamtensor.importers.torch_mlir_import import import_functions
from streamtensor.ir import core, func
from streamtensor.ir.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
    bf16,
    f16,
    f32,
    i1,
)
from streamtensor.ir.collection import loaded_objects_set_aside
from streamtensor.models.parameters import state
from streamtensor.models.program import Program as ModelProgram

PLACE = "dataflow.place"
"""Attribute of a function: "host" or "device"."""
PARAM = "dataflow.param"
"""Attribute of an argument of `@main`: the name of the parameter or buffer that it is."""
BITS = "dataflow.param_bits"
"""Attribute of an argument of `@main`: the bits that a number of this integer parameter needs, with its sign."""
NAME = "dataflow.name"
"""Attribute of an argument or a result of `@main`: the name of the input or output."""
CACHE = "dataflow.cache"
"""Attribute of an argument of `@main` that is kept between runs; a result of the same name has new rows of it."""


class ParameterTable(Mapping[str, torch.Tensor]):
    """The values of the arguments that are parameters, by name, read from the module when they are asked for.

    A tensor shares its storage with the module's. The module itself is made by `source` at the first look-up, so
    that importing needs no weights.
    """

    def __init__(
        self,
        names: Sequence[str],
        source: Callable[[], torch.nn.Module],
        prefix: str,
        constants: Mapping[str, torch.Tensor],
    ) -> None:
        self._names = tuple(names)
        self._source = source
        self._prefix = prefix
        self._constants = dict(constants)
        self._module: torch.nn.Module | None = None

    def __getitem__(self, name: str) -> torch.Tensor:
        if name in self._constants:
            return self._constants[name]
        if name not in self._names:
            raise KeyError(name)
        if self._module is None:
            self._module = self._source()
        try:
            return state(self._module, self._prefix + name).detach()
        except KeyError:
            return state(self._module, name).detach()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class ImportedModel:
    """What an import gives.

    `module` holds `@main` and the functions it calls. `parameters` gives the values of `@main`'s parameter arguments.
    `layers` maps each function to the paths of the blocks that it stands for (empty outside of module lists), in the
    order of the calls. `timings` are seconds by step. `replaced` are the parts that hand-written kernels stand for.
    """

    module: ModuleOp
    parameters: Mapping[str, torch.Tensor]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    layers: Mapping[str, tuple[str, ...]]
    timings: Mapping[str, float]
    replaced: tuple[Replaced, ...] = ()


@loaded_objects_set_aside()
def import_module(
    module: torch.nn.Module,
    args: Sequence[Any],
    *,
    prefix: str = "",
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    weights: Callable[[], torch.nn.Module] | None = None,
    extern_kernels: Sequence[ExternKernel] = (),
    cache: Sequence[str] = (),
    constants: str = "",
) -> ImportedModel:
    """The tensor IR of `module` for inputs with the shapes of `args`.

    `prefix` is cut off the parameters' names (the attribute under which a wrapper holds the model). A module on the
    meta device comes with `weights`, which makes the same module with values. `extern_kernels` take the places of parts
    of it (ST0112 to ST0114 when they do not fit). `cache` names inputs that are kept between runs, `constants` stands
    before the names of tensors that the code brings. Raises UserError ST0104 (operation that
    does not lower), ST0106 (dynamic shape), ST0110 (tensor kind), ST0111 (PyTorch cannot export it).
    """
    timings: dict[str, float] = {}
    start = perf_counter()
    exported = export_graph(module, args, prefix)
    exported, replaced = cut_out(exported, extern_kernels, prefix)
    timings["export"], start = _lap(start)
    program = cut(exported, label_nodes(exported, module))
    timings["cut"], start = _lap(start)
    by_name = {part.kernel.name: part for part in replaced}
    opened = {function.name: open_holes(function.graph, by_name) for function in program.functions}
    graphs = {name: decompose(graph) for name, (graph, _) in opened.items()}
    timings["decompose"], start = _lap(start)
    ir_module = import_functions(graphs, timings)
    start = perf_counter()
    clean(ir_module)
    close_holes(ir_module, {name: holes for name, (_, holes) in opened.items()})
    inputs = _names(input_names, [entry.name for entry in exported.inputs if entry.kind == "input"])
    outputs = _names(output_names, _numbered("output", len(exported.outputs)))
    parameters = _assemble(ir_module, exported, program, inputs, outputs, set(cache), _parameter_bits(module, prefix))
    mark_bounds(ir_module, getattr(module, "run_time_bounds", ()), inputs)
    lifted = lift_constants(ir_module, PARAM, constants)
    timings["assemble"], start = _lap(start)
    return ImportedModel(
        ir_module,
        ParameterTable([*parameters, *lifted], weights or (lambda: module), prefix, {**exported.constants, **lifted}),
        inputs,
        outputs,
        _layers(program, prefix),
        timings,
        replaced,
    )


def import_program(program: ModelProgram, extern_kernels: Sequence[ExternKernel] = ()) -> ImportedModel:
    """The tensor IR of one program of a model; see `import_module` for the errors."""
    kernels = [kernel for kernel in extern_kernels if kernel.program in ("", program.name)]
    return import_module(
        program.module,
        program.inputs,
        prefix=program.prefix,
        input_names=program.input_names,
        output_names=program.output_names,
        weights=program.weights,
        extern_kernels=kernels,
        cache=program.cache,
        constants=f"{program.name}.",
    )


def _lap(start: float) -> tuple[float, float]:
    now = perf_counter()
    return now - start, now


def _names(given: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    return tuple(given) if len(given) == len(default) else tuple(default)


def _numbered(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}_{index}" for index in range(count)]


def _layers(program: Program, prefix: str) -> dict[str, tuple[str, ...]]:
    layers: dict[str, tuple[str, ...]] = {function.name: () for function in program.functions}
    for call in program.calls:
        if call.block:
            layers[call.function.name] += (call.block.removeprefix(prefix),)
    return layers


def _assemble(
    module: ModuleOp,
    exported: ExportedGraph,
    program: Program,
    inputs: Sequence[str],
    outputs: Sequence[str],
    cache: set[str],
    bits: Mapping[str, int],
) -> list[str]:
    """Marks the functions, adds `@main`, and gives the names of its parameter arguments in order."""
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    for function in program.functions:
        op = functions[function.name]
        op.sym_visibility = StringAttr("private")
        op.attributes[PLACE] = StringAttr(function.place)
    arguments = _arguments(exported, program)
    types = _types(program, functions, [*(entry.node for entry in arguments), *exported.outputs])
    kinds = [types[entry.node] for entry in arguments]
    results = [types[node] for node in exported.outputs]
    block = core.Block(arg_types=kinds)
    _name_arguments(functions, program, {entry.node: entry.name for entry in arguments})
    for entry, argument in zip(arguments, block.args, strict=True):
        argument.name_hint = _hint(entry.name)
    values: dict[fx.Node, core.SSAValue] = {
        entry.node: value for entry, value in zip(arguments, block.args, strict=True)
    }
    for call in program.calls:
        kind = functions[call.function.name].function_type
        op = func.CallOp(call.function.name, [values[node] for node in call.arguments], list(kind.outputs.data))
        block.add_op(op)
        values.update(zip(call.results, op.results, strict=True))
    block.add_op(func.ReturnOp(*(values[node] for node in exported.outputs)))
    named = iter(inputs)
    marks = [
        _input_mark(next(named), cache) if entry.kind == "input" else _parameter_mark(entry.name, bits)
        for entry in arguments
    ]
    main = func.FuncOp(
        "main",
        (kinds, results),
        core.Region(block),
        arg_attrs=ArrayAttr([DictionaryAttr(mark) for mark in marks]),
        res_attrs=ArrayAttr([DictionaryAttr({NAME: StringAttr(n)}) for n in outputs]),
    )
    module.body.block.add_op(main)
    return [entry.name for entry in arguments if entry.kind != "input"]


def _input_mark(name: str, cache: set[str]) -> dict[str, core.Attribute]:
    mark: dict[str, core.Attribute] = {NAME: StringAttr(name)}
    return {**mark, CACHE: UnitAttr()} if name in cache else mark


def _parameter_mark(name: str, bits: Mapping[str, int]) -> dict[str, core.Attribute]:
    mark: dict[str, core.Attribute] = {PARAM: StringAttr(name)}
    return {**mark, BITS: IntegerAttr(bits[name], 64)} if name in bits else mark


def _parameter_bits(module: torch.nn.Module, prefix: str) -> dict[str, int]:
    """Parameters that need fewer bits than their type has: what the attribute `parameter_bits` of each part says."""
    found: dict[str, int] = {}
    for path, part in module.named_modules():
        named: Mapping[str, int] = getattr(part, "parameter_bits", {})
        for name, bits in named.items():
            found[f"{path}.{name}".lstrip(".").removeprefix(prefix)] = bits
    return found


def _name_arguments(functions: Mapping[str, func.FuncOp], program: Program, names: Mapping[fx.Node, str]) -> None:
    """Calls the arguments of each function as its first call does: a parameter by its name inside the block."""
    seen: set[str] = set()
    for call in program.calls:
        if call.function.name in seen:
            continue
        seen.add(call.function.name)
        for node, argument in zip(call.arguments, functions[call.function.name].body.block.args, strict=True):
            argument.name_hint = _hint(names.get(node, "value").removeprefix(f"{call.block}."))


def _hint(name: str) -> str:
    """A parameter's name as the name of a value in the IR, which has no leading digit (`0.weight` -> `p0_weight`)."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"p{text}" if text[:1].isdigit() else text or "value"


def _arguments(exported: ExportedGraph, program: Program) -> list[GraphInput]:
    """The module's inputs, all of them, and then the parameters in the order in which the calls read them."""
    read: dict[fx.Node, None] = {}
    for call in program.calls:
        read.update(dict.fromkeys(call.arguments))
    read.update(dict.fromkeys(exported.outputs))
    entries = {entry.node: entry for entry in exported.inputs}
    given = [entry for entry in exported.inputs if entry.kind == "input"]
    return given + [entries[node] for node in read if node in entries and entries[node].kind != "input"]


def _types(
    program: Program, functions: Mapping[str, func.FuncOp], nodes: Sequence[fx.Node]
) -> dict[fx.Node, core.Attribute]:
    """The IR type of each node that crosses a function's boundary, and of `nodes`."""
    types: dict[fx.Node, core.Attribute] = {node: type_of(node.meta["val"]) for node in nodes}
    for call in program.calls:
        kind = functions[call.function.name].function_type
        types.update(zip(call.arguments, kind.inputs.data, strict=True))
        types.update(zip(call.results, kind.outputs.data, strict=True))
    return types


def type_of(value: torch.Tensor) -> TensorType[core.Attribute]:
    """The IR type of a tensor."""
    floats = {torch.float32: f32, torch.float16: f16, torch.bfloat16: bf16, torch.bool: i1}
    element = floats.get(value.dtype) or IntegerType(8 * value.element_size())
    return TensorType(element, list(value.shape))
