# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Hand-written kernels against what they replace, and the port types that need no converters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamtensor.diagnostics import UserError
from streamtensor.dialects.dataflow.extern_ops import memory_bits
from streamtensor.flow.events import Events

if TYPE_CHECKING:
    from streamtensor.importers.extern_holes import Replaced

_SEED = 0
_INTEGERS_BELOW = 8


def compare_with_replaced(parts: Sequence[Replaced], events: Events) -> dict[str, float]:
    """The largest relative difference between each extern kernel and what it replaces, on random inputs, by name.

    Floats are drawn from a normal distribution, integers below 8. The tokens also come round by round, as
    `reads_before_writes` says. A kernel with the tolerance None may differ by any amount. Without a C++ compiler
    nothing is compared, with a note.

    Raises UserError ST0114 when the C++ does not keep to its ports or to its rounds, ST0115 when the difference is
    above the tolerance.
    """
    differences: dict[str, float] = {}
    for part in parts:
        kernel = part.kernel
        if kernel.name in differences:
            continue
        try:
            found = differences[kernel.name] = _difference(part)
        except UserError as error:
            if error.code != "ST0601":
                raise
            events.note("extern kernels were not compared with what they replace: there is no C++ compiler")
            return differences
        if kernel.tolerance is None:
            continue
        figure = f"extern kernel {kernel.name} differs from {part.what} by {found:.2g} on random inputs"
        if not found <= kernel.tolerance:
            raise UserError(
                "ST0115",
                f"{figure}, more than its tolerance of {kernel.tolerance:.2g}",
                location=part.place,
                hint="correct the kernel, its port types or the order of its ports, or give a larger tolerance",
            )
        events.note(figure)
    return differences


def _difference(part: Replaced) -> float:
    import torch
    from torch import fx

    from streamtensor.simulate.interpreter import compare
    from streamtensor.simulate.interpreter.extern_code import ExternCode

    kernel = part.kernel
    ports = kernel.port_types
    ins, outs = ports[: len(kernel.ins)], ports[len(kernel.ins) :]
    code = ExternCode(
        kernel.name,
        kernel.source_path,
        kernel.header_paths,
        kernel.function,
        ins,
        outs,
        kernel.width_bits,
        memory_bits(kernel.resources),
        tuple(kernel.reads_before_writes) if kernel.reads_before_writes is not None else None,
    )
    generator = np.random.default_rng(_SEED)
    inputs = [_random(node.meta["val"], generator) for node in part.graph.nodes if node.op == "placeholder"]
    with torch.no_grad():
        wanted: Any = fx.GraphModule(torch.nn.Module(), part.graph)(*(torch.from_numpy(data) for data in inputs))
    given = [data.reshape(port.data_shape) for data, port in zip(inputs, ins, strict=True)]
    found = code.run_on_tensors(given)
    if kernel.reads_before_writes is not None:
        code.check_rounds(given)
    pairs = zip(found, wanted, strict=True)
    return max(compare(got.reshape(tuple(want.shape)), want.numpy()) for got, want in pairs)


def _random(like: Any, generator: np.random.Generator) -> np.ndarray[Any, Any]:
    """A random array with the shape and the element type of a tensor."""
    import torch

    dtype = torch.empty(0, dtype=like.dtype).numpy().dtype
    if like.dtype.is_floating_point:
        return generator.standard_normal(tuple(like.shape)).astype(dtype)
    return generator.integers(0, 2 if dtype.kind == "b" else _INTEGERS_BELOW, tuple(like.shape)).astype(dtype)
