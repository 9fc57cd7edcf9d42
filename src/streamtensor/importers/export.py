# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A PyTorch module as one flat graph of ATen calls, without its weights and without calls that do nothing."""

import io
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from streamtensor.diagnostics import Location, UserError
from streamtensor.importers.source_lines import model_line, place_of_trace, trace_of

aten: Any = torch.ops.aten

ValueKind = Literal["input", "parameter", "buffer", "constant"]
"""What stands behind an argument of the whole graph; a constant is a tensor made while the module ran."""


@dataclass(frozen=True)
class GraphInput:
    """One argument of the exported graph: its node, its kind, and the name that the user knows it by."""

    node: fx.Node
    kind: ValueKind
    name: str


@dataclass(frozen=True)
class ExportedGraph:
    """The flat graph; `outputs` are nodes of it; `constants` hold the values of the inputs of kind constant."""

    graph: fx.Graph
    inputs: tuple[GraphInput, ...]
    outputs: tuple[fx.Node, ...]
    constants: dict[str, torch.Tensor]


def export_graph(module: torch.nn.Module, args: Sequence[Any], prefix: str = "") -> ExportedGraph:
    """Exports `module` for inputs like `args`; `prefix` is cut off the parameters' names.

    Only shapes are traced: parameters may live on the meta device, and real ones are neither read nor copied.
    Raises UserError ST0106 for shapes that depend on data, ST0110 for float64 and complex tensors and for buffers
    that the module writes, ST0111 when PyTorch cannot export the module.
    """
    program = _export(module, args)
    graph = program.graph
    inputs = _inputs(program, module, prefix)
    _check_outputs(program)
    _shorten_traces(graph)
    _check_values(graph)
    forward_no_ops(graph)
    _inline_scalars(graph, inputs, program)
    graph.eliminate_dead_code()
    returned: Any = next(node for node in graph.nodes if node.op == "output").args[0]
    outputs = tuple(node for node in returned if isinstance(node, fx.Node))
    if not outputs:
        raise UserError("ST0111", "the module returns no tensor")
    constants = {i.name: _constant(program, i.name) for i in inputs if i.kind == "constant"}
    return ExportedGraph(graph, tuple(i for i in inputs if i.kind == "input" or i.node.users), outputs, constants)


