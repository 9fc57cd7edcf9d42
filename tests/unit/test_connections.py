# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Converters in blocks of language models: none where none is needed, none twice, and each at least its bound."""

import pytest

from small_blocks import SIZES
from streamtensor.dialects import context
from streamtensor.flow.passes import PassRunner
from streamtensor.importers.program import import_program
from streamtensor.models.blocks import BlockKind, block_program
from streamtensor.models.shapes import shape_config
from streamtensor.pipelines import Choices, passes_to
from streamtensor.report.connections import Connection, connections


def connections_of(shape: str, kind: BlockKind, rows: int, *, narrow: bool) -> list[Connection]:
    config = shape_config(shape, **(SIZES[shape] if narrow else {}))
    ir = import_program(block_program(config, kind, rows)).module
    runner = PassRunner(context())
    for level in ("tensor", "dataflow", "fused"):
        runner.run(ir, level, passes_to(level, Choices()))
    return connections(ir)


CASES: list[tuple[str, BlockKind, int, bool]] = [
    *((shape, "prefill", 24, True) for shape in SIZES),
    *((shape, "decode", 24, True) for shape in SIZES),
    ("gpt2-medium", "prefill", 128, False),
    ("gemma-3-1b", "decode", 384, False),
    ("llama-3.2-1b", "decode", 384, False),
]


@pytest.mark.parametrize(("shape", "kind", "rows", "narrow"), CASES)
def test_no_needless_and_no_equal_converters(shape: str, kind: BlockKind, rows: int, narrow: bool) -> None:
    found = connections_of(shape, kind, rows, narrow=narrow)
    converters = [c for c in found if not c.is_direct]
    assert converters
    assert any(c.is_direct for c in found)
    assert not [c for c in converters if c.has_equal_orders]
    assert len({(c.producer, c.source, c.result) for c in converters}) == len(converters)
    assert all(c.elements >= c.bound for c in converters)


def test_what_several_tasks_want_in_one_order_is_converted_once() -> None:
    found = connections_of("gpt2-medium", "decode", 384, narrow=False)
    assert any(c.readers > 1 for c in found if not c.is_direct)  # queries, keys and values from one normalised row
