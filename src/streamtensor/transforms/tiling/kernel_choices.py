# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be chosen for one kernel, as text and as attributes of its linalg operation.

A choice is written `tile.NAME.LOOP=SIZE`, `unroll.NAME=COUNT`, `order.NAME=LOOP,LOOP,...` or `group.NAME=1`; NAME is
what name-kernels called the operation. The attributes go with the operation into its task and its loops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from streamtensor.diagnostics import UserError
from streamtensor.ir import linalg
from streamtensor.ir.builtin import DenseArrayBase, IntegerAttr, StringAttr, UnitAttr, i64
from streamtensor.ir.core import Operation

KERNEL = "dataflow.kernel"
"""The name of a kernel, on its linalg operation and on its task."""

WANTED_TILE = "dataflow.wanted_tile"
"""The tile that is wanted for each loop of a linalg operation; 0 leaves it to default-tiling."""

LANES = "dataflow.lanes"
"""How many iterations of a tile a task does at once, at most."""

STARTS_GROUP = "dataflow.starts_group"
"""The kernel, and what follows it, are not fused with what stands before it."""

KINDS = ("tile", "unroll", "order", "group")


@dataclass
class KernelChoices:
    """What is chosen for one kernel: the wanted tile by loop, iterations at once (0: by the rule for all), the order
    of its loops (empty: by the rule), and whether a group of kernels starts with it.
    """

    tiles: dict[int, int] = field(default_factory=dict[int, int])
    lanes: int = 0
    order: tuple[int, ...] = ()
    starts_group: bool = False


def parse_choices(texts: Iterable[str]) -> dict[str, KernelChoices]:
    """The choices of each kernel by its name. Raises UserError ST0801 for a text that is none."""
    found: dict[str, KernelChoices] = {}
    for text in texts:
        place, _, value = text.partition("=")
        kind, _, name = place.partition(".")
        loop = ""
        if kind == "tile":
            name, _, loop = name.rpartition(".")
        try:
            numbers = tuple(int(part) for part in value.split(","))
            if kind not in KINDS or not name:
                raise ValueError
            _add(found.setdefault(name, KernelChoices()), kind, loop, numbers)
        except ValueError as error:
            raise UserError(
                "ST0801",
                f"'{text}' is no choice of a kernel",
                hint="write tile.NAME.LOOP=SIZE, unroll.NAME=COUNT, order.NAME=LOOP,LOOP or group.NAME=1",
            ) from error
    return found


def write_choices(generic: linalg.GenericOp, choices: KernelChoices) -> None:
    """Writes the choices on an operation. Raises UserError ST0801 for loops that it does not have."""
    loops = range(len(generic.iterator_types))
    if any(loop not in loops for loop in choices.tiles):
        raise _wrong(generic, f"tile of loop {max(choices.tiles)}", f"it has the loops 0 to {len(loops) - 1}")
    if any(choices.tiles.values()):
        wanted = [choices.tiles.get(loop, 0) for loop in loops]
        generic.attributes[WANTED_TILE] = DenseArrayBase.from_list(i64, wanted)
    if choices.lanes:
        generic.attributes[LANES] = IntegerAttr(choices.lanes, i64)
    if choices.order:
        kinds = [kind.data == linalg.IteratorType.PARALLEL for kind in generic.iterator_types]
        parallel = [kinds[loop] for loop in choices.order if loop in loops]
        if sorted(choices.order) != list(loops) or parallel != sorted(parallel, reverse=True):
            raise _wrong(generic, f"order {choices.order}", "name each loop once, reductions innermost")
        generic.attributes["dataflow.order"] = DenseArrayBase.from_list(i64, list(choices.order))
    if choices.starts_group:
        generic.attributes[STARTS_GROUP] = UnitAttr()


def wanted_tile(generic: linalg.GenericOp, loop: int) -> int:
    """The tile that is wanted for a loop, 0 where none is."""
    attribute = generic.attributes.get(WANTED_TILE)
    return int(attribute.get_values()[loop]) if isinstance(attribute, DenseArrayBase) else 0


def lanes_of(op: Operation) -> int:
    """How many iterations at once were chosen for an operation, 0 where nothing was."""
    attribute = op.attributes.get(LANES)
    return attribute.value.data if isinstance(attribute, IntegerAttr) else 0


def kernel_name(op: Operation) -> str:
    """The name of the kernel that an operation was made of, "" where there is none."""
    attribute = op.attributes.get(KERNEL)
    return attribute.data if isinstance(attribute, StringAttr) else ""


def carry(source: Operation, targets: Iterable[Operation], names: Sequence[str] = (KERNEL, LANES)) -> None:
    """Gives the attributes `names` of an operation to what is made of it."""
    for name in names:
        if name in source.attributes:
            for target in targets:
                target.attributes[name] = source.attributes[name]


def _add(choices: KernelChoices, kind: str, loop: str, numbers: tuple[int, ...]) -> None:
    if kind == "order":
        choices.order = numbers
        return
    (number,) = numbers
    if number < 0:
        raise ValueError
    if kind == "tile":
        choices.tiles[int(loop)] = number
    elif kind == "unroll":
        choices.lanes = number
    else:
        choices.starts_group = bool(number)


def _wrong(generic: linalg.GenericOp, what: str, hint: str) -> UserError:
    return UserError("ST0801", f"{what} can't be chosen for the kernel {kernel_name(generic)}", hint=hint)
