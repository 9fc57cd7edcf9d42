# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The declaration language in which our dialects are written, under one import."""

from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    attr_def,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    lazy_traits_def,
    operand_def,
    opt_attr_def,
    opt_prop_def,
    param_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_region_def,
    var_result_def,
)
from xdsl.parser import AttrParser, Parser
from xdsl.printer import Printer

__all__ = [
    "AttrParser",
    "AttrSizedOperandSegments",
    "IRDLOperation",
    "ParsePropInAttrDict",
    "Parser",
    "Printer",
    "VarConstraint",
    "attr_def",
    "base",
    "irdl_attr_definition",
    "irdl_op_definition",
    "lazy_traits_def",
    "operand_def",
    "opt_attr_def",
    "opt_prop_def",
    "param_def",
    "prop_def",
    "region_def",
    "result_def",
    "traits_def",
    "var_operand_def",
    "var_region_def",
    "var_result_def",
]
