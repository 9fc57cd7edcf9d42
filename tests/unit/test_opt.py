# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor-opt`, and test files with several modules and expected errors."""

import io
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_line import Run
from streamtensor import pipelines
from streamtensor.cli.opt import command as opt
from streamtensor.cli.split_input import Expected, compare_errors, expected_errors, split_input
from streamtensor.diagnostics import Location, UserError
from streamtensor.ir.builtin import ModuleOp, UnitAttr
from streamtensor.ir.core import Context, ModulePass


def test_split_input_keeps_line_numbers() -> None:
    text: str = "a\nb\n// -----\nc\n// -----\n\nd\n"
    parts = split_input(text)
    assert [part.strip() for part in parts] == ["a\nb", "c", "d"]
    for letter, part in zip("acd", parts, strict=True):
        place = f"{letter}\n"
        assert part.count("\n", 0, part.index(place)) == text.count("\n", 0, text.index(place))


def test_expected_errors() -> None:
    text = "x // expected-error {{one}}\n// expected-error@+1 {{two}}\n\n// expected-error@above {{3}}\n"
    text += "// expected-error @unknown {{any}} // expected-error@below {{b}}\n"
    assert expected_errors(text) == [
        Expected(1, "one"),
        Expected(3, "two"),
        Expected(3, "3"),
        Expected(None, "any"),
        Expected(6, "b"),
    ]


def test_compare_errors() -> None:
    error = UserError("ST0202", "too wide", location=Location("f", 4))
    assert compare_errors([Expected(4, "ST0202: too")], [error], "f") == []
    assert compare_errors([Expected(None, "wide")], [error], "f") == []
    assert compare_errors([], [error], "f") == ["f:4: unexpected error: ST0202: too wide"]
    assert compare_errors([Expected(4, "narrow")], [], "f") == ["f:4: this error was expected but did not come: narrow"]
    assert len(compare_errors([Expected(5, "wide")], [error], "f")) == 2
    assert len(compare_errors([Expected(4, "wide")], [error], "other")) == 2


@dataclass(frozen=True)
class MarkPass(ModulePass):
    """module  -->  module {test.NAME}"""

    name = "mark"
    label: str = "seen"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        op.attributes[f"test.{self.label}"] = UnitAttr()


@dataclass(frozen=True)
class RefusePass(ModulePass):
    """Refuses everything."""

    name = "refuse"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        raise UserError("ST0306", "refuse cannot handle this")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "all_passes", lambda: {"mark": MarkPass, "refuse": RefusePass})


GOOD = "builtin.module {\n  func.func @f() {\n    func.return\n  }\n}\n"


def test_opt_prints_what_it_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    code, out, err = run("a.mlir", program=opt)
    assert (code, err) == (0, "")
    assert out.strip() == GOOD.strip()


@pytest.mark.usefixtures("passes")
def test_opt_runs_passes_in_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    options = ("--verify-each", "--timing", "--print-ir-after-all", "-o", "b.mlir")
    code, out, err = run("a.mlir", "-p", "mark,mark{label=x}", *options, program=opt)
    assert (code, out) == (0, "")
    assert "test.seen" in (tmp_path / "b.mlir").read_text()
    assert "test.x" in (tmp_path / "b.mlir").read_text()
    assert re.search(r"^mark  +\d+\.\d+ s$", err, re.MULTILINE)
    dumps = err.split("// ----- IR after mark -----")
    assert len(dumps) == 3
    assert "test.x" not in dumps[1]
    assert "test.x" in dumps[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mlir", "b.mlir"]


@pytest.mark.usefixtures("passes")
def test_opt_lists_passes(run: Run) -> None:
    code, out, _ = run("--list-passes", program=opt)
    assert code == 0
    assert "mark{label=str (seen)}\n    module  -->  module {test.NAME}\n" in out
    assert json.loads(run("--list-passes", "--json", program=opt)[1])["passes"][1]["name"] == "refuse"


def test_opt_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    code, out, _ = run("-", "--json", program=opt)
    assert code == 0
    assert json.loads(out)["modules"][0].strip() == GOOD.strip()


def test_opt_names_the_line_that_does_not_parse(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD.replace("func.return", "func.retrun"))
    code, out, err = run("a.mlir", program=opt)
    assert (code, out) == (1, "")
    assert "error[ST0201]" in err
    assert "a.mlir:3" in err


def test_opt_unknown_pass_and_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mlir").write_text(GOOD)
    assert "error[ST0301]" in run("a.mlir", "-p", "no-such-pass", program=opt)[2]
    code, _, err = run("missing.mlir", program=opt)
    assert code == 1
    assert "error[ST0101]" in err


@pytest.mark.usefixtures("passes")
def test_opt_split_input_and_expected_errors(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.mlir"
    path.write_text(GOOD + "// -----\n" + GOOD)
    code, out, _ = run("a.mlir", "--split-input-file", "-p", "mark", program=opt)
    assert code == 0
    assert out.count("test.seen") == 2
    assert "// -----\n" in out
    path.write_text(f"// expected-error@unknown {{{{cannot handle}}}}\n{GOOD}// -----\n{GOOD}")
    both = ("--split-input-file", "--verify-diagnostics", "-p", "refuse")
    code, out, err = run("a.mlir", *both, program=opt)
    assert (code, out) == (1, "")
    assert err == "a.mlir: unexpected error: ST0306: refuse cannot handle this\n"
    path.write_text("// -----\n".join([f"// expected-error@unknown {{{{cannot handle}}}}\n{GOOD}"] * 2))
    assert run("a.mlir", *both, program=opt) == (0, "", "")
    path.write_text(GOOD.replace("func.return", "func.retrun // expected-error {{ST0201}}"))
    assert run("a.mlir", "--verify-diagnostics", program=opt) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("builtin.module {\n", 1),
        ("builtin.module {\n  %0 = arith.addf %a, %a : f32\n\n}\n", 2),
        ('builtin.module attributes {a = "' + "x" * 200 + "\n} {}", 1),
        ("\x00", 1),
        ('builtin.module {\n  "func.func"() {iterator_types = [#linalg.iterator_type<pallel>]} : () -> ()\n}', 2),
    ],
)
def test_opt_broken_texts_end_with_a_line(run: Run, tmp_path: Path, text: str, line: int) -> None:
    """Also those on which the framework's own parser fails with a plain Python error, or searches without end."""
    (tmp_path / "a.mlir").write_text(text)
    code, _, err = run("a.mlir", program=opt)
    assert code == 1
    assert "error[ST0201]" in err
    assert f"--> a.mlir:{line}" in err
