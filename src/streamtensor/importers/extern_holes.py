# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parts of an exported graph that hand-written kernels replace: found, cut out, and opened for the import.

A part becomes one call of `extern_hole`, so that equal blocks stay equal and are imported once. Before a function's
graph goes through Torch-MLIR the call is taken out: what it reads become further results of the function, what it gives
further arguments. `extern_closing` puts the kernel there again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from operator import getitem
from typing import Any

import torch
from torch import fx

from streamtensor.diagnostics import Location, UserError, did_you_mean
from streamtensor.importers.export import ExportedGraph, on_cpu
from streamtensor.importers.extern_kernel import ExternKernel
from streamtensor.importers.extern_source import check_source
from streamtensor.importers.source_lines import place_of_trace


def extern_hole(*values: torch.Tensor, name: str) -> Any:
    """Stands in a graph for the extern kernel `name`; it is taken out again before anything runs."""
    raise NotImplementedError(name)


@dataclass(frozen=True)
class Replaced:
    """One part of the model that `kernel` replaces: its graph, to compare with, and where it stood in the model.

    `inputs` names what it reads, in order: parameters by their own names, values by those of the calls that make them.
    """

    kernel: ExternKernel
    graph: fx.Graph
    inputs: tuple[str, ...]
    what: str
    place: Location | None


@dataclass(frozen=True)
class Hole:
    """A call of `extern_hole` that was taken out of a function: how many of its results and arguments belong to it."""

    replaced: Replaced
    inputs: int
    outputs: int


def cut_out(
    exported: ExportedGraph, kernels: Sequence[ExternKernel], prefix: str = ""
) -> tuple[ExportedGraph, tuple[Replaced, ...]]:
    """The graph with a call of `extern_hole` in the place of each part that a kernel replaces, and these parts.

    `prefix` may be left out in front of module paths. Raises UserError ST0113 when a kernel matches nothing, or a part
    that is not one piece; ST0112 when two kernels have one name, or two functions; ST0114 for a kernel's source.
    """
    names = [kernel.name for kernel in kernels]
    found: list[Replaced] = []
    for kernel in kernels:
        if names.count(kernel.name) > 1:
            raise kernel.wrong("another extern kernel has the same name")
        if any(one.function == kernel.function and one.source_path != kernel.source_path for one in kernels):
            raise kernel.wrong(f"another source defines {kernel.function} as well; they are linked together")
        check_source(kernel)
        groups = _matches(exported.graph, kernel, prefix)
        if not groups:
            raise _no_match(exported.graph, kernel, prefix)
        for nodes in groups:
            exported, replaced = _cut(exported, kernel, nodes)
            found.append(replaced)
    return exported, tuple(found)


# ---- finding


def _split(kernel: ExternKernel) -> tuple[str, str]:
    """The module path and the operation that `replaces` names, "" for what it does not say."""
    text = kernel.replaces.strip()
    if ":" in text:
        path, _, operation = text.partition(":")
        return path, operation
    return ("", text) if text.startswith("aten.") else (text, "")


def _matches(graph: fx.Graph, kernel: ExternKernel, prefix: str) -> list[list[fx.Node]]:
    """The calls of each part that the kernel replaces, in the order of the graph."""
    path, operation = _split(kernel)
    groups: dict[object, list[fx.Node]] = {}
    for node in graph.nodes:
        if node.op != "call_function" or node.target is extern_hole:
            continue
        instance = _instance(node, path, prefix) if path else ""
        if instance is None:
            continue
        if not operation:
            groups.setdefault(instance, []).append(node)
        elif _is_operation(node, operation):
            groups[node] = [node, *(user for user in node.users if user.target is getitem)]
    return list(groups.values())


def _paths(node: fx.Node) -> Iterator[str]:
    """The paths of the modules around a call, outermost first."""
    for path, _ in (node.meta.get("nn_module_stack") or {}).values():
        if path:
            yield str(path).partition("@")[0]


def _instance(node: fx.Node, pattern: str, prefix: str) -> object | None:
    """Which call of the outermost module that matches `pattern` the node belongs to; None when it is in none."""
    stack = node.meta.get("nn_module_stack") or {}
    for number, path in enumerate(_paths(node), start=len(stack) - len(list(_paths(node)))):
        if _is_path(path, pattern, prefix):
            return tuple(stack)[: number + 1]  # the keys tell one call of a module from the next
    return None


def _is_path(path: str, pattern: str, prefix: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.removeprefix(prefix), pattern)


def _is_operation(node: fx.Node, operation: str) -> bool:
    target = str(node.target)
    return target == operation or target.startswith(f"{operation}.")


def _no_match(graph: fx.Graph, kernel: ExternKernel, prefix: str) -> UserError:
    path, operation = _split(kernel)
    calls = [
        node for node in graph.nodes if node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor)
    ]
    paths = {one.removeprefix(prefix) for node in calls for one in _paths(node)}
    inside = [node for node in calls if any(_is_path(one, path, prefix) for one in _paths(node))] if path else calls
    if path and not inside:
        hint = did_you_mean(path, paths) or "the model has no modules with names"
        return UserError("ST0113", f"the model has no module {path}, which {kernel.name} replaces", hint=hint)
    names = {".".join(str(node.target).split(".")[:2]) for node in inside if str(node.target).startswith("aten.")}
    message = f"the model has no operation {operation}{f' in {path}' if path else ''}, which {kernel.name} replaces"
    return UserError("ST0113", message, hint=did_you_mean(operation, names))


# ---- cutting


