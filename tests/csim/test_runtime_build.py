# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Building simulation libraries: what is compiled again, and what the user is told when it cannot be built."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamtensor.diagnostics import UserError
from streamtensor.simulate.csim import DATAFLOW_HEADER, INCLUDE_DIR, Library, build

pytestmark = pytest.mark.needs("g++")

SOURCE = """
#include "factor.h"
extern "C" void st_call_scale(void **a) { *(float *)a[0] *= FACTOR + EXTRA; }
"""


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiler that writes a line per start to `starts`, and a folder `out` in which it has built the runtime."""
    folder = tmp_path_factory.mktemp("compiler")
    script = folder / "counting-g++"
    script.write_text(f'#!/bin/sh\necho start >> "{folder}/starts"\nexec {shutil.which("g++")} "$@"\n')
    script.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", str(script))
        build([], folder / "out")
    assert take_starts(folder) == 3  # the two files of the runtime, the link
    return script


@pytest.fixture
def project(tmp_path: Path, compiler: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source with a header, and an output folder with a compiled runtime."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "factor.h").write_text("#define FACTOR 3\n")
    (tmp_path / "a source.cpp").write_text(SOURCE)
    shutil.copytree(compiler.parent / "out" / "objects", tmp_path / "out" / "objects")
    monkeypatch.setenv("CXX", str(compiler))
    (compiler.parent / "starts").unlink(missing_ok=True)
    return tmp_path


def take_starts(folder: Path) -> int:
    """How often the compiler of this folder was started since the last question."""
    log = folder / "starts"
    count = len(log.read_text().splitlines()) if log.exists() else 0
    log.unlink(missing_ok=True)
    return count


def build_in(project: Path, *defines: str) -> Path:
    return build(
        [project / "a source.cpp"], project / "out", include_dirs=[project / "include"], defines=["EXTRA=0", *defines]
    )


def scaled(library: Path) -> float:
    x = np.array([2.0], np.float32)
    Library(library).call("scale", [x])
    return float(x[0])


def test_only_what_changed_is_compiled_again(project: Path, compiler: Path) -> None:
    first = build_in(project)
    assert take_starts(compiler.parent) == 2  # the source, the link
    assert scaled(first) == 6.0

    assert build_in(project) == first
    (project / "a source.cpp").touch()  # a new time, the same content
    assert build_in(project) == first
    assert take_starts(compiler.parent) == 0

    (project / "include" / "factor.h").write_text("#define FACTOR 5\n")
    second = build_in(project)
    assert take_starts(compiler.parent) == 2
    assert second != first
    assert scaled(second) == 10.0  # in the process that has loaded the first

    (project / "include" / "factor.h").write_text("#define FACTOR 3\n")
    assert build_in(project) == first
    assert take_starts(compiler.parent) == 1  # the library is still there
    assert not list((project / "out").glob("**/*.tmp"))


def test_a_damaged_record_means_compiling_again(project: Path, compiler: Path) -> None:
    first = build_in(project)
    (record,) = (project / "out" / "objects").glob("a source-*.json")
    record.write_text("{")
    take_starts(compiler.parent)
    assert build_in(project) == first
    assert take_starts(compiler.parent) == 1


def test_another_compiler_compiles_all_again(
    project: Path, compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_in(project)
    other = tmp_path / "other-g++"
    other.write_text(compiler.read_text() + "# another one\n")
    other.chmod(0o755)
    monkeypatch.setenv("CXX", str(other))
    take_starts(compiler.parent)
    assert build_in(project) != first
    assert take_starts(compiler.parent) == 4


def test_old_libraries_are_removed(project: Path) -> None:
    made: list[Path] = []
    for factor in range(6):
        (project / "include" / "factor.h").write_text(f"#define FACTOR {factor}\n")
        made.append(build_in(project))
    assert [path.exists() for path in made] == [False, False, True, True, True, True]


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"g\+\+, clang\+\+, c\+\+") as caught:
        build([], tmp_path / "out")
    assert caught.value.code == "ST0601"
    assert "apt-get install g++" in caught.value.hint
    monkeypatch.setenv("CXX", "no-such-compiler -m32")
    with pytest.raises(UserError, match="no-such-compiler -m32"):
        build([], tmp_path / "out")


def test_compile_error(project: Path) -> None:
    (project / "a source.cpp").write_text("int f() {\n  return undeclared;\n}\n")
    with pytest.raises(UserError, match="rejected 1 file") as caught:
        build_in(project)
    assert caught.value.code == "ST0602"
    assert "a source.cpp:2" in caught.value.notes[0]
    assert "undeclared" in caught.value.notes[0]
    log = project / "out" / "csim-build.log"
    assert str(log) in caught.value.notes[-1]
    assert "undeclared" in log.read_text()
    assert not list((project / "out").glob("*.so"))


def test_link_error(project: Path) -> None:
    (project / "other.cpp").write_text('extern "C" void st_call_scale(void **) {}\n')
    with pytest.raises(UserError) as caught:
        build(
            [project / "a source.cpp", project / "other.cpp"],
            project / "out",
            include_dirs=[project / "include"],
            defines=["EXTRA=0"],
        )
    assert caught.value.code == "ST0602"
    assert any("multiple definition" in note for note in caught.value.notes)


def test_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such source file"):
        build([tmp_path / "absent.cpp"], tmp_path / "out")


def test_not_a_library(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library")
    for path in (tmp_path / "text.so", tmp_path / "absent.so"):
        with pytest.raises(UserError) as caught:
            Library(path)
        assert caught.value.code == "ST0606"


def test_dataflow_header_is_a_plain_call_for_synthesis(tmp_path: Path) -> None:
    source = tmp_path / "top.cpp"
    source.write_text('#include "streamtensor_dataflow.h"\nST_REGION(64)\nST_TASK(f, a, b)\nST_REGION_END\n')
    command = ["g++", "-E", "-P", f"-I{DATAFLOW_HEADER.parent}", str(source)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert outcome.stdout.split() == ["f(a,", "b);"]


def test_headers_compile_without_warnings(tmp_path: Path) -> None:
    source = tmp_path / "all.cpp"
    names = ["ap_int.h", "hls_math.h", "hls_stream.h", "hls_vector.h", "streamtensor_dataflow.h"]
    assert names == sorted(path.name for path in INCLUDE_DIR.glob("*.h"))
    includes = [f"#include <{name}>\n" for name in names]
    source.write_text("".join(includes) + "template class hls::vector<ap_int<9>, 4>;\n")
    for define in ("ST_CSIM", "ST_NATIVE_INT"):
        flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-D{define}"]
        subprocess.run(["g++", *flags, f"-I{INCLUDE_DIR}", str(source)], check=True)


def test_record_names_every_header(project: Path) -> None:
    build_in(project)
    (record,) = (project / "out" / "objects").glob("a source-*.json")
    inputs = json.loads(record.read_text())["inputs"]
    assert {os.path.basename(name) for name in inputs} == {"a source.cpp", "factor.h"}
