# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The numbers of a compiled program, as `summary.json` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from streamtensor.algebra.external import PORT_BITS
from streamtensor.cost.external_bytes import external_bytes, external_traffic
from streamtensor.cost.on_chip import device_functions, fused_terms, unfused_terms
from streamtensor.dialects.dataflow import ITensorConverterOp, KernelOp, StreamOp, TaskOp
from streamtensor.ir.builtin import ModuleOp
from streamtensor.report.bounds import bound_facts
from streamtensor.report.connections import connections
from streamtensor.report.extern import extern_costs, extern_facts
from streamtensor.report.layers import layer_facts

_SHOWN = ("extern_kernels", "bounds", "layer_loops")
COUNTS = ("kernels", "kernels_before_fusion", "tasks", "fifos", "converters")

Facts = dict[str, Any]  # what one level says of a program, as JSON values


@dataclass(frozen=True)
class ProgramSummary:
    """What one program is made of; each unique function counts once, however often it is called.

    `levels` holds what was read off at each level: counts of `kernels`, `tasks`, `fifos`, `converters`, and `bits`,
    on-chip bits of intermediate results: `unfused` for whole tensors in ping-pong buffers, `fused` for what the
    design holds (`fifos` of it in FIFOs, `converters` in converter buffers, `local` in the tiles of tasks), and
    `weights` of tiles and FIFOs that hold parameters, `prefetch` of them in these FIFOs; `terms` lists them one by one.

    `converters_bound` is the certified least that one copy of all converter buffers can be; `connections` lists each
    with its ratio to it. `external_bytes` is what crosses external memory in one run, `unfused` and `fused`, the
    latter split into `parameter`, `intermediate` and `boundary`; `ports` lists it for each port with the bits of its
    words. `extern_kernels` has the figures of hand-written kernels, if there are any, `bounds` the run-time bounds of
    loops (`report.bounds`), `layer_loops` the kernels that run all layers in one launch (`report.layers`). `functions`
    says how often each function is called.
    """

    levels: Mapping[str, Facts]
    functions: Mapping[str, int] = field(default_factory=dict[str, int])

    def flat(self) -> Facts:
        """The figures of all levels together; a count whose level was not reached is None."""
        found: Facts = dict.fromkeys(COUNTS)
        bits: dict[str, int] = {}
        moved: dict[str, int] = {}
        for facts in self.levels.values():
            bits |= facts.get("bits", {})
            moved |= facts.get("external_bytes", {})
            found |= {name: value for name, value in facts.items() if name in (*COUNTS, *_SHOWN)}
        return {**found, "bits": bits, "external_bytes": moved, "functions": dict(self.functions)}

    def to_json(self) -> dict[str, Any]:
        """The figures, and behind them those of each level with every term."""
        return {**self.flat(), "levels": dict(self.levels)}


def count_ops(module: ModuleOp, kind: type[KernelOp | TaskOp | StreamOp | ITensorConverterOp]) -> int:
    """How many operations of a kind the device functions hold."""
    return sum(isinstance(op, kind) for function in device_functions(module) for op in function.walk())


def facts_of(level: str, module: ModuleOp, port_bits: int = PORT_BITS) -> Facts:
    """What can be read off a module at `level`; `port_bits` is the width of a port of the device."""
    match level:
        case "dataflow":
            terms = unfused_terms(module)
            return {
                "kernels_before_fusion": count_ops(module, KernelOp),
                "bits": {"unfused": sum(term.bits for term in terms)},
                "external_bytes": {"unfused": external_bytes(external_traffic(module)).total},
                "terms": [asdict(term) for term in terms],
            }
        case "fused":
            traffic, found = external_traffic(module), connections(module)
            return {
                "kernels": count_ops(module, KernelOp),
                "converters": count_ops(module, ITensorConverterOp),
                "external_bytes": {"fused": external_bytes(traffic).total, **asdict(external_bytes(traffic))},
                "bits": {"converters_bound": sum(c.bound_bits for c in found if not c.is_direct)},
                "connections": [connection.as_json() for connection in found],
                "ports": [{**asdict(port), "port_bits": port_bits} for port in traffic],
                **({"extern_costs": costs} if (costs := extern_costs(module)) else {}),
            }
        case "stream":
            terms = fused_terms(module)
            held = [term for term in terms if term.holds == "intermediate"]

            def part(kind: str) -> int:
                return sum(term.bits for term in held if term.kind == kind)

            return {
                "tasks": count_ops(module, TaskOp),
                "fifos": count_ops(module, StreamOp),
                "bits": {
                    "fused": sum(term.bits for term in held),
                    "fifos": part("fifo"),
                    "converters": part("converter"),
                    "local": part("local"),
                    "weights": sum(term.bits for term in terms if term.holds == "parameter"),
                    "prefetch": sum(t.bits for t in terms if t.holds == "parameter" and t.kind == "fifo"),
                },
                "terms": [asdict(term) for term in terms],
                **({"extern_kernels": externs} if (externs := extern_facts(module)) else {}),
                **({"bounds": bounds} if (bounds := bound_facts(module)) else {}),
                **({"layer_loops": loops} if (loops := layer_facts(module)) else {}),
            }
        case _:
            return {}


def total(programs: Mapping[str, ProgramSummary]) -> Facts:
    """The sums over all programs."""
    flat = [program.flat() for program in programs.values()]
    found: Facts = {}
    for name in COUNTS:
        numbers = [facts[name] for facts in flat]
        found[name] = None if None in numbers else sum(numbers)
    for kind in ("bits", "external_bytes"):
        sums: dict[str, int] = {}
        for facts in flat:
            for name, value in facts[kind].items():
                sums[name] = sums.get(name, 0) + value
        found[kind] = sums
    return found
