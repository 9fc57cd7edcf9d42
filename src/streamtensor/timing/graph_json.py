# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dataflow graphs as JSON, schema `streamtensor.graph/1` (docs/timing.md describes it)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamtensor.algebra.steps import Repeat, Step, StepProgram
from streamtensor.diagnostics import UserError
from streamtensor.diagnostics.suggest import did_you_mean
from streamtensor.timing.graph import STYLES, Fifo, Graph, Task, pipelined

SCHEMA = "streamtensor.graph/1"

_LARGEST = 2**53
_DEEPEST = 100


def read_graph(path: Path) -> Graph:
    """The graph in a JSON file.

    Raises UserError ST0101 when it cannot be read, ST0702 when it is not of the schema, ST0703 when it is and no such
    graph can be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "ST0101", f"cannot read the graph {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(f"{path} is not JSON: {error}") from error
    return graph_from_json(value)


def graph_from_json(value: object) -> Graph:
    """The graph that a parsed JSON value describes; raises as `read_graph` does."""
    graph = _object(value, "the graph", ("schema", "fifos", "tasks"), needed=("schema", "fifos", "tasks"))
    if graph["schema"] != SCHEMA:
        raise _malformed(f'"schema" is {json.dumps(graph["schema"])}, must be "{SCHEMA}"')
    fifos = [_fifo(item, f"fifos[{n}]") for n, item in enumerate(_list(graph["fifos"], '"fifos"'))]
    tasks: list[Task] = []
    for number, item in enumerate(_list(graph["tasks"], '"tasks"')):
        parts, inner = _task(item, f"tasks[{number}]")
        tasks += parts
        fifos += inner
    return Graph(tuple(tasks), tuple(fifos))


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """The JSON value of a graph. Pipelined tasks are written as the processes and FIFOs that they consist of."""
    return {
        "schema": SCHEMA,
        "fifos": [_fifo_json(fifo) for fifo in graph.fifos],
        "tasks": [_task_json(task) for task in graph.tasks],
    }


def graph_text(graph: Graph) -> str:
    """The JSON text of a graph, a line for each FIFO and task."""
    value = graph_to_json(graph)
    parts = [f' "schema": {json.dumps(value["schema"])}']
    for key in ("fifos", "tasks"):
        lines = ",\n".join(f"  {json.dumps(item)}" for item in value[key])
        parts.append(f' "{key}": [\n{lines}\n ]' if lines else f' "{key}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _fifo_json(fifo: Fifo) -> dict[str, Any]:
    value = {"name": fifo.name, "bits": fifo.bits, "depth": fifo.depth, "latency": fifo.latency}
    return value | {key: True for key in ("inner", "prefetch") if getattr(fifo, key)}


def _task_json(task: Task) -> dict[str, Any]:
    value = {"name": task.name, "program": _program_json(task.program)}
    return {**value, "part_of": task.group} if task.group else value


def _program_json(program: Sequence[StepProgram]) -> list[dict[str, Any]]:
    return [
        {"count": item.count, "delta": item.delta, "reads": list(item.reads), "writes": list(item.writes)}
        if isinstance(item, Step)
        else {"repeat": item.count, "body": _program_json(item.body)}
        for item in program
    ]


def _fifo(value: object, where: str) -> Fifo:
    keys = _object(value, where, ("name", "bits", "depth", "latency", "inner", "prefetch"), needed=("name",))
    name = _name(keys["name"], where)
    where = f"FIFO '{name}'"
    depth = keys.get("depth")
    return Fifo(
        name,
        bits=_number(keys.get("bits", 32), f"{where}: bits"),
        depth=None if depth is None else _number(depth, f"{where}: depth"),
        latency=_number(keys.get("latency", 1), f"{where}: latency"),
        inner=_truth(keys.get("inner", False), f"{where}: inner"),
        prefetch=_truth(keys.get("prefetch", False), f"{where}: prefetch"),
    )


def _task(value: object, where: str) -> tuple[list[Task], list[Fifo]]:
    if isinstance(value, Mapping) and "program" in value:
        keys = _object(value, where, ("name", "program", "part_of"), needed=("name", "program"))
        name = _name(keys["name"], where)
        group = _name(keys["part_of"], f"task '{name}': part_of") if "part_of" in keys else ""
        return [Task(name, _program(keys["program"], f"task '{name}', program", 0), group)], []
    allowed = ("name", "ii", "delay", "tokens", "reads", "writes", "style")
    keys = _object(value, where, (*allowed, "program"), needed=("name", "tokens"))
    name = _name(keys["name"], where)
    where = f"task '{name}'"
    style = keys.get("style", "flushable")
    if style not in STYLES:
        raise _malformed(f"{where}: style is {json.dumps(style)}, must be {' or '.join(STYLES)}")
    return pipelined(
        name,
        tokens=_number(keys["tokens"], f"{where}: tokens"),
        ii=_number(keys.get("ii", 1), f"{where}: ii"),
        delay=_number(keys.get("delay", 0), f"{where}: delay"),
        reads=_names(keys.get("reads", []), f"{where}: reads"),
        writes=_names(keys.get("writes", []), f"{where}: writes"),
        style=style,
    )


def _program(value: object, where: str, level: int) -> tuple[StepProgram, ...]:
    if level > _DEEPEST:
        raise _malformed(f"{where}: loops are nested more than {_DEEPEST} deep")
    items: list[StepProgram] = []
    for number, item in enumerate(_list(value, where)):
        here = f"{where}[{number}]"
        if isinstance(item, Mapping) and "repeat" in item:
            keys = _object(item, here, ("repeat", "body"), needed=("repeat", "body"))
            rounds = _number(keys["repeat"], f"{here}: repeat")
            if rounds < 0:
                raise UserError("ST0703", f"{here}: repeat is {rounds}, must not be negative")
            items.append(Repeat(rounds, _program(keys["body"], f"{here}.body", level + 1)))
            continue
        keys = _object(item, here, ("count", "delta", "reads", "writes", "repeat", "body"))
        items.append(
            Step(
                _number(keys.get("count", 1), f"{here}: count"),
                reads=_names(keys.get("reads", []), f"{here}: reads"),
                writes=_names(keys.get("writes", []), f"{here}: writes"),
                delta=_number(keys.get("delta", 1), f"{here}: delta"),
            )
        )
    return tuple(items)


def _object(value: object, where: str, known: Sequence[str], needed: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _malformed(f"{where} is {_kind(value)}, must be an object")
    for key in value:
        if key not in known:
            raise _malformed(f"{where}: no key '{key}', {did_you_mean(str(key), list(known))}")
    for key in needed:
        if key not in value:
            raise _malformed(f"{where}: '{key}' is missing")
    return value


def _list(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise _malformed(f"{where} is {_kind(value)}, must be a list")
    return value


def _number(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _malformed(f"{where} is {_kind(value)}, must be a whole number")
    if abs(value) > _LARGEST:
        raise _malformed(f"{where} is {value}, must be at most 2**53")
    return value


def _truth(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _malformed(f"{where} is {_kind(value)}, must be true or false")
    return value


def _name(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _malformed(f"{where}: a name is {_kind(value)}, must be text and not empty")
    return value


def _names(value: object, where: str) -> tuple[str, ...]:
    return tuple(_name(item, where) for item in _list(value, where))


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value}"'
        case list():
            return "a list"
        case _:
            return "an object"


def _malformed(message: str) -> UserError:
    return UserError("ST0702", message, hint="docs/timing.md describes the schema")
