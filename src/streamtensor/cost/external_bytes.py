# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bytes that cross external memory in one run, read off the boundaries of the kernels.

The boundary of a kernel is its DMA (`dataflow.kernel`), so each operand and result moves every token of its itensor,
replayed tokens every time. At the dataflow level each linalg operation is a kernel, which gives the traffic of a design
without fusion; at the fused level the kernels are the fusion groups.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from streamtensor.cost.on_chip import Holds, device_functions
from streamtensor.dialects.dataflow import ITensorType, KernelOp
from streamtensor.ir import func
from streamtensor.ir.builtin import ModuleOp, TensorType, VectorType
from streamtensor.ir.core import Attribute, BlockArgument, Operation, SSAValue
from streamtensor.transforms.build import source_hint
from streamtensor.transforms.parameters import parameter_arguments, view_source

Direction = Literal["read", "write"]


@dataclass(frozen=True)
class Traffic:
    """What one operand or result of a kernel moves in one launch, and how often a run launches the kernel.

    `data_bytes` is the tensor itself, `bytes` what is streamed: a tensor that is replayed n times counts n times.
    `word_bits` is what the port moves in one cycle: the element of the tensor outside.
    """

    function: str
    kernel: str
    name: str
    direction: Direction
    holds: Holds
    data_bytes: int
    bytes: int
    launches: int
    word_bits: int

    @property
    def run_bytes(self) -> int:
        """Bytes of all launches of one run."""
        return self.bytes * self.launches


@dataclass(frozen=True)
class ExternalBytes:
    """The sums of a run, in bytes: parameters, tensors between kernels, and inputs and outputs of the functions."""

    parameter: int
    intermediate: int
    boundary: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.parameter + self.intermediate + self.boundary


def external_traffic(module: ModuleOp) -> list[Traffic]:
    """What crosses external memory, an entry for each operand and each result of each kernel.

    `module` is at the dataflow level (unfused) or at the fused level.
    """
    parameters = parameter_arguments(module)
    launches = _launches(module)
    found: list[Traffic] = []
    for function in device_functions(module):
        name = function.sym_name.data
        for kernel in [op for op in function.body.block.ops if isinstance(op, KernelOp)]:
            found += _kernel_traffic(kernel, function, parameters.get(name, {}), launches.get(name, 0))
    return found


def external_bytes(traffic: Iterable[Traffic]) -> ExternalBytes:
    """The bytes of one run, split by what they are."""
    sums = {"parameter": 0, "intermediate": 0, "boundary": 0}
    for one in traffic:
        sums[one.holds] += one.run_bytes
    return ExternalBytes(**sums)


def _kernel_traffic(
    kernel: KernelOp, function: func.FuncOp, parameters: Container[int], launches: int
) -> Iterator[Traffic]:
    arguments = kernel.body.block.args
    for operand, argument in zip(kernel.ins, arguments, strict=False):
        source = view_source(operand)
        holds: Holds = "intermediate"
        if isinstance(source, BlockArgument):
            holds = "parameter" if source.index in parameters else "boundary"
        yield _traffic(kernel, function, source_hint(source), "read", holds, argument.type, operand.type, launches)
    for number, (result, argument) in enumerate(zip(kernel.results_, arguments[len(kernel.ins) :], strict=True)):
        holds = "boundary" if _is_returned(result) else "intermediate"
        name = f"result_{number}"
        yield _traffic(kernel, function, name, "write", holds, argument.type, result.type, launches)


def _traffic(
    kernel: KernelOp,
    function: func.FuncOp,
    name: str,
    direction: Direction,
    holds: Holds,
    type: Attribute,
    outside: Attribute,
    launches: int,
) -> Traffic:
    assert isinstance(type, ITensorType)  # until materialize-kernels
    assert isinstance(outside, TensorType)
    element = outside.element_type
    lanes = element.element_count() if isinstance(element, VectorType) else 1
    layout = type.layout
    return Traffic(
        function.sym_name.data,
        kernel.kernel_name,
        name,
        direction,
        holds,
        ceil(prod(layout.data_shape) * type.scalar_bits / 8),
        ceil(layout.num_tokens * layout.elements_per_token * type.scalar_bits / 8),
        launches,
        lanes * type.scalar_bits,
    )


def _is_returned(value: SSAValue) -> bool:
    """Whether the function gives `value` back, through views."""
    return any(
        isinstance(use.operation, func.ReturnOp) or (_is_view(use.operation) and _is_returned(use.operation.results[0]))
        for use in value.uses
    )


def _is_view(op: Operation) -> bool:
    return len(op.results) == 1 and view_source(op.results[0]) is not op.results[0]


def _launches(module: ModuleOp) -> dict[str, int]:
    """How often a run calls each function."""
    found: dict[str, int] = {}
    for op in module.walk():
        if isinstance(op, func.CallOp):
            name = op.callee.string_value()
            found[name] = found.get(name, 0) + 1
    return found
