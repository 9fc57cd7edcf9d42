# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The graph that a program's spaces are about: its kernels before fusion, and what streams between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamtensor.dialects import context
from streamtensor.dialects.dataflow import KernelOp
from streamtensor.ir import func, linalg
from streamtensor.ir.builtin import DenseArrayBase, ModuleOp
from streamtensor.ir.core import SSAValue
from streamtensor.pipelines import Choices, passes_to
from streamtensor.transforms.build import is_device, source_hint
from streamtensor.transforms.fusion.fuse_kernels import kernel_graph, out_type
from streamtensor.transforms.fusion.on_chip import local_bits
from streamtensor.transforms.fusion.views import root_of
from streamtensor.transforms.tiling.apply_tiling import ApplyTilingPass
from streamtensor.transforms.tiling.axes import is_parallel
from streamtensor.transforms.tiling.default_tiling import loop_extents
from streamtensor.transforms.tiling.intensity import intensity, latency_cycles
from streamtensor.transforms.tiling.kernel_choices import kernel_name, lanes_of

if TYPE_CHECKING:
    import networkx as nx


def program_graph(tensor_level: ModuleOp, choices: Choices) -> nx.MultiDiGraph[str]:
    """Nodes are kernels as fusion meets them, in the order of the program; a kernel whose weights are cut is several.

    A node has `kernel` (its name in parameters, "" for one that was no linalg operation), `intensity` (scalar
    operations), `loops` (extents, outermost first), `parallel` (by loop), `tile`, `order` and `lanes` as chosen (lanes
    0: by the rules), `latency_cycles` (an estimate) and `local_bits` (tiles that it holds).

    An edge has `tensor`, `source` and `target` (itensor types), `converter_bits` (None where the two can only talk
    through external memory), `read_bits` and `written_bits` of external memory if they are not fused.
    """
    import networkx as nx

    module = tensor_level.clone()
    described: dict[str, list[dict[str, object]]] = {}
    for one in passes_to("dataflow", choices):
        if isinstance(one, ApplyTilingPass):
            for generic in [g for g in module.walk() if isinstance(g, linalg.GenericOp)]:
                if kernel_name(generic):
                    described.setdefault(kernel_name(generic), []).append(_described(generic, choices))
        one.apply(context(), module)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for function in [f for f in module.ops if isinstance(f, func.FuncOp) and is_device(f)]:
        _add(graph, function, described)
    return graph


def _described(generic: linalg.GenericOp, choices: Choices) -> dict[str, object]:
    extents = loop_extents(generic)
    return {
        "intensity": intensity(generic),
        "loops": tuple(extents),
        "parallel": tuple(is_parallel(generic, loop) for loop in range(len(extents))),
        "tile": _integers(generic, "dataflow.tile"),
        "order": _integers(generic, "dataflow.order"),
        "lanes": lanes_of(generic),
        "latency_cycles": latency_cycles(generic, max(1, lanes_of(generic)), choices.port_bits),
    }


def _integers(generic: linalg.GenericOp, name: str) -> tuple[int, ...]:
    attribute = generic.attributes.get(name)
    return tuple(int(n) for n in attribute.get_values()) if isinstance(attribute, DenseArrayBase) else ()


def _add(graph: nx.MultiDiGraph[str], function: func.FuncOp, described: dict[str, list[dict[str, object]]]) -> None:
    kernels = [op for op in function.body.block.ops if isinstance(op, KernelOp)]
    prefix = f"{function.sym_name.data}/" if len(list(graph)) else ""
    names = [prefix + kernel.kernel_name for kernel in kernels]
    for name, kernel in zip(names, kernels, strict=True):
        label = kernel_name(kernel)
        parts = described.get(label)
        graph.add_node(name, kernel=label, local_bits=local_bits(kernel), **(parts.pop(0) if parts else {}))
    for edge in kernel_graph(kernels).edges:
        value = edge.value
        assert isinstance(value, SSAValue)
        graph.add_edge(
            names[edge.producer],
            names[edge.consumer],
            tensor=source_hint(value),
            source=str(out_type(root_of(value))),
            target=str(edge.stream),
            converter_bits=edge.converter_bits,
            read_bits=edge.read_bits,
            written_bits=edge.written_bits,
        )
