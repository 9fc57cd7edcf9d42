# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The directives of emitted code: known ones, known options, about variables that exist; one end per FIFO and side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamtensor.codegen.emit import emit_code
from streamtensor.dialects import context
from streamtensor.ir.text import parse_module
from streamtensor.targets import load_device

PROGRAM = (Path(__file__).parents[1] / "golden/program.mlir").read_text(encoding="utf-8")

# directive: its options and flags, from the vendor's public reference of HLS pragmas
OPTIONS = {
    "pipeline": {"II", "style"},
    "unroll": {"factor"},
    "dataflow": set[str](),
    "array_partition": {"variable", "complete", "cyclic", "factor", "dim"},
    "bind_storage": {"variable", "type", "impl"},
    "stream": {"variable", "depth"},
    "interface": {
        "m_axi",
        "s_axilite",
        "port",
        "bundle",
        "offset",
        "depth",
        "latency",
        "max_widen_bitwidth",
        "num_read_outstanding",
        "num_write_outstanding",
        "max_read_burst_length",
        "max_write_burst_length",
    },
}
VALUES = {
    "style": {"stp", "flp", "frp"},
    "type": {"ram_1p", "ram_2p", "ram_s2p", "ram_t2p"},
    "impl": {"bram", "uram", "lutram"},
    "offset": {"slave"},
}
SOURCES = [
    pytest.param(text, id=path)
    for path, text in emit_code(parse_module(context(), PROGRAM), load_device("u55c")).items()
    if path.startswith("hls/") and path.endswith(".cpp")
]


def functions(source: str) -> list[str]:
    """The text of each function, head included."""
    return re.findall(r"^(?:static|extern)[^;]*?\{$.*?^\}$", source, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("source", SOURCES)
def test_directives(source: str) -> None:
    seen = 0
    for function in functions(source):
        code = "\n".join(line for line in function.splitlines() if not line.startswith("#pragma"))
        for line in re.findall(r"^#pragma HLS (.*)$", function, flags=re.MULTILINE):
            seen += 1
            directive, *options = line.split()
            assert directive in OPTIONS, line
            for option in options:
                key, _, value = option.partition("=")
                assert key in OPTIONS[directive], line
                assert value in VALUES.get(key, {value}), line
                if key == "variable" or (key == "port" and value != "return"):
                    assert re.search(rf"[ *&]{value}\b(\[|;|\(|,|\))", code), line
    assert seen == source.count("#pragma HLS")


@pytest.mark.parametrize("source", SOURCES)
def test_a_directive_of_a_loop_is_its_first_line(source: str) -> None:
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#pragma HLS (pipeline|unroll)", line):
            assert re.search(r"for \(.*\{$", lines[number - 1]), line


@pytest.mark.parametrize("source", SOURCES)
def test_every_stream_has_one_producer_and_one_consumer(source: str) -> None:
    streams = re.findall(r'^  hls::stream<.*> (\w+)\("', source, flags=re.MULTILINE)
    assert len(set(streams)) == len(streams) > 0
    tasks = [task for task in functions(source) if task.startswith("static")]
    for stream in streams:
        assert len(re.findall(rf"ST_TASK\(.*\b{stream}\b.*\)", source)) == 2
        assert sum(f"{stream}.read()" in task for task in tasks) == 1
        assert sum(f"{stream}.write(" in task for task in tasks) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_every_port_has_its_own_bundle(source: str) -> None:
    bundles = re.findall(r"m_axi port=\w+ bundle=(\w+)", source)
    assert len(set(bundles)) == len(bundles) > 0
