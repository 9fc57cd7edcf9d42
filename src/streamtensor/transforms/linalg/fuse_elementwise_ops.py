# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Merges elementwise operations into their consumers where nothing is computed more often."""

from dataclasses import dataclass

from streamtensor.ir import arith, func
from streamtensor.ir.builtin import ModuleOp
from streamtensor.ir.core import AffineExpr, AffineMap, Block, Context, InsertPoint, ModulePass, Rewriter
from streamtensor.ir.linalg import GenericOp, YieldOp
from streamtensor.ir.locations import LOC
from streamtensor.transforms.linalg.generics import (
    PARALLEL,
    Access,
    device_functions,
    generics,
    input_arguments,
    inputs,
    is_elementwise,
    is_removable,
    loops_known,
    outputs,
    rebuild,
    replace,
    replace_uses,
    terminator,
)
from streamtensor.transforms.linalg.indices import rewrite_indices
from streamtensor.transforms.linalg.maps import inverse, is_permutation, loop_of, substitute
from streamtensor.transforms.linalg.tidy_linalg import tidy, tidy_generic


@dataclass(frozen=True)
class FuseElementwiseOpsPass(ModulePass):
    """consumer(producer(%a))  -->  both bodies in one generic, where the producer's runs as often as before.

    The producer is elementwise (parallel loops, its result's map a permutation of them); all uses of its result
    are in this one consumer, all by the same map, and that map is a permutation of all the consumer's loops. A
    producer that computes nothing and only selects among its inputs (a cache with a new row in it) may also be read by
    a map that leaves out loops: like a copy it is no work.

    Right because then each iteration of the consumer reads the one element that one iteration of the producer
    makes, and no other iteration reads it: the number of operations executed stays exactly the same. So an
    activation never enters the matmul that reads it (the matmul's operand maps leave out a loop), nor a softmax's
    division the product with the values; a scale enters a row sum, and chains of elementwise operations become one,
    also around a value that several links of the chain read.

    The merged operation keeps the source line of the heavier part: a consumer that reduces, else the part with
    more operations in its body, else the consumer. Ends: every rewrite erases a generic.
    """

    name = "fuse-elementwise-ops"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Runs on every device function of the module."""
        for function in device_functions(op):
            tidy(function)
            while _fuse_all(function):
                pass
            tidy(function)


def _fuse_all(function: func.FuncOp) -> bool:
    """One sweep from the last generic to the first, so that a value with several readers meets them merged."""
    found = False
    for producer in reversed(generics(function)):
        consumer = _only_consumer(producer)
        if consumer is not None:
            _fuse(producer, consumer)
            found = True
    return found


def _only_consumer(producer: GenericOp) -> GenericOp | None:
    """The generic into which the law lets `producer` merge, or None."""
    if not is_elementwise(producer) or not is_removable(producer):
        return None
    readers = {use.operation for use in producer.results[0].uses}
    if len(readers) != 1:
        return None
    (consumer,) = readers
    if not isinstance(consumer, GenericOp) or producer.results[0] in consumer.outputs:
        return None
    reads = [access for access in inputs(consumer) if access.value is producer.results[0]]
    if len(set(reads)) != 1 or not (is_permutation(reads[0].map) or _may_repeat(producer, reads[0].map)):
        return None
    captured = any(producer.results[0] in inner.operands for inner in consumer.body.block.ops)
    rest = [access for access in inputs(consumer) if access != reads[0]]
    if captured or not loops_known([*_moved_inputs(producer, reads[0].map), *rest], outputs(consumer)):
        return None
    return consumer


def _may_repeat(producer: GenericOp, read: AffineMap) -> bool:
    """Whether the producer only selects, and a consumer's map makes it do so for each of several loops."""
    loops = [loop_of(expr) for expr in read.results]
    selects = all(isinstance(op, arith.SelectOp | YieldOp) for op in producer.body.block.ops)
    return selects and None not in loops and len(set(loops)) == len(loops)


def _loops_in_consumer(producer: GenericOp, read: AffineMap) -> list[AffineExpr]:
    """For each loop of the producer, the consumer's loop that takes its place."""
    return [read.results[place] for place in inverse(outputs(producer)[0].map)]


def _moved_inputs(producer: GenericOp, read: AffineMap) -> list[Access]:
    """The producer's inputs over the consumer's loops."""
    loops = _loops_in_consumer(producer, read)
    return [Access(access.value, substitute(access.map, loops, read.num_dims)) for access in inputs(producer)]


def _fuse(producer: GenericOp, consumer: GenericOp) -> None:
    reads = [access for access in inputs(consumer) if access.value is producer.results[0]]
    rest = [access for access in inputs(consumer) if access.value is not producer.results[0]]
    gone = [
        argument
        for access, argument in zip(inputs(consumer), input_arguments(consumer), strict=True)
        if access.value is producer.results[0]
    ]
    moved = _moved_inputs(producer, reads[0].map)
    location = _heavier(producer, consumer).attributes.get(LOC)
    rewrite_indices(producer.body.block, _loops_in_consumer(producer, reads[0].map))

    body, source = consumer.body.block, producer.body.block
    source.erase_arg(source.args[-1])  # elementwise: the output is not read
    taken = [body.insert_arg(argument.type, index) for index, argument in enumerate(source.args)]
    end = terminator(source)
    value = end.operands[0]
    if value in source.args:
        value = taken[source.args.index(value)]
    source.erase_op(end)
    Rewriter.inline_block(source, InsertPoint.at_start(body), taken)
    for argument in gone:
        replace_uses(argument, value)
        body.erase_arg(argument)

    fused = rebuild(consumer, [*moved, *rest], outputs(consumer))
    if location is not None:
        fused.attributes[LOC] = location
    replace(consumer, fused.results)
    assert producer.parent is not None
    producer.parent.erase_op(producer)
    tidy_generic(fused)


def _heavier(producer: GenericOp, consumer: GenericOp) -> GenericOp:
    """The part whose source line the merged operation keeps."""
    reduces = any(kind != PARALLEL for kind in consumer.iterator_types)
    return consumer if reduces or _weight(consumer.body.block) >= _weight(producer.body.block) else producer


def _weight(body: Block) -> int:
    return sum(op.name.startswith(("arith.", "math.")) and op.name != "arith.constant" for op in body.ops)
