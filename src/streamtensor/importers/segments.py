# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts an exported graph into functions: runs of calls with one label; equal functions are made once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal

from torch import fx

from streamtensor.importers.export import ExportedGraph, on_cpu
from streamtensor.importers.labels import GATHERS, Label

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Function:
    """One function of the program; `graph` has the values first and the parameters after them as placeholders."""

    name: str
    place: Literal["host", "device"]
    graph: fx.Graph
    key: Key


@dataclass(frozen=True)
class Call:
    """One use of a function: nodes of the whole graph as arguments and results; `block` is a path or ""."""

    function: Function
    arguments: tuple[fx.Node, ...]
    results: tuple[fx.Node, ...]
    block: str


@dataclass(frozen=True)
class Program:
    """The calls in order, and the functions that they name, each once."""

    functions: tuple[Function, ...]
    calls: tuple[Call, ...]


def cut(exported: ExportedGraph, labels: Mapping[fx.Node, Label]) -> Program:
    """The program of functions that computes the graph's outputs.

    A run takes every call of its label that can be made, so that a block is one function whatever the order in
    which its calls were traced; host work that can be done early is done first.
    """
    runs = _runs(exported, labels)
    home = {node: index for index, (_, nodes) in enumerate(runs) for node in nodes}
    wanted = _results(exported, runs, labels, home)
    pieces = [_piece(exported, labels, run, wanted[index]) for index, run in enumerate(runs)]
    names = _names([(label, key, graph) for (label, _), (graph, key, _) in zip(runs, pieces, strict=True)])
    functions: dict[Key, Function] = {}
    calls: list[Call] = []
    for (label, _), (graph, key, arguments), results in zip(runs, pieces, wanted, strict=True):
        if key not in functions:
            place = "host" if label.place == "host" else "device"
            functions[key] = Function(names[key], place, graph, key)
        calls.append(Call(functions[key], arguments, tuple(results), label.block))
    return Program(tuple(functions.values()), tuple(calls))


Run = tuple[Label, list[fx.Node]]


def _runs(exported: ExportedGraph, labels: Mapping[fx.Node, Label]) -> list[Run]:
    """All calls but the free ones, in runs of one label, in an order in which each can be made."""
    order = {node: index for index, node in enumerate(exported.graph.nodes)}
    nodes = [node for node in exported.graph.nodes if node in labels and labels[node].place != "free"]
    users: dict[fx.Node, list[fx.Node]] = {node: [] for node in nodes}
    missing: dict[fx.Node, int] = {}
    for node in nodes:
        sources = {source for source in node.all_input_nodes if source in users}
        missing[node] = len(sources)
        for source in sources:
            users[source].append(node)
    ready: dict[Label, list[tuple[int, fx.Node]]] = {}
    for node in nodes:
        if not missing[node]:
            heappush(ready.setdefault(labels[node], []), (order[node], node))
    runs: list[Run] = []
    while ready:
        label = min(ready, key=lambda entry: (entry.place != "host", ready[entry][0][0]))
        run: list[fx.Node] = []
        while ready[label]:
            node = heappop(ready[label])[1]
            run.append(node)
            for user in users[node]:
                missing[user] -= 1
                if not missing[user]:
                    heappush(ready.setdefault(labels[user], []), (order[user], user))
        del ready[label]
        runs.append((label, run))
    return runs


def _results(
    exported: ExportedGraph, runs: Sequence[Run], labels: Mapping[fx.Node, Label], home: Mapping[fx.Node, int]
) -> list[list[fx.Node]]:
    """What each run hands on, in the order in which later runs, and then the graph's outputs, first read it."""
    wanted: list[dict[fx.Node, None]] = [{} for _ in runs]
    for index, (_, nodes) in enumerate(runs):
        for node in nodes:
            for source in node.all_input_nodes:
                if source in home and home[source] != index:
                    wanted[home[source]][source] = None
    for node in exported.outputs:
        if node in home:
            wanted[home[node]][node] = None
    return [list(entry) for entry in wanted]


