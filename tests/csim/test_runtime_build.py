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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source with a header, and a compiler that writes a line per start to `starts`."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "factor.h").write_text("#define FACTOR 3\n")
    (tmp_path / "a source.cpp").write_text(SOURCE)
    compiler = tmp_path / "counting-g++"
    compiler.write_text(f'#!/bin/sh\necho start >> "{tmp_path}/starts"\nexec {shutil.which("g++")} "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    return tmp_path


def build_in(project: Path, *defines: str) -> Path:
    return build(
        [project / "a source.cpp"], project / "out", include_dirs=[project / "include"], defines=["EXTRA=0", *defines]
    )


def starts(project: Path) -> int:
    count = len((project / "starts").read_text().splitlines()) if (project / "starts").exists() else 0
    (project / "starts").unlink(missing_ok=True)
    return count


def scaled(library: Path) -> float:
    x = np.array([2.0], np.float32)
    Library(library).call("scale", [x])
    return float(x[0])


def test_only_what_changed_is_compiled_again(project: Path) -> None:
    first = build_in(project)
    assert starts(project) == 4  # the source, the two files of the runtime, the link
    assert scaled(first) == 6.0

    assert build_in(project) == first
    (project / "a source.cpp").touch()  # a new time, the same content
    assert build_in(project) == first
    assert starts(project) == 0

    (project / "include" / "factor.h").write_text("#define FACTOR 5\n")
    second = build_in(project)
    assert starts(project) == 2  # not the runtime
    assert second != first
    assert scaled(second) == 10.0  # in the process that has loaded the first

    (project / "include" / "factor.h").write_text("#define FACTOR 3\n")
    assert build_in(project) == first
    assert starts(project) == 1  # the library is still there
    assert not list((project / "out").glob("**/*.tmp"))


def test_a_damaged_object_is_made_again(project: Path) -> None:
    first = build_in(project)
    for record in (project / "out" / "objects").glob("*.json"):
        record.write_text("{")
    starts(project)
    assert build_in(project) == first
    assert starts(project) == 3


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
