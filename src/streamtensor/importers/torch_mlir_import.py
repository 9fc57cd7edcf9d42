# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Function graphs to linalg on tensors, through Torch-MLIR and upstream MLIR passes, in one MLIR module.

Handles of MLIR operations never outlive a pass: a dangling one ends the process without a message.
"""

import re
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, cast

from torch import fx

from streamtensor.importers.source_lines import place_of_trace
from streamtensor.importers.unsupported import explain_failure
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.locations import LOC
from streamtensor.ir.text import make_context, parse_module

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
        text = _lower(graphs, texts, seconds)
    except Exception as error:
        raise explain_failure(graphs, lambda graph: _lower({"alone": graph}, {}, {}), error) from error
    start = perf_counter()
    module = parse_module(make_context(), text, "import")
    seconds["parse"] = perf_counter() - start
    return module


def _lower(graphs: Mapping[str, fx.Graph], texts: Mapping[tuple[str, int], str], seconds: dict[str, float]) -> str:
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
    start = perf_counter()
    _attach_locations(module, texts)
    text: str = module.operation.get_asm(use_local_scope=True, print_generic_op_form=True)
    seconds["print"] = perf_counter() - start
    return text.replace(" <{overflowFlags = #arith.overflow<none>}>", "")  # xDSL's trunci has no such property


def _mlir() -> Any:
    """MLIR's Python bindings, which carry no types."""
    from torch_mlir import ir

    return ir


def _attach_locations(module: Any, texts: Mapping[tuple[str, int], str]) -> None:
    """Writes each operation's place as an attribute: printing keeps those, and drops MLIR's own locations."""
    mlir = _mlir()
    module.context.allow_unregistered_dialects = True
    foreign: set[str] = set()

    def visit(op: Any) -> Any:
        if op.name.partition(".")[0] not in DIALECTS:
            foreign.add(op.name)
        if op.name.startswith(("linalg.", "tensor.")) and op.name != "linalg.yield":
            match = _PLACE.search(str(op.location))
            if match:
                file, line = match[1], int(match[2])
                label = f"{file}:{line} {texts.get((file, line), '')}".rstrip()
                op.attributes[LOC] = mlir.StringAttr.get(label, context=module.context)
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