def _piece(
    exported: ExportedGraph, labels: Mapping[fx.Node, Label], run: Run, results: Sequence[fx.Node]
) -> tuple[fx.Graph, Key, tuple[fx.Node, ...]]:
    """The run as a graph of its own, its key, and the nodes of the whole graph that are its arguments."""
    label, nodes = run
    kinds = {entry.node: entry.kind for entry in exported.inputs}
    inside = set(nodes)
    body = _demanded(results, inside, labels) if label.place == "host" else _with_free(nodes, labels)
    arguments: dict[fx.Node, None] = {}
    members = set(body)
    for node in body:
        for source in node.all_input_nodes:
            if source not in members:
                arguments[source] = None
    lifted = ("parameter", "buffer", "constant")
    ordered = sorted(arguments, key=lambda node: kinds.get(node) in lifted)
    graph = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    for index, node in enumerate(ordered):
        new[node] = graph.placeholder(f"arg{index}")
        new[node].meta = {"val": node.meta["val"], "parameter": kinds.get(node) in lifted}
    for node in body:
        new[node] = graph.node_copy(node, lambda source: new[source])
        new[node].args = on_cpu(new[node].args)
        new[node].kwargs = on_cpu(new[node].kwargs)
    graph.output(tuple(new[node] for node in results))
    return graph, canonical_key(graph, label.place), tuple(ordered)


def _with_free(nodes: Sequence[fx.Node], labels: Mapping[fx.Node, Label]) -> list[fx.Node]:
    """`nodes` with the free calls that they read, each before its first reader."""
    body: dict[fx.Node, None] = {}

    def add(node: fx.Node) -> None:
        for source in node.all_input_nodes:
            if source not in body and source in labels and labels[source].place == "free":
                add(source)
        body[node] = None

    for node in nodes:
        add(node)
    return list(body)


def _demanded(results: Iterable[fx.Node], inside: set[fx.Node], labels: Mapping[fx.Node, Label]) -> list[fx.Node]:
    """The calls behind `results` in the order in which they are needed.

    Host work is ordered this way because models trace it in no fixed order (some walk over a set of layer kinds).
    """
    body: dict[fx.Node, None] = {}

    def add(node: fx.Node) -> None:
        for source in node.all_input_nodes:
            if source not in body and (source in inside or (source in labels and labels[source].place == "free")):
                add(source)
        body[node] = None

    for node in results:
        if node not in body:
            add(node)
    return list(body)


def canonical_key(graph: fx.Graph, place: str) -> Key:
    """Equal for two graphs exactly when they make the same calls, wired alike, on the same shapes and types.

    Names do not enter: an argument is its position, its shape and type, and whether it is a parameter.
    """
    number = {node: index for index, node in enumerate(graph.nodes)}
    entries: list[Any] = [place]
    for node in graph.nodes:
        if node.op == "placeholder":
            value = node.meta["val"]
            entries.append(("parameter" if node.meta["parameter"] else "value", tuple(value.shape), str(value.dtype)))
        else:
            entries.append((str(node.target), _frozen(node.args, number), _frozen(node.kwargs, number)))
    return tuple(entries)


def _frozen(value: Any, number: Mapping[fx.Node, int]) -> Any:
    if isinstance(value, fx.Node):
        return ("node", number[value])
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item, number) for item in value)
    if isinstance(value, dict):
        return tuple((key, _frozen(item, number)) for key, item in sorted(value.items()))
    return (type(value).__name__, repr(value))


def _names(pieces: Sequence[tuple[Label, Key, fx.Graph]]) -> dict[Key, str]:
    """A readable name for each kind of function.

    embed or host; block, or the path of the module list when there are several; stem before the blocks, head after
    them, link between; main_0 in a module without blocks. A number makes names unique.
    """
    lists = {_list_of(label.block) for label, _, _ in pieces if label.block}
    blocks = [index for index, (label, _, _) in enumerate(pieces) if label.block]
    wished: dict[Key, str] = {}
    for index, (label, key, graph) in enumerate(pieces):
        if key in wished:
            continue
        if label.place == "host":
            wished[key] = "embed" if any(node.target in GATHERS for node in graph.nodes) else "host"
        elif label.block:
            wished[key] = "block" if len(lists) == 1 else _list_of(label.block).replace(".", "_")
        elif not lists:
            wished[key] = "main_0"
        else:
            wished[key] = "stem" if index < blocks[0] else "head" if index > blocks[-1] else "link"
    taken: set[str] = {"main"}
    result: dict[Key, str] = {}
    for key, wish in wished.items():
        name, count = wish, 0
        while name in taken:
            count += 1
            name = f"{wish.removesuffix('_0')}_{count}"
        taken.add(name)
        result[key] = name
    return result


def _list_of(block: str) -> str:
    return block.rpartition(".")[0]
