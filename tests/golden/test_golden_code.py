# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The text of everything that is emitted for a small program, and that a compiler accepts it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streamtensor.codegen.emit import emit_code
from streamtensor.dialects import context
from streamtensor.ir.text import parse_module
from streamtensor.simulate.csim.build import INCLUDE_DIR
from streamtensor.targets import load_device

FOLDER = Path(__file__).parent
# These are the source itself, not something that is emitted.
FIXED = ("host/host.cpp", "host/runtime.h", "hls/streamtensor_dataflow.h", "hls/streamtensor_ops.h")
FILES = (
    "channels.json",
    "csim/csim_main.cpp",
    "graphs/block_0.json",
    "graphs/columns.json",
    "hls/block_0.cpp",
    "hls/block_0.h",
    "hls/block_0/hls_config.cfg",
    "hls/block_0/run_hls.tcl",
    "hls/columns.cpp",
    "hls/columns.h",
    "hls/columns/hls_config.cfg",
    "hls/columns/run_hls.tcl",
    "host/host_functions.cpp",
    "host/host_functions.h",
    "host/program.h",
    "link/Makefile",
    "link/connectivity.cfg",
    "program.json",
)
# Packed and widened memory: what is different from the program above.
WORDS = ("csim/csim_main.cpp", "hls/main_0_0.cpp", "hls/main_0_0.h", "host/host_functions.cpp", "program.json")


def emitted(name: str = "program") -> dict[str, str]:
    text = (FOLDER / f"{name}.mlir").read_text(encoding="utf-8")
    return emit_code(parse_module(context(), text), load_device("u55c"))


@pytest.mark.parametrize("path", FILES)
def test_text(golden: Callable[[str, str], None], path: str) -> None:
    golden(f"program/{path}", emitted()[path])


@pytest.mark.parametrize("path", WORDS)
def test_text_of_words(golden: Callable[[str, str], None], path: str) -> None:
    golden(f"words/{path}", emitted("words")[path])


def test_all_files_are_compared() -> None:
    assert sorted([*FILES, *FIXED]) == sorted(emitted())


def test_the_same_module_gives_the_same_text() -> None:
    assert emitted() == emitted()


@pytest.mark.needs("g++")
@pytest.mark.parametrize("name", ["program", "words"])
@pytest.mark.parametrize("defines", [("-DST_CSIM",), ()], ids=["simulation", "synthesis"])
def test_a_compiler_accepts_it(tmp_path: Path, defines: tuple[str, ...], name: str) -> None:
    files = emitted(name)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    # host.cpp needs the headers of the card's runtime
    sources = [tmp_path / path for path in files if path.endswith(".cpp") and path != "host/host.cpp"]
    # labels name loops in the reports of the synthesis tool
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label", *defines]
    includes = [f"-I{folder}" for folder in (INCLUDE_DIR, tmp_path / "hls", tmp_path / "host")]
    for source in sources:
        outcome = subprocess.run(
            ["g++", "-fsyntax-only", *flags, *includes, str(source)], capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, outcome.stderr
