# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which programs of a model are on the device at one time, and what each gets of external memory then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from streamtensor.cost.resources import Resources
from streamtensor.flow.block_designs import Design
from streamtensor.report.results import Fit
from streamtensor.spaces.wide_choices import PARTS, Part
from streamtensor.targets import Device
from streamtensor.targets.channels import MemoryPlan, plan_each

TOGETHER: tuple[tuple[Part, ...], ...] = (PARTS,)
RELOADED: tuple[tuple[Part, ...], ...] = (("prefill",), ("decode", "head"))
"""A token needs decode and head, so that only a prompt can have a bitstream of its own."""

ResourcesOf = Callable[[Design, MemoryPlan], Resources]

_LEVERS = {
    "dsp": "narrower products or a larger device",
    "bram36": "shorter prompts, fewer slices of weights or a larger device",
    "uram": "shorter prompts or a larger device",
    "lutram_bits": "fewer lanes or a larger device",
    "ports": "fewer slices of weights or a device with more ports",
}


@dataclass(frozen=True)
class Residency:
    """The bitstreams, each with the programs that are resident together; the design, the memory plan and the resources
    of each part. `shortages` say why not all programs are together, or for "none" why not even a reload between prompt
    and tokens helps.
    """

    fits: Fit
    bitstreams: tuple[tuple[Part, ...], ...]
    designs: Mapping[Part, Design]
    plans: Mapping[Part, MemoryPlan]
    resources: Mapping[Part, Resources]
    shortages: tuple[str, ...]


def find_residency(
    designs: Mapping[Part, Design], device: Device, resources_of: ResourcesOf, prefetch_bits: Sequence[int] = ()
) -> Residency:
    """The fewest bitstreams in which the designs fit the device.

    Where too little block RAM keeps them from being together, the FIFOs behind the weights of each part get the first
    of `prefetch_bits` with which they fit, before a reload is thought of. A part that is too large by itself is not
    helped by a reload: then `fits` is "none", the shortages name the part, and the plans are those of two bitstreams.
    """
    together = _try(TOGETHER, designs, device, resources_of)
    for bits in prefetch_bits:
        if "bram36" not in _together(together.resources).over(device):
            break
        smaller: dict[Part, Design] = {part: replace(one, prefetch_bits=bits) for part, one in designs.items()}
        together = _try(TOGETHER, smaller, device, resources_of)
    if not together.shortages:
        return together
    reloaded = _try(RELOADED, designs, device, resources_of)
    fits: Fit = "none" if reloaded.shortages else "reload"
    shortages = reloaded.shortages or together.shortages
    return replace(reloaded, fits=fits, shortages=shortages)


def _try(
    bitstreams: tuple[tuple[Part, ...], ...],
    designs: Mapping[Part, Design],
    device: Device,
    resources_of: ResourcesOf,
) -> Residency:
    plans: dict[Part, MemoryPlan] = {}
    resources: dict[Part, Resources] = {}
    shortages: list[str] = []
    for parts in bitstreams:
        plan, too_many = place([designs[part] for part in parts], device)
        mine: dict[Part, Resources] = {part: resources_of(designs[part], plan) for part in parts}
        plans |= dict.fromkeys(parts, plan)
        resources |= mine
        shortages += [*([f"{_names(parts)}: {too_many}"] if too_many else []), *_shortages(mine, device)]
    return Residency("together", bitstreams, designs, plans, resources, tuple(shortages))


def place(designs: Sequence[Design], device: Device) -> tuple[MemoryPlan, str]:
    """The memory accesses of designs that are resident together, and why they can't be, if so."""
    kernels = [kernel for design in designs for kernel in design.kernels]
    plan, too_many = plan_each([dma for kernel in kernels for dma in kernel.dmas], device)
    return plan, str(too_many or "")


def _shortages(resources: Mapping[Part, Resources], device: Device) -> list[str]:
    """What there is too little of, first for parts that need more than there is by themselves."""
    found: list[str] = []
    alone: set[str] = set()
    for part, one in resources.items():
        for name, (need, have) in one.over(device).items():
            alone.add(name)
            found.append(_shortage((part,), name, need, have))
    total = _together(resources)
    for name, (need, have) in total.over(device).items():
        if name not in alone and len(resources) > 1:
            found.append(_shortage(tuple(resources), name, need, have))
    return found


def _together(resources: Mapping[Part, Resources]) -> Resources:
    total = Resources()
    for one in resources.values():
        total += one
    return total


def _shortage(parts: tuple[Part, ...], name: str, need: float, have: float) -> str:
    return (
        f"{_names(parts)}: {name} {need:,.0f} needed, {have:,.0f} available, {need - have:,.0f} too few;"
        f" what helps: {_LEVERS[name]}"
    )


def _names(parts: Sequence[Part]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]} together" if len(parts) > 1 else f"{parts[0]} alone"
