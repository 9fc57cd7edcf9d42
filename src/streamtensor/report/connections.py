# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the tasks of fused kernels are connected: directly, or by which converter, and how small that could be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamtensor.algebra import live_elements_bound, same_order
from streamtensor.cost.on_chip import device_functions
from streamtensor.dialects.dataflow import (
    ExternKernelOp,
    ITensorConverterOp,
    ITensorReadOp,
    ITensorType,
    KernelOp,
    TaskOp,
    task_around,
)
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import OpResult, SSAValue


@dataclass(frozen=True)
class Connection:
    """A stream inside a kernel that is made by `producer` and read by `readers` tasks in the order `result`.

    `bits` is what lies between (0 when the orders are equal), all copies; `elements` one copy of it. `bound` is the
    certified least number of elements that are alive at once between the two orders (one token when they are equal).
    """

    kernel: str
    producer: str
    source: ITensorType
    result: ITensorType
    readers: int
    shared_loops: int
    elements: int
    bits: int
    bound: int

    @property
    def is_direct(self) -> bool:
        """Whether there is no converter."""
        return self.bits == 0

    @property
    def has_equal_orders(self) -> bool:
        """Whether none is needed."""
        return same_order(self.source.layout, self.result.layout)

    @property
    def bound_bits(self) -> int:
        """The bound in bits."""
        return self.bound * self.source.scalar_bits

    @property
    def ratio(self) -> float:
        """One copy of the buffer against the bound; 1 when there is no buffer."""
        return self.elements / self.bound if self.elements else 1.0

    def as_json(self) -> dict[str, Any]:
        """As values that the json module writes."""
        return {
            "kernel": self.kernel,
            "producer": self.producer,
            "readers": self.readers,
            "source": str(self.source),
            "result": str(self.result),
            "shared_loops": self.shared_loops,
            "bits": self.bits,
            "live_elements_bound": self.bound,
            "ratio": round(self.ratio, 4),
        }


def connections(module: ModuleOp) -> list[Connection]:
    """Every connection between tasks of a module at the fused level, each converter once."""
    return list(_connections(module))


def _connections(module: ModuleOp) -> Iterator[Connection]:
    for function in device_functions(module):
        for kernel in [op for op in function.body.block.ops if isinstance(op, KernelOp)]:
            for op in kernel.body.block.ops:
                if isinstance(op, ITensorConverterOp):
                    yield _converter(kernel, op)
                for result in op.results if isinstance(op, TaskOp | ExternKernelOp) else ():
                    readers = _readers(result)
                    if isinstance(result.type, ITensorType) and readers:
                        tokens = result.type.layout.elements_per_token
                        yield Connection(
                            kernel.kernel_name, _name(result), result.type, result.type, readers, 0, 0, 0, tokens
                        )


def _converter(kernel: KernelOp, op: ITensorConverterOp) -> Connection:
    source, result = op.source.type, op.result.type
    assert isinstance(source, ITensorType)
    assert isinstance(result, ITensorType)
    converter = op.converter
    return Connection(
        kernel.kernel_name,
        _name(op.source),
        source,
        result,
        _readers(op.result),
        converter.shared_loops,
        converter.elements,
        converter.ping_pong_bits(source.scalar_bits),
        live_elements_bound(source.layout, result.layout),
    )


def _name(value: SSAValue) -> str:
    if isinstance(value, OpResult) and isinstance(value.op, TaskOp | ExternKernelOp):
        return value.op.task_name
    return value.name_hint or "input"


def _readers(value: SSAValue) -> int:
    """How many tasks and hand-written kernels read `value` as it is."""
    by_hand = {use.operation for use in value.uses if isinstance(use.operation, ExternKernelOp)}
    return len({task_around(use.operation) for use in value.uses if isinstance(use.operation, ITensorReadOp)} | by_hand)
