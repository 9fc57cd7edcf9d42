# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a module of MLIR's Python bindings to one of the IR framework, operation by operation.

Text would do as well, but the framework parses 1,000 to 2,000 operations a second and the integer arithmetic of a
quantised model has thousands; here only types and attributes are text, and each different one is parsed once.
"""

from collections.abc import Callable, Iterable
from typing import Any

from streamtensor.diagnostics import Location, UserError
from streamtensor.ir.builtin import ModuleOp, StringAttr
from streamtensor.ir.core import Attribute, Block, Context, Operation, Region, SSAValue
from streamtensor.ir.irdl import IRDLOperation
from streamtensor.ir.linalg import GenericOp
from streamtensor.ir.locations import LOC
from streamtensor.ir.text import parse_attribute

NO_OVERFLOW_FLAGS = "#arith.overflow<none>"
"""The default of a property that the framework does not know on every operation on which MLIR has it."""

Label = Callable[[Any], str]
"""The text of the location attribute that an operation gets; "" for none."""


def translate(operation: Any, context: Context, label: Label) -> ModuleOp:
    """The module of MLIR's Python bindings `operation` as one of the IR framework, not yet verified.

    The handles of `operation` are only read, and none is kept. `label` gives the location attribute of each operation.
    Raises UserError ST0104 for an operation, a type or an attribute that the framework does not know and for control
    flow between blocks.
    """
    made = _Translation(context, label).operation(operation)
    assert isinstance(made, ModuleOp)
    return made


class _Translation:
    """One module on its way: the values made so far, and the attributes and operations by their text."""

    def __init__(self, context: Context, label: Label) -> None:
        self._context = context
        self._label = label
        self._values: dict[Any, SSAValue] = {}
        self._attributes: dict[str, Attribute] = {}
        self._kinds: dict[str, tuple[type[Operation], frozenset[str]]] = {}

    def operation(self, source: Any) -> Operation:
        """`source` with all that it holds; its results are known from then on."""
        label = self._label(source)
        kind, known = self._kind(source.name, label)
        properties: dict[str, Attribute] = {}
        attributes: dict[str, Attribute] = {}
        for name, value in source.attributes.items():
            text = str(value)
            if text != NO_OVERFLOW_FLAGS:
                (properties if name in known else attributes)[name] = self._attribute(text, label)
        if label:
            attributes[LOC] = StringAttr(label)
        made = kind.create(
            operands=[self._values[value] for value in source.operands],
            result_types=self._types(source.results, label),
            properties=properties,
            attributes=attributes,
            regions=[self._region(region, label) for region in source.regions],
        )
        if isinstance(made, GenericOp):
            _name_arguments(made)
        self._values.update(zip(source.results, made.results, strict=True))
        return made

    def _region(self, source: Any, label: str) -> Region:
        blocks = list(source.blocks)
        if len(blocks) > 1:
            raise UserError("ST0104", "control flow is left after lowering", location=_place(label))
        return Region([self._block(block, label) for block in blocks])

    def _block(self, source: Any, label: str) -> Block:
        block = Block(arg_types=self._types(source.arguments, label))
        self._values.update(zip(source.arguments, block.args, strict=True))
        for op in source.operations:
            block.add_op(self.operation(op.operation))
        return block

    def _types(self, values: Iterable[Any], label: str) -> list[Attribute]:
        return [self._attribute(str(value.type), label) for value in values]

    def _attribute(self, text: str, label: str) -> Attribute:
        found = self._attributes.get(text)
        if found is None:
            try:
                found = parse_attribute(self._context, text)
            except UserError as error:
                raise UserError("ST0104", f"{text} is left after lowering", location=_place(label)) from error
            self._attributes[text] = found
        return found

    def _kind(self, name: str, label: str) -> tuple[type[Operation], frozenset[str]]:
        """The class of an operation, and which of its attributes are properties."""
        found = self._kinds.get(name)
        if found is None:
            kind = self._context.get_optional_op(name)
            if kind is None:
                raise UserError("ST0104", f"operation {name} is left after lowering", location=_place(label))
            known = kind.get_irdl_definition().properties if issubclass(kind, IRDLOperation) else ()
            found = self._kinds[name] = kind, frozenset(known)
        return found


def _name_arguments(op: GenericOp) -> None:
    """Calls a body's arguments what MLIR calls them: `in` for the elements of inputs, `out` for those of outputs."""
    arguments = op.body.block.args
    count = len(op.inputs)
    for argument in arguments[:count]:
        argument.name_hint = "in"
    for argument in arguments[count:]:
        argument.name_hint = "out"


def _place(label: str) -> Location | None:
    place, _, code = label.partition(" ")
    file, _, line = place.rpartition(":")
    return Location(file, int(line), code) if line.isdigit() else None
