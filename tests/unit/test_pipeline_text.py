# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pipelines as text."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from streamtensor.cli.pipeline_text import PassText, build_pass, describe_options, parse_pipeline
from streamtensor.diagnostics import UserError


@dataclass(frozen=True)
class SamplePass:
    """before  -->  after"""

    tile: int = 16
    order: tuple[int, ...] = ()
    only_if: bool = False
    ratio: float = 0.5
    mode: Literal["fast", "small"] = "fast"
    label: str | None = None


@dataclass(frozen=True)
class NeedsPass:
    """Has an option without a default."""

    depth: int


KNOWN: dict[str, type[Any]] = {"sample": SamplePass, "needs": NeedsPass}


def built(text: str) -> Any:
    (one,) = parse_pipeline(text)
    return build_pass(one, KNOWN)


def test_parse_pipeline() -> None:
    assert parse_pipeline("") == []
    assert parse_pipeline(' a , b-c { x=1  y = [2, -3] z=4,5 flag w="q, \\"}" v=[] },d{}') == [
        PassText("a", {}),
        PassText("b-c", {"x": 1, "y": (2, -3), "z": (4, 5), "flag": True, "w": 'q, "}', "v": ()}),
        PassText("d", {}),
    ]
    assert parse_pipeline("a{x=true y=false z=1.5 w=1e3 v=word}")[0].options == {
        "x": True,
        "y": False,
        "z": 1.5,
        "w": 1000.0,
        "v": "word",
    }


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("a,", 3, "expected the name of a pass, found the end"),
        (",a", 1, "expected the name of a pass, found ','"),
        ("a b", 3, "expected ',', found 'b'"),
        ("a{x=1", 6, "expected the name of an option, or '}', found the end"),
        ("a{x=}", 5, "expected a value, found '}'"),
        ("a{x=1 x=2}", 7, "option 'x' is given twice"),
        ("a{x=[1 2]}", 8, "expected ',', found '2'"),
        ('a{x="1}', 5, "a quoted string that does not end"),
        ("a}", 2, "expected ',', found '}'"),
    ],
)
def test_broken_pipeline_text(text: str, column: int, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_pipeline(text)
    assert caught.value.code == "ST0301"
    assert f"at column {column}: {what}" in caught.value.message
    assert caught.value.notes[0].splitlines()[1].find("^") == column - 1


def test_options_reach_the_pass() -> None:
    assert built("sample") == SamplePass()
    assert built("sample{tile=32 order=[2,0,1] only-if ratio=2 mode=small label=x}") == SamplePass(
        32, (2, 0, 1), True, 2, "small", "x"
    )
    assert built("sample{order=3 label=none only-if=false}") == SamplePass(order=(3,), label=None)
    assert built('sample{label="none"}') == SamplePass(label=None)
    assert built("sample{label=7}") == SamplePass(label="7")
    assert built("needs{depth=2}") == NeedsPass(2)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("sampel", "ST0301", "did you mean 'sample'?"),
        ("sample{tiles=1}", "ST0302", "did you mean 'tile'?"),
        ("sample{tile=x}", "ST0302", "option 'tile' of pass 'sample' must be int, not x"),
        ("sample{tile=true}", "ST0302", "must be int, not true"),
        ("sample{tile=1,2}", "ST0302", "must be int, not [1,2]"),
        ("sample{tile=1.5}", "ST0302", "must be int, not 1.5"),
        ("sample{order=[1,x]}", "ST0302", "must be [int,...], not [1,x]"),
        ("sample{only-if=1}", "ST0302", "must be bool, not 1"),
        ("sample{mode=slow}", "ST0302", "must be fast|small, not slow"),
        ("needs", "ST0302", "needs the option depth"),
    ],
)
def test_wrong_options(text: str, code: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        built(text)
    assert caught.value.code == code
    assert said in str(caught.value)


def test_describe_options() -> None:
    assert describe_options(NeedsPass) == "{depth=int}"
    assert describe_options(SamplePass).startswith("{tile=int (16) order=[int,...] ([]) only-if=bool (false) ")
