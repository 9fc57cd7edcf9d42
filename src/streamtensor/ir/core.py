# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations, regions, builders, rewriting and passes of the IR framework, under one import."""

from xdsl.builder import Builder, ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import (
    Attribute,
    Block,
    BlockArgument,
    Data,
    Dialect,
    Operation,
    OpResult,
    ParametrizedAttribute,
    Region,
    SSAValue,
    TypeAttribute,
    Use,
)
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import (
    EffectInstance,
    IsolatedFromAbove,
    IsTerminator,
    MemoryEffect,
    MemoryEffectKind,
    NoMemoryEffect,
    Pure,
    RecursiveMemoryEffect,
    SingleBlockImplicitTerminator,
    SymbolOpInterface,
    SymbolTable,
)
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination
from xdsl.transforms.dead_code_elimination import DeadCodeElimination
from xdsl.utils.exceptions import ParseError, PassFailedException, VerifyException

__all__ = [
    "AbstractYieldOperation",
    "AffineBinaryOpExpr",
    "AffineBinaryOpKind",
    "AffineConstantExpr",
    "AffineDimExpr",
    "AffineExpr",
    "AffineMap",
    "Attribute",
    "Block",
    "BlockArgument",
    "Builder",
    "CanonicalizePass",
    "CommonSubexpressionElimination",
    "Context",
    "Data",
    "DeadCodeElimination",
    "Dialect",
    "EffectInstance",
    "GreedyRewritePatternApplier",
    "ImplicitBuilder",
    "InsertPoint",
    "IsTerminator",
    "IsolatedFromAbove",
    "MemoryEffect",
    "MemoryEffectKind",
    "ModulePass",
    "NoMemoryEffect",
    "OpResult",
    "Operation",
    "ParametrizedAttribute",
    "ParseError",
    "PassFailedException",
    "PatternRewriteWalker",
    "PatternRewriter",
    "Pure",
    "RecursiveMemoryEffect",
    "Region",
    "RewritePattern",
    "Rewriter",
    "SSAValue",
    "SingleBlockImplicitTerminator",
    "SymbolOpInterface",
    "SymbolTable",
    "TypeAttribute",
    "Use",
    "VerifyException",
    "op_type_rewrite_pattern",
]
