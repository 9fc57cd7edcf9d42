# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor results` on a small model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from quantized_models import TINY
from streamtensor.cli.results_command import command
from streamtensor.diagnostics import UserError
from streamtensor.flow.results import results, results_json
from streamtensor.models.huggingface import config_of
from streamtensor.report.latency import LAUNCHES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMTENSOR_CACHE", str(tmp_path / "cache"))
    config_of("gpt2", TINY["gpt2"] | {"n_positions": 128}).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_rows_of_a_small_model(folder: Path) -> None:
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
    for row in found.rows:
        assert row.latency_ms == pytest.approx(row.ttft_ms + row.output / row.tokens_per_s * 1e3)
        assert 0 < row.memory_roof_share < 1
        assert 0 < row.dsp_roof_share < 1
        assert row.provenance.startswith("simulated")
        assert ("no C++" in row.provenance) == (row.launch == "one")
    assert found.infeasible == ()
    assert {limit.part for limit in found.limits} == {"prefill", "decode", "head"}
    assert all(0 < limit.task_share <= 1 for limit in found.limits)
    again = results(str(folder), lengths=(32, 64))  # from the cache
    assert results_json(again) == results_json(found)
    board = results(str(folder), lengths=(32,), device="kv260")
    assert board.total.ports <= 4
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
