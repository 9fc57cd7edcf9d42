# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ports and channels of external memory."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamtensor.targets import Device, load_device
from streamtensor.targets.channels import Access, Dma, Infeasible, MemoryPlan, plan_each, plan_memory

U55C = load_device("u55c")


def dma(name: str, bytes: int, program: str = "decode", **other: Any) -> Dma:
    values: dict[str, Any] = {"token_bits": 512, "tokens": bytes // 64, "direction": "read", **other}
    return Dma(program, name, **values)


def plan(*dmas: Dma, device: Any = U55C) -> MemoryPlan:
    found = plan_memory(dmas, device)
    assert isinstance(found, MemoryPlan)
    return found


def access(found: MemoryPlan, name: str, program: str = "decode") -> Access:
    return found.accesses[program, name]


def test_a_stream_alone_has_a_channel_for_itself() -> None:
    one = access(plan(dma("cache", 1 << 20)), "cache")
    # 64 bytes at 425e9 / 32 / 250e6 = 53.125 bytes per cycle: 1.2047, in slots of 1/32
    assert (one.ports, one.channels, one.cycles_per_token) == ((0,), (0,), Fraction(39, 32))
    assert one.latency_cycles == 32  # 125 ns at 250 MHz, rounded up


def test_small_tensors_share_a_port_in_slots_by_their_bytes() -> None:
    found = plan(dma("bias", 3 << 10), dma("scale", 1 << 10), dma("weight", 1 << 20))
    bias, scale = access(found, "bias"), access(found, "scale")
    assert bias.ports == scale.ports != access(found, "weight").ports
    assert (bias.share, scale.share) == (Fraction(3, 4), Fraction(1, 4))
    assert float(scale.cycles_per_token) >= 4 * 64 / 53.125 > float(bias.cycles_per_token) > 64 / 53.125


def test_what_is_wanted_first_has_more_slots() -> None:
    found = plan(*(dma(f"p{place}", 4 << 10, weight=True, place=place) for place in (1, 2, 4)))
    shares = [access(found, f"p{place}").share for place in (1, 2, 4)]
    assert shares == [Fraction(4, 7), Fraction(2, 7), Fraction(1, 7)]
    assert len({access(found, f"p{place}").ports for place in (1, 2, 4)}) == 1


def test_what_one_task_reads_one_after_the_other_has_the_slots_of_all_of_it() -> None:
    one = [dma(f"load_parameters:{number}", size << 10) for number, size in enumerate((2, 1))]
    found = plan(*one, dma("mask:2", 1 << 10), dma("load_parameters:3", 4 << 10, direction="write"))
    shares = [access(found, name).share for name in ("load_parameters:0", "load_parameters:1", "mask:2")]
    assert shares == [Fraction(3, 8), Fraction(3, 8), Fraction(1, 8)]
    assert access(found, "load_parameters:3").share == Fraction(4, 8)


def test_what_one_task_loads_comes_through_one_port_in_slots_together() -> None:
    shared = [dma(f"load_parameters:{n}", size, weight=True) for n, size in enumerate((128 << 10, 64 << 10))]
    found = plan(*shared, dma("bias:2", 48 << 10, weight=True))
    first, second, other = (access(found, name) for name in ("load_parameters:0", "load_parameters:1", "bias:2"))
    assert first.ports == second.ports == other.ports
    assert first.share == second.share == Fraction(4, 5) == 1 - other.share


def test_small_inputs_do_not_wait_for_small_parameters() -> None:
    found = plan(dma("bias", 60 << 10, weight=True), dma("hidden", 4 << 10), dma("mask", 1 << 10))
    assert access(found, "hidden").ports == access(found, "mask").ports != access(found, "bias").ports


def test_weights_are_sliced_until_a_token_comes_every_cycle() -> None:
    weight = access(plan(dma("weight", 1 << 20, most_ports=8, token_bits=2048)), "weight")
    assert len(weight.ports) == 5  # 256 bytes per cycle at 53.125
    assert weight.cycles_per_token == 1
    kept = access(plan(dma("cache", 1 << 20, token_bits=2048)), "cache")
    assert len(kept.ports) == 1


def test_what_is_launched_more_often_gets_more_ports() -> None:
    wide: dict[str, Any] = {"most_ports": 32, "token_bits": 16384}
    found = plan(dma("w", 1 << 20, "prefill", **wide), dma("w", 1 << 20, "decode", launches=24, **wide))
    assert found.total_ports == 32
    assert found.ports("decode") > 3 * found.ports("prefill")


def ports(count: int) -> Device:
    return replace(U55C, axi_ports=count)


def test_too_many_streams_are_joined_and_too_many_programs_refused() -> None:
    board = ports(2)
    found = plan(*(dma(name, size << 20) for name, size in (("a", 1), ("b", 2), ("c", 9))), device=board)
    assert access(found, "a").ports == access(found, "b").ports != access(found, "c").ports
    refused = plan_memory([dma("x", 1 << 20, program) for program in ("prefill", "decode", "head")], board)
    assert isinstance(refused, Infeasible)
    assert "memory ports: 3 needed, 2 available" in str(refused)


def test_ports_are_joined_where_tensors_are_moved_side_by_side_before_where_they_wait() -> None:
    sizes = {"a": 1 << 17, "b": 1 << 18, "w": 1 << 22}
    prompt = [dma(name, size, "prefill", launches=24) for name, size in sizes.items()]
    token = [dma(name, size >> 1, "decode", launches=24) for name, size in sizes.items()]
    found = plan(*prompt, *(replace(one, stage="1" if one.name == "w" else "") for one in token), device=ports(5))
    assert (found.ports("prefill"), found.ports("decode")) == (2, 3)
    found = plan(*prompt, *token, device=ports(5))
    assert (found.ports("prefill"), found.ports("decode")) == (3, 2)


def test_programs_that_are_too_many_are_planned_each_alone() -> None:
    few = ports(2)
    dmas = [dma("w", 1 << 20, program) for program in ("a", "b", "c")]
    found, why = plan_each(dmas, few)
    assert why is not None
    assert (why.needed, why.available) == (3, 2)
    assert all(found.of(program)["w"].share == 1 for program in ("a", "b", "c"))
    together, fine = plan_each(dmas[:2], few)
    assert fine is None
    assert together == plan_memory(dmas[:2], few)


def test_ports_on_one_channel_share_it() -> None:
    board = load_device("kv260")
    found = plan(*(dma(name, 1 << 20, token_bits=128) for name in "abcd"), device=board)
    assert {one.channels for one in found.accesses.values()} == {(0,)}
    assert access(found, "a").cycles_per_token == 1  # four ports of 16 bytes are what the channel brings


def test_short_bursts_cost_their_overhead() -> None:
    strided = access(plan(dma("x", 1 << 20, burst_bytes=64)), "x")
    assert float(strided.cycles_per_token) >= 64 / 53.125 + 31 / 4


def test_a_small_slice_of_large_weights_takes_its_turn() -> None:
    slices = [dma(f"w{n}", size, weight=True, stage="stage 0") for n, size in enumerate((128 << 10, 48 << 10))]
    found = plan(*slices, dma("bias", 4 << 10, weight=True))
    assert len({access(found, name).ports for name in ("w0", "w1", "bias")}) == 3
    assert access(found, "w1").share == 1


def test_weights_of_different_stages_take_turns_with_all_of_a_port() -> None:
    found = plan(*(dma(f"{stage}.{part}", 1 << 20, stage=stage) for stage in ("fc", "proj") for part in range(2)))
    turns = {name: (access(found, name).ports, access(found, name).turn) for name in ("fc.0", "fc.1", "proj.0")}
    assert turns == {"fc.0": ((0,), 1), "fc.1": ((1,), 1), "proj.0": ((0,), 2)}
    assert access(found, "proj.0").cycles_per_token == Fraction(39, 32)


_DMAS = st.lists(
    st.builds(
        Dma,
        st.sampled_from(["prefill", "decode", "head"]),
        st.uuids().map(str),
        st.sampled_from([8, 32, 512, 2048]),
        st.integers(1, 1 << 16),
        st.sampled_from(["read", "write"]),
        st.booleans(),
        st.integers(1, 24),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda one: one.name,
)


@given(_DMAS, st.sampled_from(["u55c", "u280", "v80", "kv260"]))
def test_ports_are_the_devices_and_no_channel_gives_more_than_it_has(dmas: list[Dma], name: str) -> None:
    device = load_device(name)
    found = plan(*dmas, device=device)
    assert len(found.accesses) == len(dmas)
    assert found.total_ports <= device.axi_ports
    for program in {one.program for one in dmas}:
        mine = [one for one in found.accesses.values() if one.dma.program == program]
        ports = [port for one in mine for port in one.ports]
        assert sum(one.share for one in mine for _ in one.ports) <= len(set(ports))
        given_out: dict[int, float] = {}
        for one in mine:
            for channel in one.channels:
                rate = one.dma.token_bits / 8 / float(one.cycles_per_token) / len(one.channels)
                given_out[channel] = given_out.get(channel, 0.0) + rate
        limit = device.main_memory.channel_bytes_per_cycle(device.clock_mhz)
        assert max(given_out.values()) <= limit * (1 + 1e-9)
