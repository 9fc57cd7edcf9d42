# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor results` on a small model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from quantized_models import TINY
from streamtensor.cli.results_command import command
from streamtensor.cost.resources import Resources
from streamtensor.diagnostics import UserError
from streamtensor.flow.block_designs import Design, KernelFacts, PerLayerError, Sized
from streamtensor.flow.residency import find_residency
from streamtensor.flow.results import results
from streamtensor.models.huggingface import config_of
from streamtensor.models.shapes import SHAPES, shape_config
from streamtensor.pipelines import choices_for
from streamtensor.report.latency import LAUNCHES
from streamtensor.report.results import results_json
from streamtensor.spaces.wide_choices import PARTS, Part, wide
from streamtensor.targets import device_names, load_device
from streamtensor.targets.channels import Access, Dma
from streamtensor.targets.operations import load_operations


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMTENSOR_CACHE", str(tmp_path / "cache"))
    config_of("gpt2", TINY["gpt2"] | {"n_positions": 128}).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_rows_of_a_small_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = results(str(folder), lengths=(32, 64))
    rows = {(row.input, row.launch): row for row in found.rows}
    assert set(rows) == {(length, launch) for length in (32, 64) for launch in LAUNCHES}
    layers, device = 2, found.device
    free, paid, one = (rows[32, launch] for launch in LAUNCHES)
    assert paid.ttft_ms == pytest.approx(free.ttft_ms + (layers + 1) * device.launch_overhead_us / 1e3)
    cycles = layers * found.cycles["prefill"][32] + found.cycles["head"][1]
    assert free.ttft_ms == pytest.approx(cycles / (device.clock_mhz * 1e3))
    assert paid.tokens_per_s < free.tokens_per_s
    assert one.tokens_per_s > paid.tokens_per_s
    # From one layer to the next on chip, and weights ahead: fewer cycles than the layers by themselves.
    assert one.ttft_ms - 2 * device.launch_overhead_us / 1e3 < free.ttft_ms
    assert 1e3 / one.tokens_per_s - 2 * device.launch_overhead_us / 1e3 < 1e3 / free.tokens_per_s
    feedback = {
        part: found.resources_one_launch[part].lutram_bits - found.resources[part].lutram_bits for part in PARTS
    }
    assert feedback["head"] == 0
    assert 0 not in (feedback["prefill"], feedback["decode"])  # other FIFOs, which may be less though there are more
    for row in found.rows:
        assert row.latency_ms == pytest.approx(row.ttft_ms + row.output / row.tokens_per_s * 1e3)
        assert 0 < row.memory_roof_share < 1
        assert 0 < row.dsp_roof_share < 1
        assert row.provenance.startswith("simulated")
        assert row.fits == "together"
    assert (found.fits, found.shortages) == ("together", ())
    assert {limit.part for limit in found.limits} == {"prefill", "decode", "head"}
    for limit in found.limits:
        shares = (limit.task_share, limit.channel_share, limit.memory_share, limit.dsp_share)
        assert all(0 < share <= 1 for share in shares)
        assert limit.memory_share <= limit.channel_share
    assert all(one.bits <= one.needed_bits or one.loss == 0 for one in found.prefetch.values())
    again = results(str(folder), lengths=(32, 64))  # from the cache
    assert results_json(again) == results_json(found)
    with monkeypatch.context() as patched:
        launch = Design.launch

        def no_decode(design: Design, accesses: Mapping[str, Access]) -> Sized:
            if design.part == "decode":
                raise PerLayerError("decode", "a reason")
            return launch(design, accesses)

        patched.setattr(Design, "launch", no_decode)
        mixed = next(row for row in results(str(folder), lengths=(32,)).rows if row.launch == "one")
    assert mixed.provenance.startswith("simulated; decode with a launch for each layer, since a reason")
    assert mixed.tokens_per_s == pytest.approx(paid.tokens_per_s)
    board = results(str(folder), lengths=(32,), device="kv260")
    assert board.fits != "none"
    assert all(one.ports <= board.device.axi_ports for one in board.resources.values())
    assert rows[32, "one"].tokens_per_s > next(r for r in board.rows if r.launch == "one").tokens_per_s


def test_more_tokens_than_positions(folder: Path) -> None:
    with pytest.raises(UserError, match="ST0105"):
        results(str(folder), lengths=(128,))


