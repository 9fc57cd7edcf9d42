# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Device files."""

from pathlib import Path

import pytest

from streamtensor import targets
from streamtensor.diagnostics import UserError, UserErrors
from streamtensor.targets import device_names, load_device

DEVICES = Path(targets.__file__).parent / "devices"


def test_every_device_file_loads_and_names_its_sources() -> None:
    assert device_names() == ["kv260", "u280", "u55c", "v80"]
    for name in device_names():
        device = load_device(name)
        assert device.name == name
        assert {"dsp", "bram36", "uram", "clock_mhz", "part", "memory[0].latency_ns"} <= set(device.sources)
        assert all(device.sources.values())


def test_u55c_is_the_device_of_the_published_results() -> None:
    device = load_device("u55c")
    assert (device.dsp, device.bram36, device.uram, device.clock_mhz, device.dies) == (9024, 2016, 960, 250.0, 3)
    assert device.on_chip_bits == pytest.approx(44.7e6 * 8, rel=1e-3)
    memory = device.main_memory
    assert (memory.kind, memory.channels) == ("hbm", 32)
    assert (memory.nominal_bytes_per_second, memory.measured_bytes_per_second) == (460e9, 425e9)
    assert memory.bytes_per_cycle(device.clock_mhz) == pytest.approx(1700)
    assert memory.channel_bytes == 512 * 2**20
    assert 110 <= memory.latency_ns <= 140
    assert memory.latency_cycles(250) == pytest.approx(memory.latency_ns / 4)


def test_devices_are_values() -> None:
    assert load_device("u55c") == load_device("u55c")
    assert hash(load_device("u55c")) == hash(load_device("u55c"))


def test_unknown_device() -> None:
    with pytest.raises(UserError) as caught:
        load_device("u55")
    assert caught.value.code == "ST0401"
    assert "did you mean 'u55c'? known: kv260, u280, u55c, v80" in caught.value.hint


def test_a_device_file_of_ones_own(tmp_path: Path) -> None:
    text = (DEVICES / "u55c.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("value = 9024", "value = 100"), encoding="utf-8")
    assert load_device(str(path)).dsp == 100
    with pytest.raises(UserError, match="ST0401"):
        load_device(str(tmp_path / "none.toml"))


def broken(tmp_path: Path, old: str, new: str) -> list[UserError]:
    text = (DEVICES / "u55c.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises((UserError, UserErrors)) as caught:
        load_device(str(path))
    error = caught.value
    return list(error.errors) if isinstance(error, UserErrors) else [error]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dsp = { value = 9024", "dsp = { value = -1", "'dsp' must be an integer, 1 or more, found -1"),
        ("dsp = { value = 9024", "dsp = { value = true", "'dsp' must be an integer, 1 or more, found True"),
        ("dsp = { value = 9024", "dsp = { valeu = 9024", "no value"),
        ("clock_mhz = { value = 250", 'clock_mhz = { value = "fast"', "'clock_mhz' must be a positive number"),
        ('kind = "hbm"', 'kind = "tape"', "'memory[0].kind' must be one of hbm, ddr, lpddr, found 'tape'"),
        ("value = 425e9", "value = 500e9", "'memory[0].measured_bytes_per_second' must be at most nominal"),
        ('name = "u55c"\n', "", "'name' must be a text, found nothing"),
    ],
)
def test_broken_figures_name_file_key_and_what_was_expected(tmp_path: Path, old: str, new: str, said: str) -> None:
    (error,) = broken(tmp_path, old, new)
    assert error.code == "ST0402"
    assert "mine.toml" in error.message
    assert said in error.message


def test_figure_without_source(tmp_path: Path) -> None:
    (error,) = broken(tmp_path, "dies = { value = 3, source", "dies = { value = 3, sauce")
    assert "with the source of the figure" in error.message


def test_several_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    errors = broken(tmp_path, "bram36 = { value = 2016", "bram63 = { value = 2016")
    assert len(errors) == 2
    missing, unknown = errors
    assert "'bram36' must be { value = integer, source" in missing.message
    assert "'bram63' must be a known key, found did you mean 'bram36'?" in unknown.message
    assert unknown.location is not None
    assert unknown.location.line > 1


def test_not_toml_at_all(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("name = ", encoding="utf-8")
    with pytest.raises(UserError, match="ST0402"):
        load_device(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="ST0402"):
        load_device(str(path))


def test_memory_is_missing(tmp_path: Path) -> None:
    errors = broken(tmp_path, "[[memory]]", "[other]")
    assert any("one or more tables [[memory]]" in error.message for error in errors)
