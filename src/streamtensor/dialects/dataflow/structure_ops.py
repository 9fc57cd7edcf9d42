# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels and tasks: what runs as one dataflow graph, and the processes inside it."""

from __future__ import annotations

from collections.abc import Sequence

from streamtensor.algebra.errors import LayoutError
from streamtensor.dialects.dataflow.instance_op import result_of
from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.dialects.tensor_ext.layouts import data_shape, layout_of, scalar_of
from streamtensor.ir.builtin import IndexType, MemRefType, StringAttr, TensorType
from streamtensor.ir.core import (
    AbstractYieldOperation,
    Attribute,
    IsolatedFromAbove,
    IsTerminator,
    Operation,
    Pure,
    RecursiveMemoryEffect,
    Region,
    SingleBlockImplicitTerminator,
    SSAValue,
    VerifyException,
)
from streamtensor.ir.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """What a task or a kernel gives."""

    name = "dataflow.yield"

    traits = lazy_traits_def(lambda: (IsTerminator(), Pure()))


@irdl_op_definition
class KernelOp(IRDLOperation):
    """One dataflow graph, isolated: tensors outside, itensors inside.

    `ins` are what it reads and `outs` the tensors in external memory that its results fill. An argument of the body is
    the itensor of its operand: the boundary *is* the DMA until `materialize-kernels` turns the argument into the
    tensor itself and adds a task that reads or writes it. On memrefs (stream level) a kernel has no results.
    """

    name = "dataflow.kernel"

    sym_name = prop_def(StringAttr)
    ins = var_operand_def()
    outs = var_operand_def()
    results_ = var_result_def()
    body = region_def("single_block")

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(IsolatedFromAbove(), SingleBlockImplicitTerminator(YieldOp))
    assembly_format = (
        "$sym_name (`ins` `(` $ins^ `:` type($ins) `)`)? (`outs` `(` $outs^ `:` type($outs) `)`)? $body "
        "(`->` type($results_)^)? attr-dict"
    )

    def __init__(
        self,
        name: str,
        ins: Sequence[SSAValue],
        outs: Sequence[SSAValue],
        body: Region,
    ) -> None:
        results = [value.type for value in outs if isinstance(value.type, TensorType)]
        super().__init__(
            operands=[list(ins), list(outs)],
            result_types=[results],
            regions=[body],
            properties={"sym_name": StringAttr(name)},
        )

    @property
    def kernel_name(self) -> str:
        """The name, unique in the module from fusion on."""
        return self.sym_name.data

    def verify_(self) -> None:
        operands = [*self.ins, *self.outs]
        arguments = self.body.block.args
        if len(arguments) != len(operands):
            raise VerifyException(f"the body has {len(arguments)} arguments for {len(operands)} ins and outs")
        for number, (operand, argument) in enumerate(zip(operands, arguments, strict=True)):
            _verify_boundary(number, operand.type, argument.type)
        outs = [value.type for value in self.outs if isinstance(value.type, TensorType)]
        if [value.type for value in self.results_] != outs:
            raise VerifyException("the results have the types of the outs")
        last = self.body.block.last_op
        assert isinstance(last, YieldOp)
        wanted = [argument.type for argument in arguments[len(self.ins) :]] if self.results_ else []
        if [value.type for value in last.arguments] != wanted:
            given = ", ".join(str(value.type) for value in last.arguments)
            raise VerifyException(f"yields ({given}) but its outs are ({', '.join(str(t) for t in wanted)})")
        for number, argument in enumerate(arguments[len(self.ins) :]):
            if isinstance(argument.type, ITensorType):
                _verify_result(number, argument)


@irdl_op_definition
class TaskOp(IRDLOperation):
    """A process inside a kernel; it reads itensors from around it and writes those that start at its `inits`."""

    name = "dataflow.task"

    sym_name = prop_def(StringAttr)
    inits = var_operand_def()
    results_ = var_result_def()
    body = region_def("single_block")

    traits = traits_def(SingleBlockImplicitTerminator(YieldOp), RecursiveMemoryEffect())
    assembly_format = "$sym_name (`inits` `(` $inits^ `:` type($inits) `)`)? $body (`->` type($results_)^)? attr-dict"

    def __init__(self, name: str, inits: Sequence[SSAValue], body: Region) -> None:
        super().__init__(
            operands=[list(inits)],
            result_types=[[value.type for value in inits]],
            regions=[body],
            properties={"sym_name": StringAttr(name)},
        )
        for result in self.results_:
            result.name_hint = name

    @property
    def task_name(self) -> str:
        """The name, unique in its kernel."""
        return self.sym_name.data

    def verify_(self) -> None:
        inits = [value.type for value in self.inits]
        arguments = [value.type for value in self.body.block.args]
        results = [value.type for value in self.results_]
        last = self.body.block.last_op
        assert isinstance(last, YieldOp)
        yielded = [value.type for value in last.arguments]
        if not inits == arguments == results == yielded:
            raise VerifyException(
                "the types of inits, arguments, yield and results are the same: "
                + "; ".join(", ".join(str(t) for t in types) for types in (inits, arguments, yielded, results))
            )


def _verify_result(number: int, argument: SSAValue) -> None:
    """The itensor of a result is where writes start, once; there is nothing in it to read."""
    uses = list(argument.uses)
    for use in uses:
        if isinstance(use.operation, YieldOp):
            raise VerifyException(f"yields result {number} as it came in: nothing is written into it")
        if result_of(use) is None:
            raise VerifyException(f"{use.operation.name} reads result {number}, into which the kernel writes")
    if len(uses) > 1:
        raise VerifyException(f"writes result {number} in {len(uses)} places; its writes are one chain")


def task_around(op: Operation) -> TaskOp | None:
    """The innermost task in which `op` stands; None outside of tasks."""
    current = op.parent_op()
    while current is not None and not isinstance(current, TaskOp):
        current = current.parent_op()
    return current


def _verify_boundary(number: int, outside: Attribute, inside: Attribute) -> None:
    """A tensor outside goes with the same tensor inside or with an itensor that covers it."""
    if isinstance(inside, ITensorType):
        if not isinstance(outside, TensorType):
            raise VerifyException(f"operand {number} is {outside}, but inside it is the itensor {inside}")
        rank = len(inside.data_shape)
        if scalar_of(outside) != inside.scalar or not _covers(outside, inside):
            shape = "x".join(str(n) for n in inside.data_shape)
            raise VerifyException(
                f"operand {number} is {outside}, but the itensor inside covers {shape} of {inside.scalar}: {inside}"
            )
        try:
            layout_of(outside, rank).words(inside.layout)
        except LayoutError as error:
            raise VerifyException(f"operand {number} is {outside}, but inside it is {inside}: {error}") from error
    elif outside != inside or not isinstance(outside, TensorType | MemRefType | IndexType):
        raise VerifyException(f"operand {number} is {outside} outside but {inside} inside")


def _covers(outside: TensorType[Attribute], inside: ITensorType) -> bool:
    """Whether the data of a tensor, packed or not, has the shape that the itensor covers."""
    try:
        return data_shape(outside, len(inside.data_shape)) == inside.data_shape
    except VerifyException:
        return False
