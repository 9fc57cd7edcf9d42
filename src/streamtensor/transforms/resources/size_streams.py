# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""size-streams: a depth for every FIFO."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from streamtensor.dialects.dataflow import ITensorEmptyOp, ITensorType, KernelOp, TaskOp
from streamtensor.ir.builtin import IntegerAttr, ModuleOp, i64
from streamtensor.ir.core import Context, ModulePass, Operation, SSAValue

DEPTH = "dataflow.depth"
MIN_DEPTH = 2


@dataclass(frozen=True)
class SizeStreamsPass(ModulePass):
    """itensor_empty  -->  itensor_empty {dataflow.depth = n}

    The safe rule: a FIFO that is a bridge of the undirected graph of tasks gets `min_depth`, every other one room for all
    the tokens that it will ever carry.

    No deadlock can then come from full FIFOs: in a deadlock every task of some set waits for another one of the
    set, to write a full FIFO or to read an empty one, so following the waits closes a cycle of distinct FIFOs in the undirected
    graph (a task does not wait on both ends of one FIFO). A cycle holds no bridge, and FIFOs that are none are never full; waits on
    empty FIFOs alone would need a directed cycle, and the tasks stand in topological order.

    `depth` above 0 gives every FIFO that depth instead, to see what happens.
    """

    name = "size-streams"

    min_depth: int = MIN_DEPTH
    depth: int = 0

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in [k for k in op.walk() if isinstance(k, KernelOp)]:
            edges = stream_edges(kernel)
            bridges = bridge_edges([(source, target) for _, source, target in edges])
            for number, (empty, _, _) in enumerate(edges):
                assert isinstance(empty.result.type, ITensorType)
                tokens = empty.result.type.layout.num_tokens
                depth = self.min_depth if number in bridges else max(self.min_depth, tokens)
                empty.attributes[DEPTH] = IntegerAttr(self.depth or depth, i64)


def stream_edges(kernel: KernelOp) -> list[tuple[ITensorEmptyOp, TaskOp, TaskOp]]:
    """(itensor, producer, consumer) of every itensor inside a kernel whose itensors have one reader each."""
    edges: list[tuple[ITensorEmptyOp, TaskOp, TaskOp]] = []
    for task in kernel.body.block.ops:
        if not isinstance(task, TaskOp):
            continue
        for init, result in zip(task.inits, task.results_, strict=True):
            if isinstance(init.owner, ITensorEmptyOp):
                edges += [(init.owner, task, reader) for reader in _reading_tasks(result)]
    return edges


def bridge_edges(edges: list[tuple[object, object]]) -> set[int]:
    """The numbers of the edges without which the undirected multigraph falls apart."""
    graph: nx.MultiGraph[object] = nx.MultiGraph()
    for number, (source, target) in enumerate(edges):
        graph.add_edge(source, target, key=number)
    return {next(iter(graph[a][b])) for a, b in nx.bridges(graph)}


def _reading_tasks(value: SSAValue) -> list[TaskOp]:
    found: dict[TaskOp, None] = {}
    for use in value.uses:
        op: Operation | None = use.operation
        while op is not None and not isinstance(op, TaskOp):
            op = op.parent_op()
        if isinstance(op, TaskOp):
            found[op] = None
    return list(found)