@contextmanager
def quiet() -> Generator[None]:
    """Keeps PyTorch's loggers, warnings and prints silent: what goes wrong is told once, by our own error.

    Only this thread is silenced; a progress bar in another one goes on.
    """
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stderr(_OtherThreads(sys.stderr)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


class _OtherThreads(io.TextIOBase):
    """Passes on what other threads write than the one that made it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._owner = threading.get_ident()

    def write(self, text: str, /) -> int:
        return len(text) if threading.get_ident() == self._owner else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _export(module: torch.nn.Module, args: Sequence[Any]) -> ExportedProgram:
    from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(module, tuple(args), strict=False)
            if any(_writes_or_nests(node) for node in program.graph.nodes):
                program = program.run_decompositions({})  # makes in-place calls functional, inlines nested graphs
    except (GuardOnDataDependentSymNode, DataDependentOutputException, DynamicOutputShapeException) as error:
        raise UserError(
            "ST0106",
            f"a shape or a branch depends on the values of a tensor: {_first_line(error)}",
            location=_raise_site(error),
            hint="all shapes must follow from the shapes of the inputs",
        ) from error
    except Exception as error:  # whatever the module's own code raises
        raise UserError(
            "ST0111",
            f"PyTorch cannot export the module: {type(error).__name__}: {_first_line(error)}",
            location=_raise_site(error),
        ) from error
    return program


def _writes_or_nests(node: fx.Node) -> bool:
    schema: Any = getattr(node.target, "_schema", None)
    return node.op == "get_attr" or (schema is not None and schema.is_mutable)


def _inputs(program: ExportedProgram, module: torch.nn.Module, prefix: str) -> list[GraphInput]:
    """The arguments with the names of the module's own state; tied tensors go by the first of their names."""
    first_name: dict[int, str] = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        first_name.setdefault(id(tensor), name)
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    kinds: dict[InputKind, ValueKind] = {
        InputKind.USER_INPUT: "input",
        InputKind.PARAMETER: "parameter",
        InputKind.BUFFER: "buffer",
        InputKind.CONSTANT_TENSOR: "constant",
    }
    result: list[GraphInput] = []
    seen: dict[str, fx.Node] = {}
    for spec in program.graph_signature.input_specs:
        node = nodes[str(getattr(spec.arg, "name", ""))]
        kind = kinds.get(spec.kind)
        if kind is None or (kind == "input" and not isinstance(node.meta.get("val"), torch.Tensor)):
            if node.users:
                raise UserError("ST0110", f"input `{node.name}` is not a tensor")
            continue
        target = spec.target or node.name
        if kind in ("parameter", "buffer"):
            target = first_name.get(id(_state(module, target)), target).removeprefix(prefix)
        if kind != "input" and target in seen:
            node.replace_all_uses_with(seen[target])
            continue
        seen[target] = node
        result.append(GraphInput(node, kind, node.name if kind == "input" else target))
    return result


def _state(module: torch.nn.Module, target: str) -> object:
    owner, _, name = target.rpartition(".")
    return getattr(module.get_submodule(owner), name)


def _check_outputs(program: ExportedProgram) -> None:
    hints = {
        OutputKind.BUFFER_MUTATION: "put the module into inference mode with .eval(), or return new state as an output",
        OutputKind.PARAMETER_MUTATION: "return the new value as an output",
        OutputKind.USER_INPUT_MUTATION: "return the new value as an output",
    }
    for spec in program.graph_signature.output_specs:
        if spec.kind in hints:
            raise UserError("ST0110", f"the module writes `{spec.target}` while it runs", hint=hints[spec.kind])


def _shorten_traces(graph: fx.Graph) -> None:
    """Keeps of each stack trace the one frame that belongs to the model."""
    for node in graph.nodes:
        place = model_line(node.meta.get("stack_trace"))
        node.meta["stack_trace"] = trace_of(place) if place else None


def _check_values(graph: fx.Graph) -> None:
    refused = (torch.float64, torch.complex64, torch.complex128)
    for node in graph.nodes:
        if node.op == "placeholder" and not node.users:
            continue
        place = place_of_trace(node.meta.get("stack_trace"))
        if isinstance(node.meta.get("val"), (torch.SymInt, torch.SymFloat, torch.SymBool)):
            raise UserError("ST0106", f"`{label_of(node)}` reads a number out of a tensor", location=place)
        for value in _tensors(node.meta.get("val")):
            if any(type(size) is not int for size in value.shape):  # a symbol, when it is not known
                message = f"the shape of `{node.name}` is not known when the module is compiled"
                raise UserError("ST0106", message, location=place)
            if value.dtype in refused:
                kind = str(value.dtype).removeprefix("torch.")
                raise UserError(
                    "ST0110",
                    f"`{label_of(node)}` makes a {kind} tensor, for which there is no hardware",
                    location=place,
                    hint="convert the module with .float()" if value.dtype == torch.float64 else "",
                )


def forward_no_ops(graph: fx.Graph) -> None:
    """Lets the users of a call that changes nothing (dropout at inference, a cast to the same type) read its input."""
    for node in list(graph.nodes):
        if node.op == "call_function" and "_assert" in str(node.target):
            graph.erase_node(node)
            continue
        source = _forwarded(node)
        if source is not None:
            node.replace_all_uses_with(source)
            graph.erase_node(node)


_SAME_VALUES = {
    aten.alias.default,
    aten.clone.default,
    aten.contiguous.default,
    aten.detach.default,
    aten.dropout.default,
    aten.expand.default,
    aten.lift_fresh_copy.default,
    aten.reshape.default,
    aten.to.device,
    aten.to.dtype,
    aten.to.dtype_layout,
    aten._to_copy.default,
    aten.type_as.default,
    aten.view.default,
    aten._unsafe_view.default,
}


def _forwarded(node: fx.Node) -> fx.Node | None:
    """The first argument of a call that hands it on unchanged, in shape, type and values; else None."""
    if node.target not in _SAME_VALUES or not isinstance(node.args[0], fx.Node):
        return None
    if node.target is aten.dropout.default and node.args[2] is not False:
        return None
    before, after = node.args[0].meta.get("val"), node.meta.get("val")
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor):
        return None
    return node.args[0] if before.shape == after.shape and before.dtype == after.dtype else None


def _inline_scalars(graph: fx.Graph, inputs: list[GraphInput], program: ExportedProgram) -> None:
    """One-element constants become a fill in the graph, so that no argument is needed for a number."""
    first_call = next(node for node in graph.nodes if node.op != "placeholder")
    for entry in [i for i in inputs if i.kind == "constant" and i.node.users]:
        value = _constant(program, entry.name)
        if value.numel() != 1 or value.device.type == "meta":
            continue
        with graph.inserting_before(first_call):
            fill = graph.call_function(
                aten.full.default, (list(value.shape), value.item()), {"dtype": value.dtype, "device": value.device}
            )
        fill.meta = dict(entry.node.meta)
        entry.node.replace_all_uses_with(fill)


def _constant(program: ExportedProgram, name: str) -> torch.Tensor:
    value = program.constants[name]
    assert isinstance(value, torch.Tensor)
    return value


def _tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in _tensors(item)]
    return []


def label_of(node: fx.Node) -> str:
    """What an error calls `node`: its operation, or its name."""
    return str(node.target) if node.op == "call_function" else node.name


def on_cpu(value: Any) -> Any:
    """Devices do not matter for what is computed: the calls of a graph are made as on one."""
    if isinstance(value, torch.device):
        return torch.device("cpu")
    if isinstance(value, (list, tuple)):
        return type(value)(on_cpu(item) for item in value)
    if isinstance(value, dict):
        return {key: on_cpu(item) for key, item in value.items()}
    return value


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _raise_site(error: BaseException) -> Location | None:
    """The innermost line of the model on which `error` was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = __file__.rsplit("/", 1)[0]
    text = "".join(
        f'File "{f.filename}", line {f.lineno}, in {f.name}\n    {f.line}\n'
        for f in frames
        if not f.filename.startswith(own)
    )
    return model_line(text)