def test_unknown_model() -> None:
    found = CliRunner().invoke(command, ["gpt3-medium", "--json"])
    assert isinstance(found.exception, UserError)
    assert found.exception.code == "ST0102"


def test_json_has_the_promised_fields(folder: Path) -> None:
    value = json.loads(json.dumps(results_json(results(str(folder), lengths=(32,)))))
    wanted = {"model", "input", "output", "launch", "latency_ms", "ttft_ms", "tokens_per_s", "provenance"}
    assert all(wanted <= set(row) for row in value["rows"])
    assert value["provenance"]["cycles"] == "simulated"


U55C = load_device("u55c")


def designs(**amounts: Resources) -> dict[Part, Design]:
    """Designs of one kernel with the given resources, and a DMA each."""
    found: dict[Part, Design] = {}
    for part in PARTS:
        dmas = (Dma(f"{part} k", "load:0", 512, 1 << 14, "read"),)
        facts = KernelFacts("k", f"{part} k", amounts.get(part, Resources()), dmas, {"load:0": "weight"})
        design = Design(part, None, 1, None, choices_for(U55C), load_operations(U55C.family), 1, 0)
        design.__dict__["kernels"] = (facts,)
        found[part] = design
    return found


@pytest.mark.parametrize(
    ("prefill", "decode", "fits", "shortage"),
    [
        (5000, 4000, "together", ""),
        (6000, 4000, "reload", "prefill, decode and head together: dsp 10,000 needed, 9,024 available, 976 too few"),
        (9500, 10, "none", "prefill alone: dsp 9,500 needed, 9,024 available, 476 too few"),
        (10, 9500, "none", "decode alone: dsp 9,500 needed, 9,024 available, 476 too few"),
    ],
)
def test_a_part_that_is_too_large_by_itself_is_not_helped_by_a_reload(
    prefill: int, decode: int, fits: str, shortage: str
) -> None:
    found = find_residency(
        designs(prefill=Resources(prefill), decode=Resources(decode)),
        U55C,
        lambda design, plan: design.kernels[0].resources + Resources(ports=plan.ports(design.kernels[0].program)),
    )
    assert found.fits == fits
    assert len(found.shortages) == bool(shortage)
    assert not shortage or found.shortages[0].startswith(shortage)
    assert found.bitstreams == ((PARTS,) if fits == "together" else (("prefill",), ("decode", "head")))
    decode_plan = found.plans["decode"]
    assert decode_plan.total_ports == (3 if fits == "together" else 2)  # ports of all resident programs are counted


@pytest.mark.parametrize(("buffers", "bits"), [(1500, 500), (1985, 30), (2010, 10)])
def test_weights_are_loaded_less_far_ahead_where_programs_would_not_fit_together(
    buffers: int, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[Part, Design] = {part: replace(design, prefetch_bits=500) for part, design in designs().items()}
    facts = {part: design.kernels for part, design in designs().items()}
    monkeypatch.setattr(Design, "kernels", property(lambda design: facts[design.part]))
    found = find_residency(
        made,
        U55C,  # 2016 block RAMs; here a bit to load ahead in decode takes one
        lambda design, plan: Resources(bram36=buffers + design.prefetch_bits if design.part == "decode" else 0),
        (100, 30, 10),
    )
    fits = buffers + bits <= 2016
    assert found.fits == ("together" if fits else "none")
    assert {design.prefetch_bits for design in found.designs.values()} == {bits if fits else 500}


@pytest.mark.parametrize("device", device_names())
@pytest.mark.parametrize("model", SHAPES)
def test_wide_choices_follow_the_shape_and_the_device(model: str, device: str) -> None:
    family, board = shape_config(model).model_type, load_device(device)
    choices = {part: wide(choices_for(board), part, family, board) for part in PARTS}
    prefill, decode, head = choices["prefill"], choices["decode"], choices["head"]
    products = 4 + prefill.most_slices * (2 if model.startswith("gpt2") else 3)
    assert prefill.macs == prefill.row_tile * prefill.tile
    assert products * prefill.macs / 2 <= board.dsp / 2
    assert decode.tile * 4 <= board.axi_port_bits  # a word of weights goes through a port in one cycle
    assert head.tile * 8 <= board.axi_port_bits
    assert max(decode.most_slices, head.most_slices) <= max(1, board.axi_ports // 4)
    larger = replace(board, dsp=2 * board.dsp)
    assert wide(choices_for(larger), "prefill", family, larger).macs >= prefill.macs
