# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Function graphs to linalg on tensors, through Torch-MLIR and upstream MLIR passes, in one MLIR module.

Handles of MLIR operations never outlive a pass: a dangling one ends the process without a message.
"""

import re
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, cast

from torch import fx

from streamtensor.importers.from_mlir import translate
from streamtensor.importers.source_lines import place_of_trace
from streamtensor.importers.unsupported import explain_failure
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.text import make_context

TO_BACKEND = "func.func(torch-match-quantized-custom-ops),torchdynamo-export-to-torch-backend-pipeline{ extra-library=}"
TO_LINALG = "torch-backend-to-linalg-on-tensors-backend-pipeline{allow-non-finites=true}"
UPSTREAM = "func.func(linalg-generalize-named-ops,linalg-fold-unit-extent-dims),canonicalize,cse"
"""Named operations become generic, unit dimensions go. Upstream's element-wise fusion is not among them: it pulls
producers into matrix products, where they are evaluated once per multiplication."""

DIALECTS = ("arith", "builtin", "cf", "func", "linalg", "math", "tensor")
"""What a lowered module may be made of; for some operations (sorting, scans) Torch-MLIR leaves dialects of its own."""


class _ForeignError(Exception):
    """The lowered module holds operations outside of `DIALECTS`."""


_PLACE = re.compile(r'"([^"]+)":(\d+)')


def import_functions(graphs: Mapping[str, fx.Graph], timings: dict[str, float] | None = None) -> ModuleOp:
    """One module with a function for each graph, still with Torch-MLIR's run-time assertions.

    The seconds of each step are added to `timings`. Raises UserError ST0104 that names the operation which does not
    lower, and the model's line.
    """
    seconds = timings if timings is not None else {}
    texts = _source_texts(graphs.values())
    try:
        lowered = _lower(graphs, seconds)
    except Exception as error:
        raise explain_failure(graphs, lambda graph: _lower({"alone": graph}, {}), error) from error
    start = perf_counter()
    module = translate(lowered.operation, make_context(), lambda op: _label(op, texts))
    seconds["translate"] = perf_counter() - start
    return module


def _lower(graphs: Mapping[str, fx.Graph], seconds: dict[str, float]) -> Any:
    """The module of MLIR's Python bindings, of operations of `DIALECTS` only."""
    from torch_mlir import passmanager
    from torch_mlir.dialects import torch as torch_dialect
    from torch_mlir.extras.fx_importer import FxImporter

    start = perf_counter()
    mlir, managers = _mlir(), cast(Any, passmanager)
    context = mlir.Context()
    torch_dialect.register_dialect(context)
    importer = FxImporter(context=context)
    for name, graph in graphs.items():
        importer.import_stateless_graph(graph, func_name=name)
    seconds["torch dialect"] = perf_counter() - start
    module: Any = importer.module
    for step, pipeline in (("torch backend", TO_BACKEND), ("linalg", TO_LINALG), ("upstream", UPSTREAM)):
        start = perf_counter()
        with context:
            managers.PassManager.parse(f"builtin.module({pipeline})").run(module.operation)
        seconds[step] = perf_counter() - start
    _check_dialects(module)
    return module


def _mlir() -> Any:
    """MLIR's Python bindings, which carry no types."""
    from torch_mlir import ir

    return ir


def _label(op: Any, texts: Mapping[tuple[str, int], str]) -> str:
    """The model's own line behind a tensor operation, `file.py:88 self.c_fc(x)`; "" for any other operation."""
    name: str = op.name
    if not name.startswith(("linalg.", "tensor.")) or name == "linalg.yield":
        return ""
    match = _PLACE.search(str(op.location))
    if not match:
        return ""
    file, line = match[1], int(match[2])
    return f"{file}:{line} {texts.get((file, line), '')}".rstrip()


def _check_dialects(module: Any) -> None:
    mlir = _mlir()
    foreign: set[str] = set()

    def visit(op: Any) -> Any:
        if op.name.partition(".")[0] not in DIALECTS:
            foreign.add(op.name)
        return mlir.WalkResult.ADVANCE

    module.operation.walk(visit)
    if foreign:
        raise _ForeignError(f"{', '.join(sorted(foreign))} left after lowering")


def _source_texts(graphs: Iterable[fx.Graph]) -> dict[tuple[str, int], str]:
    texts: dict[tuple[str, int], str] = {}
    for graph in graphs:
        for node in graph.nodes:
            place = place_of_trace(node.meta.get("stack_trace"))
            if place:
                texts[place.file, place.line] = place.text
    return texts
