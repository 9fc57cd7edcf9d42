# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which port types a hand-written kernel should have, so that no converter stands before or behind it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtensor.codegen.hls.extern import stream_type
from streamtensor.diagnostics import UserError
from streamtensor.dialects import context
from streamtensor.dialects.dataflow import ExternKernelOp, ITensorType, KernelOp
from streamtensor.dialects.dataflow.vectors import vector_type
from streamtensor.flow.passes import PassRunner
from streamtensor.ir.core import BlockArgument, OpResult, SSAValue
from streamtensor.pipelines import Choices, passes_to

if TYPE_CHECKING:
    import torch

    from streamtensor.importers.extern_kernel import ExternKernel


@dataclass(frozen=True)
class Port:
    """One port of a part of the model: "in" or "out", its number there, the value that it reads (a parameter's name, or
    the call that makes it), the shape and scalar type of its data, what its neighbours make or want (each an itensor
    type as text, with the neighbour's name), and the C++ type for the first.

    Without neighbours the data comes from or goes to external memory, and any type does without a converter.
    """

    side: str
    number: int
    value: str
    data: str
    neighbours: tuple[tuple[str, str], ...]
    cpp: str


def extern_ports(
    module: torch.nn.Module,
    example_inputs: Sequence[torch.Tensor],
    replaces: str,
    *,
    tile: int = 16,
    prefix: str = "",
) -> list[Port]:
    """The ports of the first part of `module` that `replaces` names, ins first.

    `prefix` may be left out in front of module paths.

    Raises UserError ST0113 when nothing matches, and what compiling the module raises.
    """
    from streamtensor.importers.export import export_graph
    from streamtensor.importers.program import import_module

    with tempfile.TemporaryDirectory(prefix="streamtensor-ports-") as folder:
        ins, outs, names = _shapes(export_graph(module, tuple(example_inputs), prefix), replaces, Path(folder), prefix)
        kernel = _stub(replaces, Path(folder), ins, outs)
        imported = import_module(module, tuple(example_inputs), prefix=prefix, extern_kernels=[kernel]).module
    runner = PassRunner(context())
    for level in ("tensor", "dataflow"):
        runner.run(imported, level, passes_to(level, Choices(tile=tile)))
    outer = next(op for op in imported.walk() if isinstance(op, KernelOp) and _extern(op) is not None)
    inner = _extern(outer)
    assert inner is not None
    ports = [
        _port("in", number, name, port, list(_makers(value)))
        for number, (name, port, value) in enumerate(zip(names, inner.in_ports, outer.ins, strict=True))
    ]
    return ports + [
        _port("out", number, "", port, list(_takers(value)))
        for number, (port, value) in enumerate(zip(inner.out_ports, outer.results_, strict=True))
    ]


def ports_of_source(
    source: str,
    replaces: str,
    *,
    tile: int = 16,
    prompt_len: int | None = None,
    context: int | None = None,
    program: str = "",
) -> list[Port]:
    """`extern_ports` of a model folder, a named shape or `FILE.py:callable`, in its first program or the named one.

    No weights are read. Raises UserError ST0112 when there is no such program, ST0101 to ST0107 for a model that is not
    there, and like `extern_ports`.
    """
    from streamtensor.models.sources import load_source

    programs = load_source(source, prompt_len=prompt_len, context=context, random_weights=0).programs()
    chosen = next((one for one in programs if program in ("", one.name)), None)
    if chosen is None:
        names = ", ".join(one.name for one in programs)
        raise UserError("ST0112", f"{source} has no program {program}", hint=f"it has {names}")
    return extern_ports(chosen.module, chosen.inputs, replaces, tile=tile, prefix=chosen.prefix)


def _extern(kernel: KernelOp) -> ExternKernelOp | None:
    return next((op for op in kernel.body.block.ops if isinstance(op, ExternKernelOp)), None)


def _stub(replaces: str, folder: Path, ins: Sequence[str], outs: Sequence[str]) -> ExternKernel:
    """A kernel that takes whole tensors; nothing of it but its ports is looked at."""
    from streamtensor.importers.extern_kernel import ExternKernel

    source = folder / "stub.cpp"
    parameters = ", ".join(f"int port{number}" for number in range(len(ins) + len(outs)))
    source.write_text(f"void stub({parameters}) {{}}\n", encoding="utf-8")
    return ExternKernel("the_kernel_to_write", source, "stub", tuple(ins), tuple(outs), replaces)


def _shapes(exported: Any, replaces: str, folder: Path, prefix: str) -> tuple[list[str], list[str], Sequence[str]]:
    """The inputs and outputs of the first part, each as one token, and the names of the inputs."""
    from streamtensor.importers.extern_holes import cut_out

    _, parts = cut_out(exported, [_stub(replaces, folder, (), ("any",))], prefix)
    graph = parts[0].graph
    results: Any = next(node for node in graph.nodes if node.op == "output").args[0]
    ins = [_whole(node.meta["val"]) for node in graph.nodes if node.op == "placeholder"]
    return ins, [_whole(node.meta["val"]) for node in results], parts[0].inputs


def _whole(value: Any) -> str:
    """The type of a tensor that is one token."""
    from streamtensor.importers.program import type_of

    kind = type_of(value)
    shape = [size for size in kind.get_shape() if size != 1]
    zeros = ", ".join("0" for _ in shape)
    text = "x".join([*map(str, shape), str(kind.element_type)])
    return f"itensor<{text}, iter_space: [] * [], iter_map: () -> ({zeros})>"


def _makers(value: SSAValue) -> Iterator[tuple[str, ITensorType]]:
    """The kernel that makes `value`, with the type of its result."""
    if isinstance(value, OpResult) and isinstance(value.op, KernelOp):
        itensor = value.op.body.block.args[len(value.op.ins) + value.index].type
        if isinstance(itensor, ITensorType):
            yield value.op.kernel_name, itensor


def _takers(value: SSAValue) -> Iterator[tuple[str, ITensorType]]:
    """The kernels that take `value`, with the types in which they do."""
    for use in value.uses:
        if isinstance(use.operation, KernelOp):
            argument: BlockArgument = use.operation.body.block.args[use.index]
            if isinstance(argument.type, ITensorType):
                yield use.operation.kernel_name, argument.type


def _port(side: str, number: int, value: str, port: ITensorType, found: list[tuple[str, ITensorType]]) -> Port:
    data = "x".join([*map(str, port.data_shape), str(port.scalar)])
    cpp = stream_type(vector_type(found[0][1]).element) if found else ""
    named = tuple((name, str(itensor).removeprefix("!dataflow.")) for name, itensor in found)
    return Port(side, number, value, data, named, cpp)
