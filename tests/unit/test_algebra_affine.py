# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import pytest

from streamtensor.algebra import AffineError, AffineMap, LinearExpr


@pytest.mark.parametrize(
    "text",
    [
        "(d0, d1) -> (d1, d0 + d1 * 4)",
        "() -> (0)",
        "(d0) -> ()",
        "(d0, d1) -> (d0 - d1, d0 * -4 - d1 * 3 - 2, -d0 + 3, -5, -d0 - d1)",
    ],
)
def test_prints_as_mlir_does(text: str) -> None:
    assert str(AffineMap.parse(text)) == text


def test_parse_simplifies_to_the_one_linear_form() -> None:
    parsed = AffineMap.parse("(i, j)->(2*(j + 1) - i - 2 + i*3, (4) * j * 2, j - -1)")
    assert str(parsed) == "(d0, d1) -> (d0 * 2 + d1 * 2, d1 * 8, d1 + 1)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(d0)[s0] -> (d0 + s0)", "symbols"),
        ("(d0) -> (d0 floordiv 4)", "'floordiv' is not linear"),
        ("(d0) -> (d0 mod 4)", "'mod' is not linear"),
        ("(d0, d1) -> (d0 * d1)", "product of two dimensions"),
        ("(d0) -> (d1)", "found 'd1'"),
        ("(d0, d0) -> (d0)", "new dimension name"),
        ("(d0) -> (d0", "the end"),
        ("(d0) -> (d0) x", "unexpected 'x'"),
        ("(d0) -> (d0 / 2)", "unexpected character '/'"),
        ("(d0 d1) -> (d0)", "expected ','"),
        ("", "expected '('"),
    ],
)
def test_parse_errors_name_the_place(text: str, reason: str) -> None:
    with pytest.raises(AffineError) as error:
        AffineMap.parse(text)
    assert reason in error.value.reason


def test_questions() -> None:
    m = AffineMap.parse("(d0, d1, d2) -> (d2, d0 * 2 + 1, 0)")
    assert m.used_dims == (0, 2)
    assert m.column(0) == (0, 2, 0)
    assert m.evaluate((5, 6, 7)) == (7, 11, 0)
    assert [r.single_dim for r in m.results] == [2, None, None]
    assert [r.is_zero for r in m.results] == [False, False, True]
    assert hash(m) == hash(AffineMap.parse(str(m)))


@pytest.mark.parametrize(
    ("text", "plain", "with_zeros"),
    [
        ("(d0, d1, d2) -> (d2, d0)", True, True),
        ("(d0, d1) -> (d1, 0)", False, True),
        ("(d0, d1) -> (d1, d1)", False, False),
        ("(d0, d1) -> (d1, d0 * 2)", False, False),
        ("(d0, d1) -> (d1, d0 + 1)", False, False),
        ("(d0, d1) -> (d0 + d1)", False, False),
    ],
)
def test_projected_permutation(text: str, plain: bool, with_zeros: bool) -> None:
    m = AffineMap.parse(text)
    assert m.is_projected_permutation() == plain
    assert m.is_projected_permutation(allow_zeros=True) == with_zeros


def test_changes() -> None:
    m = AffineMap.parse("(d0, d1, d2) -> (d2, d0 + d1 * 2 + 3)")
    assert str(m.drop_dims([1])) == "(d0, d1) -> (d1, d0 + 3)"
    assert str(m.permute((1, 2))) == "(d0, d1) -> (d1, d0 * 2 + 3)"
    assert str(AffineMap.identity(2)) == "(d0, d1) -> (d0, d1)"
    assert str(m.compose(AffineMap.parse("(d0) -> (d0, d0 + 1, 7)"))) == "(d0) -> (7, d0 * 3 + 5)"


def test_wrong_sizes_are_errors() -> None:
    m = AffineMap.identity(2)
    with pytest.raises(AffineError, match="2 dimensions, but 1 values"):
        m.evaluate((1,))
    with pytest.raises(AffineError, match="takes 2 values, the inner map gives 3"):
        m.compose(AffineMap.identity(3))
    with pytest.raises(AffineError, match="not a selection of the 2"):
        m.permute((0, 0))
    with pytest.raises(AffineError, match="d5 does not exist"):
        AffineMap.select(2, (5,))
    with pytest.raises(AffineError, match="1 coefficients in a map of 2"):
        AffineMap(2, (LinearExpr((1,)),))
