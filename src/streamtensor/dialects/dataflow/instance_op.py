# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The itensor that becomes a FIFO, and who is at its ends."""

from __future__ import annotations

from streamtensor.dialects.dataflow.types import ITensorType
from streamtensor.dialects.dataflow.view_ops import View
from streamtensor.ir.builtin import IntegerAttr, StringAttr, i64
from streamtensor.ir.core import Block, Operation, SSAValue, Use, VerifyException
from streamtensor.ir.irdl import IRDLOperation, Parser, Printer, irdl_op_definition, opt_prop_def, prop_def, result_def


@irdl_op_definition
class ITensorInstanceOp(IRDLOperation):
    """An itensor of its own in the hardware: a FIFO with a name that is unique in its kernel, one producer and one
    consumer.

    An `itensor_empty` is only a value, and equal ones may be merged. An instance is not: two instances are two
    FIFOs. `depth` is in tokens, once it is known.
    """

    name = "dataflow.itensor_instance"

    sym_name = prop_def(StringAttr)
    depth = opt_prop_def(IntegerAttr.constr(i64))
    result = result_def(ITensorType)

    def __init__(self, name: str, itensor: ITensorType, depth: int | None = None) -> None:
        super().__init__(
            result_types=[itensor],
            properties={
                "sym_name": StringAttr(name),
                "depth": None if depth is None else IntegerAttr(depth, i64),
            },
        )
        self.result.name_hint = name

    @property
    def fifo_name(self) -> str:
        """The name, unique in its kernel."""
        return self.sym_name.data

    def print(self, printer: Printer) -> None:
        """`%s = dataflow.itensor_instance "load_x_to_matmul" depth 2 : type`, without `depth` before it is known."""
        printer.print_string(" ")
        printer.print_string_literal(self.fifo_name)
        if self.depth is not None:
            printer.print_string(f" depth {self.depth.value.data}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.result.type)

    @classmethod
    def parse(cls, parser: Parser) -> ITensorInstanceOp:
        """The inverse of `print`."""
        name = parser.parse_str_literal()
        depth = parser.parse_integer() if parser.parse_optional_keyword("depth") else None
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        itensor = parser.parse_type()
        if not isinstance(itensor, ITensorType):
            parser.raise_error(f"expected an itensor type, not {itensor}")
        made = cls(name, itensor, depth)
        made.attributes.update(attributes)
        return made

    def verify_(self) -> None:
        if self.depth is not None and self.depth.value.data < 1:
            raise VerifyException(f"FIFO {self.fifo_name} has depth {self.depth.value.data}; the least is 1")
        uses = list(self.result.uses)
        if len(uses) > 1:
            raise VerifyException(f"FIFO {self.fifo_name} has {len(uses)} producers; one task writes a FIFO")
        for use in uses:
            written = result_of(use)
            if written is None:
                raise VerifyException(f"FIFO {self.fifo_name} is used by {use.operation.name}, which does not write it")
            readers = consumers(written)
            if len(readers) > 1:
                raise VerifyException(f"FIFO {self.fifo_name} has {len(readers)} consumers; one task reads a FIFO")


def result_of(use: Use) -> SSAValue | None:
    """The result that starts at the destination `use`: destinations are the last operands, in the order of the results.

    None when the use is no destination.
    """
    op = use.operation
    number = len(op.results) - len(op.operands) + use.index
    if number < 0 or op.results[number].type != op.operands[use.index].type:
        return None
    return op.results[number]


def consumers(value: SSAValue) -> list[Operation]:
    """The operations beside the definition of `value` (tasks, as a rule) that take its tokens, also under other types,
    in the order of their first use, each once.
    """
    owner = value.owner
    block = owner if isinstance(owner, Block) else owner.parent
    assert block is not None
    found: dict[Operation, None] = {}
    for use in value.uses:
        if isinstance(use.operation, View):
            found.update(dict.fromkeys(consumers(use.operation.result)))
        else:
            found[_beside(use.operation, block)] = None
    return list(found)


def _beside(op: Operation, block: Block) -> Operation:
    """The operation of `block` in which `op` stands, or `op` itself."""
    while op.parent is not block:
        parent = op.parent_op()
        assert parent is not None
        op = parent
    return op
