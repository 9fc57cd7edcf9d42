# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converters with a copy for every reader: the same numbers and tokens, and the graph that sizing has decided on."""

from collections.abc import Mapping

import pytest
import torch

import streamtensor
from small_blocks import small_block
from step_program_checks import assert_same_tokens
from streamtensor.timing.forks import Copies, Copy, same_graph, with_copy
from streamtensor.timing.graph import Graph
from streamtensor.transforms.resources import resize_streams


def test_every_shared_converter_has_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[Graph] = []
    equal: list[bool] = []

    def all_copies(graph: Graph, shared: Mapping[str, int], min_depth: int) -> Copies:
        copies: list[Copy] = []
        for task in shared:
            outputs = [fifo.name for fifo in graph.sized if _group(graph, fifo.name) == task]
            for name in outputs[1:]:
                copies.append(Copy(task, (name,)))
                graph = with_copy(graph, copies[-1])
        expected.append(graph)
        return Copies(tuple(copies), graph, None)

    def compared(one: Graph, other: Graph) -> bool:
        equal.append(same_graph(one, other))
        return equal[-1]

    monkeypatch.setattr(resize_streams, "copies_worth_it", all_copies)
    monkeypatch.setattr(resize_streams, "same_graph", compared)
    module, inputs = small_block("qwen2.5-0.5b", "prefill")
    with torch.no_grad():
        wanted = module(*inputs)
    accelerator = streamtensor.compile(module, inputs, tile=4)
    assert any("_copy" in task.name for graph in expected for task in graph.tasks)
    assert equal
    assert all(equal)
    launches = accelerator.run([value.numpy() for value in inputs])
    for ours, theirs in zip(launches.outputs, wanted, strict=True):
        torch.testing.assert_close(torch.as_tensor(ours), theirs, rtol=1e-4, atol=1e-5)
    assert_same_tokens(accelerator, launches)


def _group(graph: Graph, fifo: str) -> str:
    return next(task.group_name for task in graph.tasks if task.name == graph.writer[fifo])
