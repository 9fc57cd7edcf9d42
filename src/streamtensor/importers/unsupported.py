# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which call of a graph it was that could not be lowered."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence

from torch import fx

from streamtensor.diagnostics import Location, UserError
from streamtensor.importers.source_lines import place_of_trace

_PLACE = re.compile(r'"([^"]+)":(\d+)')


def explain_failure(graphs: Mapping[str, fx.Graph], lower: Callable[[fx.Graph], object], error: Exception) -> UserError:
    """The error for the first call that `lower` cannot lower even alone, or for the whole when each can be."""
    tried: set[str] = set()
    for graph in graphs.values():
        for node in graph.nodes:
            if node.op != "call_function" or not _is_operation(node):
                continue
            signature = f"{node.target} {[_describe(arg) for arg in node.args]} {node.kwargs}"
            if signature in tried:
                continue
            tried.add(signature)
            try:
                lower(_alone(node))
            except Exception:
                return unsupported_operation(str(node.target), place_of_trace(node.meta.get("stack_trace")))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = next((line for line in lines if "error:" in line), lines[0] if lines else type(error).__name__)
    match = _PLACE.search(reason)
    place = Location(match[1], int(match[2])) if match else None
    return UserError("ST0104", f"this part of the module cannot be lowered: {reason}", location=place)


def unsupported_operation(target: str, place: Location | None) -> UserError:
    """The error that names an ATen operation ("aten.linalg_svd.default") and the model's line."""
    name = re.sub(r"^torch\.ops\.", "", target)
    return UserError(
        "ST0104",
        f"operation {name} is not supported",
        location=place,
        hint="write this line with element-wise operations, reductions, products and views",
    )


def _is_operation(node: fx.Node) -> bool:
    return hasattr(node.target, "_schema")


def _alone(node: fx.Node) -> fx.Graph:
    """A graph of the one call `node`, with its inputs as arguments."""
    graph = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    for index, source in enumerate(node.all_input_nodes):
        new[source] = graph.placeholder(f"arg{index}")
        new[source].meta = dict(source.meta)
    call = graph.node_copy(node, lambda source: new[source])
    value = node.meta.get("val")
    if isinstance(value, Sequence):
        parts: list[fx.Node] = []
        for user in node.users:
            part = graph.call_function(operator.getitem, (call, user.args[1]))
            part.meta = dict(user.meta)
            parts.append(part)
        graph.output(tuple(parts))
    else:
        graph.output((call,))
    return graph


def _describe(value: object) -> str:
    if isinstance(value, fx.Node):
        tensor = value.meta.get("val")
        return f"{tuple(getattr(tensor, 'shape', ()))} {getattr(tensor, 'dtype', '')}"
    if isinstance(value, (list, tuple)):
        return str([_describe(item) for item in value])
    return repr(value)
