# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reading device files.

A device file is TOML. Names are plain strings; each figure is a table `{ value = ..., source = "..." }`:

```toml
name = "u55c"
title = "..."
family = "ultrascale_plus"
part = { value = "xcu55c-...", source = "..." }
dsp = { value = 9024, source = "..." }
[[memory]]
kind = "hbm"
channels = { value = 32, source = "..." }
```
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from streamtensor.diagnostics import Location, UserError, UserErrors, did_you_mean
from streamtensor.targets.device import Device, Memory
from streamtensor.targets.operations import family_names

_FOLDER = Path(__file__).parent / "devices"
_MEMORY_KINDS = ("hbm", "ddr", "lpddr")


def device_names() -> list[str]:
    """The names of the devices that come with the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_device(name: str) -> Device:
    """The device of that name, or of the device file with that path (it must end in `.toml`).

    Raises UserError ST0401 for an unknown name, and ST0402 (several together as UserErrors) for a broken file.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError("ST0401", f"there is no device file '{name}'")
        return read_device(path)
    if name not in device_names():
        raise UserError("ST0401", f"unknown device '{name}'", hint=did_you_mean(name, device_names()))
    return read_device(_FOLDER / f"{name}.toml")


def read_device(path: Path) -> Device:
    """The device that the file at `path` describes; errors as in `load_device`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError("ST0402", f"{path.name}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError("ST0402", f"{path.name}: {error}", location=Location(str(path))) from error
    reader = _Reader(path, data)
    memories = tuple(_memory(one) for one in reader.tables("memory"))
    device = Device(
        name=reader.name("name"),
        title=reader.name("title"),
        family=reader.name("family", tuple(family_names())),
        part=reader.text("part"),
        platform=reader.text("platform"),
        clock_mhz=reader.number("clock_mhz"),
        dies=reader.count("dies"),
        luts=reader.count("luts"),
        registers=reader.count("registers"),
        dsp=reader.count("dsp"),
        bram36=reader.count("bram36"),
        uram=reader.count("uram", least=0),
        lutram_bits=reader.count("lutram_bits", least=0),
        axi_ports=reader.count("axi_ports"),
        axi_port_bits=reader.count("axi_port_bits"),
        launch_overhead_us=reader.number("launch_overhead_us"),
        reload_ms=reader.number("reload_ms"),
        memories=memories,
        sources=reader.sources,
    )
    reader.finish()
    return device


def _memory(reader: "_Reader") -> Memory:
    memory = Memory(
        kind=reader.name("kind", _MEMORY_KINDS),
        channels=reader.count("channels"),
        total_bytes=reader.count("total_bytes"),
        nominal_bytes_per_second=reader.number("nominal_bytes_per_second"),
        measured_bytes_per_second=reader.number("measured_bytes_per_second"),
        latency_ns=reader.number("latency_ns"),
        burst_overhead_ns=reader.number("burst_overhead_ns"),
        ports=reader.count("ports"),
        port_bits=reader.count("port_bits"),
        port_mhz=reader.number("port_mhz"),
    )
    if memory.measured_bytes_per_second > memory.nominal_bytes_per_second:
        reader.complain("measured_bytes_per_second", "at most nominal_bytes_per_second", "more")
    reader.unknown_keys()
    return memory


@dataclass
class _Reader:
    """Takes values out of a table and collects what is wrong with them, so that all errors are told at once."""

    path: Path
    data: dict[str, object]
    prefix: str = ""
    errors: list[UserError] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def complain(self, key: str, expected: str, found: str) -> None:
        """Notes that the value of `key` is not what was expected."""
        self.errors.append(
            UserError(
                "ST0402",
                f"{self.path.name}: '{self.prefix}{key}' must be {expected}, found {found}",
                location=Location(str(self.path), self._line(key)),
            )
        )

    def _line(self, key: str) -> int:
        """The line on which the key stands for the first time, 0 when it does not."""
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            if line.split("=")[0].strip() == key:
                return number
        return 0

    def name(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """A plain string, one of `choices` when there are any."""
        self.asked.add(key)
        value = self.data.get(key)
        if isinstance(value, str) and value and (not choices or value in choices):
            return value
        self.complain(key, "one of " + ", ".join(choices) if choices else "a text", _found(value))
        return ""

    def _figure(self, key: str, expected: str) -> object:
        """The value of a figure whose source is noted too; None, with a complaint, when it has not that form."""
        self.asked.add(key)
        table = self.data.get(key)
        form = f'{{ value = {expected}, source = "..." }}'
        if not _is_table(table):
            self.complain(key, form, _found(table))
            return None
        source = table.get("source")
        if not isinstance(source, str) or not source:
            self.complain(key, f"{form} with the source of the figure", "no source")
        else:
            self.sources[f"{self.prefix}{key}"] = source
        if "value" not in table:
            self.complain(key, form, "no value")
        return table.get("value")

    def text(self, key: str) -> str:
        """A figure that is a text."""
        value = self._figure(key, '"text"')
        if isinstance(value, str) and value:
            return value
        if value is not None:
            self.complain(key, "a text", _found(value))
        return ""

    def number(self, key: str) -> float:
        """A figure that is a positive number."""
        value = self._figure(key, "number")
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
        if value is not None:
            self.complain(key, "a positive number", _found(value))
        return 1.0

    def count(self, key: str, least: int = 1) -> int:
        """A figure that is an integer of at least `least`."""
        value = self._figure(key, "integer")
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        if value is not None:
            self.complain(key, f"an integer, {least} or more", _found(value))
        return 1

    def tables(self, key: str) -> "list[_Reader]":
        """A reader for each table of the list `[[key]]`, which must have at least one; they complain here."""
        self.asked.add(key)
        value = self.data.get(key)
        tables = [table for table in value if _is_table(table)] if isinstance(value, list) else []
        if not tables:
            self.complain(key, f"one or more tables [[{key}]]", _found(value))
        return [
            _Reader(self.path, table, f"{key}[{index}].", self.errors, self.sources)
            for index, table in enumerate(tables)
        ]

    def unknown_keys(self) -> None:
        """Complains of keys that nobody asked for: a misspelt one would else be read as missing only."""
        for key in self.data.keys() - self.asked:
            self.complain(key, "a known key", did_you_mean(key, self.asked) or "an unknown one")

    def finish(self) -> None:
        """Raises what was complained of."""
        self.unknown_keys()
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise UserErrors(self.errors)


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _found(value: object) -> str:
    return "nothing" if value is None else repr(value)
