# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where each call of an exported graph runs: on the host or on the device, and in which repeated block."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import getitem
from typing import Any, Literal

import torch
from torch import fx

from streamtensor.importers.export import ExportedGraph
from streamtensor.importers.extern_holes import extern_hole

aten: Any = torch.ops.aten


@dataclass(frozen=True)
class Label:
    """`free` marks work on parameters and fills only: it is repeated in each function that needs it.

    `block` is the path of one child of a module list ("transformer.h.3"), "" outside of all of them.
    """

    place: Literal["host", "device", "free"]
    block: str = ""


GATHERS = {
    aten.embedding.default,
    aten.embedding_bag.default,
    aten.gather.default,
    aten.index.Tensor,
    aten.index_select.default,
    aten.take.default,
    aten.take_along_dim.default,
}
"""Look-ups by computed positions: the device streams, it does not jump."""

_PRODUCTS = {
    aten.addmm.default,
    aten.bmm.default,
    aten.conv1d.default,
    aten.conv2d.default,
    aten.convolution.default,
    aten.einsum.default,
    aten.linear.default,
    aten.matmul.default,
    aten.mm.default,
}
"""What the device is for, whatever the types are."""

_FILLS = {
    aten.full.default,
    aten.full_like.default,
    aten.ones.default,
    aten.ones_like.default,
    aten.scalar_tensor.default,
    aten.zeros.default,
    aten.zeros_like.default,
}

_MOVES = {
    aten.cat.default,
    aten.clone.default,
    aten.contiguous.default,
    aten.reshape.default,
    aten.stack.default,
    aten.to.device,
    aten.to.dtype,
    aten.to.dtype_layout,
    aten._to_copy.default,
    aten.type_as.default,
}


def label_nodes(exported: ExportedGraph, module: torch.nn.Module) -> dict[fx.Node, Label]:
    """The label of every call of the graph.

    Gathers run on the host. So does the integer work, and what is element-wise or a view of it, as long as nothing
    else is read than host values and parameters (embedding sums, rotary tables, position selectors). Work that reads
    no weight and no device value runs there whatever it is, except products of host values. A module whose inputs are
    all floats, or integers of less than 64 bits, has no host part but its gathers.
    """
    labels: dict[fx.Node, Label] = {}
    kinds = {entry.node: entry.kind for entry in exported.inputs}
    counts_on_host = any(kind == "input" and _is_whole(node) for node, kind in kinds.items())
    lists = block_lists(module)
    weighty: set[fx.Node] = {node for node, kind in kinds.items() if kind == "parameter"}
    for node in exported.graph.nodes:
        if node.op != "call_function":
            continue
        if any(source in weighty for source in node.all_input_nodes):
            weighty.add(node)
        if node.target is getitem:
            labels[node] = labels[node.args[0]]
        elif node.target is extern_hole:
            labels[node] = Label("device", _block_of(node, lists))
        else:
            labels[node] = _label(node, labels, kinds, weighty, _block_of(node, lists), counts_on_host)
    for node in exported.outputs:
        if labels.get(node, Label("device")).place == "free":
            _pin(node, labels)
    return labels


def block_lists(module: torch.nn.Module) -> dict[str, set[str]]:
    """Path of each module list -> its children that count as repeated blocks.

    A list counts when it has one child, or for those children whose class occurs at least twice in it.
    """
    result: dict[str, set[str]] = {}
    for path, owner in module.named_modules():
        if isinstance(owner, torch.nn.ModuleList):
            classes = [type(child) for child in owner]
            result[path] = {
                name for (name, child) in owner.named_children() if len(classes) == 1 or classes.count(type(child)) >= 2
            }
    return result


def _label(
    node: fx.Node,
    labels: Mapping[fx.Node, Label],
    kinds: Mapping[fx.Node, str],
    weighty: set[fx.Node],
    block: str,
    counts_on_host: bool,
) -> Label:
    if node.target in GATHERS:
        return Label("host")
    on_host, on_device = False, False
    for source in node.all_input_nodes:
        if kinds.get(source) == "input":
            whole = _is_whole(source)
            on_host, on_device = on_host or whole, on_device or not whole
        elif source in labels:
            place = labels[source].place
            on_host, on_device = on_host or place == "host", on_device or place == "device"
    if on_device:
        return Label("device", block)
    if not counts_on_host:
        return Label("device", block) if on_host or block else Label("free")
    if block:
        return Label("host") if _is_whole(node) and node not in weighty else Label("device", block)
    if node.target in _FILLS or (node in weighty and not on_host):
        return Label("free")
    if _is_light(node) or (node not in weighty and not (on_host and node.target in _PRODUCTS)):
        return Label("host")
    return Label("device")


def _pin(node: fx.Node, labels: dict[fx.Node, Label]) -> None:
    """A result of the whole module needs one place where it is made."""
    labels[node] = Label("device")


def _block_of(node: fx.Node, lists: Mapping[str, set[str]]) -> str:
    """The outermost block instance that the call was made in, with the mark of a repeated call ("h.0@1")."""
    for path, _ in (node.meta.get("nn_module_stack") or {}).values():
        owner, _, child = str(path).rpartition(".")
        if child.partition("@")[0] in lists.get(owner.partition("@")[0], ()):
            return str(path)
    return ""


def _is_whole(node: fx.Node) -> bool:
    """Whether its value counts or selects. Narrower integers are the numbers of a quantised model, like floats."""
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype in (torch.int64, torch.bool)


def _is_light(node: fx.Node) -> bool:
    """Element-wise, a view, or a move of values."""
    target = node.target
    if target in _MOVES:
        return True
    if torch.Tag.pointwise in getattr(target, "tags", ()):
        return True
    schema: Any = getattr(target, "_schema", None)
    return schema is not None and any(r.alias_info is not None and not r.alias_info.is_write for r in schema.returns)
