# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The JSON answers of `simulate` and `size`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamtensor.targets.memory_blocks import fifo_blocks
from streamtensor.timing.descent import bits_of
from streamtensor.timing.graph import Graph
from streamtensor.timing.prefetch import prefetched
from streamtensor.timing.simulator import Deadlock, Result
from streamtensor.timing.sizing import ParetoPoint, Sizing

_SIZED_BY = {"cycles": "simulated", "high_water": "simulated", "blocks": "model"}


def simulation_json(graph: Graph, result: Result) -> dict[str, Any]:
    """`cycles`, `tasks`, `fifos` and `deadlock` (null, or the waits).

    A pipelined task stands under its own name, and its processes under theirs.
    """
    tasks: dict[str, Any] = {}
    for group, parts in graph.groups.items():
        times = [result.tasks[part.name] for part in parts]
        starts = [one.start for one in times if one.start is not None]
        tasks[group] = {
            "start": min(starts, default=None),
            "end": max(one.end for one in times),
            "steps": max(one.steps for one in times),
            "busy_cycles": max(one.busy for one in times),
            "stalled_read_cycles": times[0].stalled_read,
            "stalled_write_cycles": times[-1].stalled_write,
        }
        if len(parts) > 1:
            tasks[group]["parts"] = [part.name for part in parts]
            for part, one in zip(parts, times, strict=True):
                tasks[part.name] = {
                    "start": one.start,
                    "end": one.end,
                    "steps": one.steps,
                    "busy_cycles": one.busy,
                    "stalled_read_cycles": one.stalled_read,
                    "stalled_write_cycles": one.stalled_write,
                }
    fifos: dict[str, Any] = {}
    for fifo in graph.fifos:
        use = result.fifos[fifo.name]
        fifos[fifo.name] = {
            "depth": fifo.depth,
            "bits": fifo.bits,
            "high_water": use.high_water,
            "tokens": use.tokens,
            "inner": fifo.inner,
        }
    return {
        "provenance": "simulated",
        "cycles": result.cycles,
        "deadlock": deadlock_json(result.deadlock),
        "tasks": tasks,
        "fifos": fifos,
    }


def sizing_json(graph: Graph, sizing: Sizing) -> dict[str, Any]:
    """`fifos`, `total_bits`, `cycles`, `cycles_unbounded`, `certificates`, and the first answers of all strategies."""
    evidence = sizing.certificates
    answer: dict[str, Any] = {
        "strategy": sizing.strategy,
        "provenance": _SIZED_BY,
        "fifos": {
            fifo.name: {
                "depth": sizing.depths[fifo.name],
                "bits": fifo.bits,
                "blocks": fifo_blocks(sizing.depths[fifo.name], fifo.bits),
                "high_water": sizing.result.fifos[fifo.name].high_water,
                "minimal": None if evidence.deadlock else fifo.name not in evidence.not_minimal,
                "prefetch": fifo.prefetch,
            }
            for fifo in graph.sized
        },
        "total_words": sum(sizing.depths.values()),
        "total_bits": sizing.bits,
        "total_blocks": blocks_of(graph, sizing.depths),
        "cycles": evidence.cycles,
        "cycles_unbounded": evidence.cycles_unbounded,
        "certificates": {
            "no_deadlock": {"holds": evidence.deadlock is None, "deadlock": deadlock_json(evidence.deadlock)},
            "latency": {
                "holds": evidence.deadlock is None and evidence.cycles <= sizing.prefetch.cycles,
                "slowdown_percent": None if evidence.deadlock else round(100 * sizing.slowdown, 3),
            },
            "locally_minimal": {
                "holds": evidence.deadlock is None and not evidence.not_minimal,
                "can_be_less": list(evidence.not_minimal),
            },
            "bits": {one.name: one.bits for one in sizing.candidates if one.depths is not None},
        },
        "strategies": [
            {
                "name": one.name,
                "words": None if one.depths is None else sum(one.depths.values()),
                "bits": None if one.depths is None else one.bits,
                "blocks": None if one.depths is None else blocks_of(graph, one.depths),
                "cycles": None if one.depths is None or one.deadlock else one.cycles,
                "deadlock": None if one.deadlock is None else str(one.deadlock),
                "reason": one.reason or None,
                "depths": one.depths,
            }
            for one in sizing.candidates
        ],
        "published_slower": [
            {"name": one.name, "cycles": one.cycles, "bits": one.bits, "as_fast_with_bits": one.descended_bits}
            for one in sizing.slower
        ],
        "prefetch": {
            "fifos": [fifo.name for fifo in prefetched(graph)],
            "bits": bits_of(prefetched(graph), sizing.depths),
            "needed_bits": sizing.prefetch.needed_bits,
            "cycles": sizing.prefetch.cycles,
            "loss_percent": round(100 * sizing.prefetch.loss, 3),
        },
        "simulations": sizing.simulations,
    }
    if sizing.optimum is not None:
        answer["exact"] = {
            "proved": sizing.optimum.proved,
            "bits": sizing.optimum.bits,
            "bound_bits": sizing.optimum.bound_bits,
            "gap_percent": round(100 * sizing.optimum.gap, 3),
        }
    return answer


def pareto_json(graph: Graph, points: list[ParetoPoint]) -> dict[str, Any]:
    """`points`: latency against bits, fastest first."""
    found = [
        {
            "cycles": point.cycles,
            "total_bits": point.bits,
            "total_blocks": blocks_of(graph, point.depths),
            "depths": point.depths,
        }
        for point in points
    ]
    return {"provenance": _SIZED_BY, "points": found}


def blocks_of(graph: Graph, depths: Mapping[str, int]) -> int:
    """Block RAMs of all FIFOs between tasks."""
    return sum(fifo_blocks(depths[fifo.name], fifo.bits) for fifo in graph.sized)


def deadlock_json(deadlock: Deadlock | None) -> dict[str, Any] | None:
    """The cycle of waits, or None."""
    if deadlock is None:
        return None
    return {
        "cycle": deadlock.cycle,
        "message": str(deadlock),
        "ended": deadlock.ended or None,
        "waits": [
            {
                "task": wait.task,
                "waits_to": wait.kind,
                "fifo": wait.fifo,
                "token": wait.token,
                "depth": wait.depth,
                "for": wait.other,
            }
            for wait in deadlock.waits
        ],
    }
