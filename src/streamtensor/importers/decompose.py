# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites a function's graph into the core operations that Torch-MLIR lowers well."""

from typing import Any

import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.traceback import preserve_node_meta

from streamtensor.diagnostics import UserError
from streamtensor.importers.decompositions import OWN
from streamtensor.importers.export import forward_no_ops, quiet
from streamtensor.importers.source_lines import place_of_trace
from streamtensor.importers.unsupported import unsupported_operation


def decompose(graph: fx.Graph) -> fx.Graph:
    """The same function in core operations; each call keeps the model's line in `meta["stack_trace"]`.

    Nothing is computed: the calls run on fake tensors with the shapes of the placeholders.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch_mlir.extras.fx_decomp_util import get_decomposition_table

    values = [node.meta["val"] for node in graph.nodes if node.op == "placeholder"]
    with quiet(), FakeTensorMode() as mode, torch.no_grad():
        fakes = [torch.empty(tuple(v.shape), dtype=v.dtype, device="cpu") for v in values]
        interpreter = _Decomposer(fx.GraphModule(torch.nn.Module(), graph))
        with preserve_node_meta(), mode:
            table: Any = {**get_decomposition_table(), **OWN}
            traced = make_fx(interpreter.run, decomposition_table=table)(*fakes)
    forward_no_ops(traced.graph)
    traced.graph.eliminate_dead_code()
    _check_random(traced.graph)
    return traced.graph


class _Decomposer(fx.Interpreter):
    """Runs a graph, with our formulas in the place of calls that PyTorch would take apart before any table is asked."""

    def run_node(self, n: fx.Node) -> Any:
        try:
            return super().run_node(n)
        except Exception as error:
            raise unsupported_operation(str(n.target), place_of_trace(n.meta.get("stack_trace"))) from error

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        formula = OWN.get(target)
        if formula is not None:
            result = formula(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return super().call_function(target, args, kwargs)


def _check_random(graph: fx.Graph) -> None:
    for node in graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise UserError(
                "ST0110",
                f"`{node.target}` draws random numbers",
                location=place_of_trace(node.meta.get("stack_trace")),
                hint="a module with dropout must be put into inference mode with .eval()",
            )
