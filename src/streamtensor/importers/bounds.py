# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a module says of its run-time bounds, as attributes of the program."""

from collections.abc import Iterable, Sequence

from streamtensor.ir import core, func
from streamtensor.ir.builtin import ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, i64
from streamtensor.models.run_time_bound import RunTimeBound

BOUND = "dataflow.bound"
"""Attribute of an argument or a result of `@main`: {of = NAME, dim = D}, see `models.run_time_bound`."""


def mark_bounds(module: ModuleOp, bounds: Iterable[RunTimeBound], inputs: Sequence[str]) -> None:
    """Marks arguments and results of `@main`, whose first arguments are the `inputs`, by name."""
    main = next(op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    for bound in bounds:
        mark = DictionaryAttr({"of": StringAttr(inputs[bound.of]), "dim": IntegerAttr(bound.dim, i64)})
        main.arg_attrs = _marked(main.arg_attrs, bound.inputs, mark)
        main.res_attrs = _marked(main.res_attrs, bound.outputs, mark)


def _marked(
    attributes: "ArrayAttr[DictionaryAttr] | None", numbers: Sequence[int], mark: core.Attribute
) -> "ArrayAttr[DictionaryAttr] | None":
    if attributes is None:
        return None
    return ArrayAttr(
        [DictionaryAttr({**old.data, BOUND: mark}) if n in numbers else old for n, old in enumerate(attributes)]
    )