def _cut(exported: ExportedGraph, kernel: ExternKernel, nodes: list[fx.Node]) -> tuple[ExportedGraph, Replaced]:
    """Replaces `nodes` by a call of `extern_hole`."""
    graph, inside = exported.graph, set(nodes)
    sources = dict.fromkeys(source for node in nodes for source in node.all_input_nodes if source not in inside)
    inputs = [source for source in sources if not _is_constant(source)]
    outputs = [node for node in nodes if node in exported.outputs or any(user not in inside for user in node.users)]
    outputs = [node for node in outputs if isinstance(node.meta.get("val"), torch.Tensor)]
    what = kernel.replaces if len(nodes) > 1 else str(nodes[0].target)
    place = next((found for node in nodes if (found := place_of_trace(node.meta.get("stack_trace")))), None)
    _check_one_piece(kernel, inside, inputs, place)
    reference = _reference(nodes, inputs, outputs)
    with graph.inserting_after(nodes[-1]):
        hole = graph.call_function(extern_hole, tuple(inputs), {"name": kernel.name})
    values = tuple(node.meta["val"] for node in outputs)
    hole.meta = {**nodes[0].meta, "val": values[0] if len(values) == 1 else values}
    made: list[fx.Node] = [hole]
    if len(outputs) > 1:
        with graph.inserting_after(hole):
            made = [graph.call_function(getitem, (hole, number)) for number in range(len(outputs))]
        for node, old in zip(made, outputs, strict=True):
            node.meta = dict(old.meta)
    new = dict(zip(outputs, made, strict=True))
    for old, node in new.items():
        old.replace_all_uses_with(node)
    for node in reversed(nodes):
        graph.erase_node(node)
    _sort(graph)
    names = {entry.node: entry.name for entry in exported.inputs}
    replaced = Replaced(kernel, reference, tuple(names.get(node, node.name) for node in inputs), what, place)
    return replace(exported, outputs=tuple(new.get(node, node) for node in exported.outputs)), replaced


def _check_one_piece(
    kernel: ExternKernel, inside: set[fx.Node], inputs: Sequence[fx.Node], place: Location | None
) -> None:
    """Nothing that the part reads may itself need a result of the part."""
    behind: set[fx.Node] = set()
    for node in next(iter(inside)).graph.nodes:
        if node not in inside and any(source in inside or source in behind for source in node.all_input_nodes):
            behind.add(node)
    entangled = [node for node in inputs if node in behind]
    if entangled:
        raise UserError(
            "ST0113",
            f"extern kernel {kernel.name}: {kernel.replaces} is not one piece: it reads {entangled[0].name}, which "
            "is computed from its own result",
            location=place,
        )


def _reference(nodes: Sequence[fx.Node], inputs: Sequence[fx.Node], outputs: Sequence[fx.Node]) -> fx.Graph:
    """The part as a graph of its own."""
    graph = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    for number, node in enumerate(inputs):
        new[node] = graph.placeholder(f"arg{number}")
        new[node].meta = {"val": node.meta["val"]}

    def copy(node: fx.Node) -> fx.Node:
        if node not in new:  # what is constant outside of the part comes with it
            for source in node.all_input_nodes:
                copy(source)
            new[node] = graph.node_copy(node, lambda source: new[source])
            new[node].args, new[node].kwargs = on_cpu(new[node].args), on_cpu(new[node].kwargs)
        return new[node]

    for node in nodes:
        copy(node)
    graph.output(tuple(new[node] for node in outputs))
    return graph


def _is_constant(node: fx.Node) -> bool:
    """Whether a value is the same whatever the model is given and whatever its weights are: it is no port."""
    return node.op == "call_function" and all(_is_constant(source) for source in node.all_input_nodes)


def _sort(graph: fx.Graph) -> None:
    """Puts the nodes into an order in which each stands behind what it reads."""
    order: dict[fx.Node, None] = {}
    for root in list(graph.nodes):
        pending = [root]
        while pending:
            node = pending[-1]
            missing = [source for source in node.all_input_nodes if source not in order]
            if missing and node not in order:
                pending += missing
            else:
                order.setdefault(pending.pop())
    last: fx.Node | None = None
    for node in order:
        if last is not None:
            last.append(node)
        last = node


# ---- opening


def open_holes(graph: fx.Graph, replaced: Mapping[str, Replaced]) -> tuple[fx.Graph, tuple[Hole, ...]]:
    """The graph of a function without its calls of `extern_hole`, and these.

    The results of the calls are further placeholders behind all others, what the calls read are further outputs.
    `replaced` has a part for each kernel's name.
    """
    calls = [node for node in graph.nodes if node.target is extern_hole]
    if not calls:
        return graph, ()
    made = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            new[node] = made.node_copy(node)
    holes: list[Hole] = []
    for number, call in enumerate(calls):
        value = call.meta["val"]
        parts = list(value) if isinstance(value, tuple) else [value]
        places = [made.placeholder(f"hole{number}_{index}") for index in range(len(parts))]
        for place, part in zip(places, parts, strict=True):
            place.meta = {"val": part, "parameter": False}
        if isinstance(value, tuple):
            new.update({user: places[int(user.args[1])] for user in call.users})  # pyright: ignore[reportArgumentType]
        else:
            new[call] = places[0]
        holes.append(Hole(replaced[str(call.kwargs["name"])], len(call.args), len(parts)))
    for node in graph.nodes:
        if node.op == "output":
            results: Any = node.args[0]
            read = [source for call in calls for source in call.args]
            made.output(tuple(new[source] for source in (*results, *read)))  # pyright: ignore[reportArgumentType]
        elif node not in new and node not in calls:
            new[node] = made.node_copy(node, lambda source: new[source])
    return made, tuple(holes)
