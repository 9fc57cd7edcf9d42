# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A walk over operations in time that does not depend on how deep they stand.

The framework walks with a generator inside of a generator for each operation, block and region, and each operation
comes up through all of them. Passes walk all of a module again and again, so this is a sixth of a compilation.
"""

from collections.abc import Iterator, Sequence

from xdsl.ir import Operation, Region


def walk(op: Operation) -> Iterator[Operation]:
    """The operation and all inside of it, each before what it holds, in the order of the text.

    As in the framework's own walk, the next operation of a block is looked up before the present one is handed out, so
    that this one may be moved or erased, and what it holds is looked at afterwards.
    """
    yield op
    waiting = [_operations(op.regions)]
    while waiting:
        following = next(waiting[-1], None)
        if following is None:
            waiting.pop()
            continue
        yield following
        if following.regions:
            waiting.append(_operations(following.regions))


def _operations(regions: Sequence[Region]) -> Iterator[Operation]:
    for region in regions:
        for block in region.blocks:
            op = block.first_op
            while op is not None:
                following = op.next_op
                yield op
                op = following
