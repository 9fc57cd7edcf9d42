# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Errors as the user sees them: text, JSON, catalogue, bundle."""

import io
import json
import re
import tempfile
from pathlib import Path

import pytest

from streamtensor.diagnostics import InternalError, Location, UserError, UserErrors, did_you_mean
from streamtensor.diagnostics.bundle import write_bundle
from streamtensor.diagnostics.catalogue import AREAS, CATALOGUE, explanation
from streamtensor.diagnostics.docs import errors_page
from streamtensor.diagnostics.render import error_json, print_error, render_text

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[\"'](ST\d{4})[\"']")


def codes_in_source() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in (ROOT / "src").rglob("*"):
        if path.suffix in (".py", ".cpp", ".h") and path.name != "catalogue.py":
            for code in CODE.findall(path.read_text(encoding="utf-8")):
                found.setdefault(code, []).append(path.name)
    return found


def test_every_code_in_the_source_is_declared() -> None:
    missing = {code: files for code, files in codes_in_source().items() if code not in CATALOGUE}
    assert not missing


def test_every_declared_code_is_used() -> None:
    unused = [code for code in CATALOGUE if code not in codes_in_source()]
    assert not unused


def test_catalogue_is_complete_and_in_order() -> None:
    assert list(CATALOGUE) == sorted(CATALOGUE)
    for entry in CATALOGUE.values():
        assert re.fullmatch(r"ST\d{4}", entry.code)
        assert entry.code[:4] in AREAS
        assert entry.title
        assert not entry.title.endswith(".")
        assert explanation(entry).endswith(".")
        assert len(explanation(entry)) > 60, f"{entry.code} says too little"


def test_errors_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == errors_page(), "run 'make docs'"


def full_error() -> UserError:
    return UserError(
        "ST0305",
        "this fusion group does not fit on chip: 41.2 Mb needed, 38.0 Mb available",
        location=Location("model.py", 88, "self.c_fc(x)"),
        ir_location=Location("build/gpt2/20-dataflow.mlir", 41, "dataflow.kernel"),
        terms=["kernel c_fc 22.1 Mb", "converter c_fc -> gelu 6.3 Mb"],
        levers=["tile c_fc by 16 instead of 32 (-9.4 Mb)", "split the group before gelu (+2 external transfers)"],
        hint="see the report",
    )


def test_text_of_an_error() -> None:
    assert render_text(full_error()).splitlines() == [
        "error[ST0305]: this fusion group does not fit on chip: 41.2 Mb needed, 38.0 Mb available",
        "  --> model.py:88  self.c_fc(x)                 build/gpt2/20-dataflow.mlir:41",
        "  terms:  kernel c_fc 22.1 Mb, converter c_fc -> gelu 6.3 Mb",
        "  levers: tile c_fc by 16 instead of 32 (-9.4 Mb); split the group before gelu (+2 external transfers)",
        "  hint:   see the report",
    ]


def test_label_points_at_the_line_and_notes_keep_their_lines() -> None:
    error = UserError(
        "ST0202", "wrong", location=Location("a.mlir", 3, "x = y"), label="here", notes=["one\n  two", "three"]
    )
    assert render_text(error).splitlines() == [
        "error[ST0202]: wrong",
        "  --> a.mlir:3  x = y",
        "                ^ here",
        "  note:   one",
        "            two",
        "  note:   three",
    ]


def test_error_without_a_place_is_one_line() -> None:
    assert render_text(UserError("ST0101", "there is no folder 'x'")) == "error[ST0101]: there is no folder 'x'"


def test_several_errors_are_told_together() -> None:
    errors = UserErrors([UserError("ST0402", "first"), UserError("ST0402", "second")])
    assert render_text(errors).splitlines() == ["error[ST0402]: first", "error[ST0402]: second"]
    told = error_json(errors)
    assert isinstance(told["errors"], list)
    assert len(told["errors"]) == 2
    assert told["error"] == told["errors"][0]


def test_no_errors_at_all_is_our_bug() -> None:
    with pytest.raises(InternalError):
        UserErrors([])


def test_json_of_an_error() -> None:
    told = json.loads(json.dumps(error_json(full_error())))
    assert set(told) == {"error"}
    assert told["error"]["code"] == "ST0305"
    assert told["error"]["location"] == {"file": "model.py", "line": 88, "text": "self.c_fc(x)"}
    assert told["error"]["ir_location"]["line"] == 41
    assert told["error"]["terms"][0] == "kernel c_fc 22.1 Mb"
    assert len(told["error"]["levers"]) == 2
    assert told["error"]["hint"] == "see the report"
    assert error_json(UserError("ST0101", "x"))["error"] == {
        "code": "ST0101",
        "message": "x",
        "location": None,
        "ir_location": None,
        "label": "",
        "notes": [],
        "terms": [],
        "levers": [],
        "hint": "",
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    plain, terminal = io.StringIO(), Terminal()
    print_error(full_error(), plain)
    print_error(full_error(), terminal)
    assert "\x1b" not in plain.getvalue()
    assert "\x1b[" in terminal.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()) == plain.getvalue()


def test_markup_in_messages_is_only_text() -> None:
    terminal = Terminal()
    print_error(UserError("ST0302", "option [red] is [/] odd"), terminal)
    assert "option [red] is [/] odd" in re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("u55", ["u55c", "u280"], "did you mean 'u55c'? known: u280, u55c"),
        ("GPT2", ["gpt2", "gemma"], "did you mean 'gpt2'? known: gemma, gpt2"),
        ("zzz", ["u55c"], "known: u55c"),
        ("zzz", [], ""),
    ],
)
def test_did_you_mean(word: str, choices: list[str], hint: str) -> None:
    assert did_you_mean(word, choices) == hint


def test_did_you_mean_does_not_list_hundreds() -> None:
    hint = did_you_mean("name7", [f"name{number}" for number in range(100)])
    assert hint.startswith("did you mean 'name7'?")
    assert hint.endswith("... (100 in all)")


def broken() -> None:
    raise InternalError("impossible")


def test_bundle_holds_what_a_report_needs(tmp_path: Path) -> None:
    with pytest.raises(InternalError) as caught:
        broken()
    command = ["streamtensor", "compile", "a model"]
    folder = write_bundle(caught.value, command, [Path("x/20-dataflow.mlir")], tmp_path)
    assert re.fullmatch(r"streamtensor-bug-[0-9a-f]{10}", folder.name)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["command"] == "streamtensor compile 'a model'"
    assert report["ir_files"] == ["x/20-dataflow.mlir"]
    assert report["error"] == "InternalError: impossible"
    assert any("broken" in line for line in report["traceback"])
    assert report["versions"]["xdsl"]
    assert write_bundle(caught.value, command, [], tmp_path) == folder


def test_bundle_goes_elsewhere_when_the_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    folder = write_bundle(InternalError("x"), [], [], in_the_way)
    assert folder.parent == tmp_path
    assert (folder / "report.json").exists()
