# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The text of a pass pipeline: `PASS,PASS{option=value option2=[1,2] flag}`.

Names of passes and options are written with dashes. A value is an integer, a number, `true` or `false`, a word, a
"quoted string", or a list `[1,2]`, also written `1,2`. An option without a value is true.
"""

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from streamtensor.diagnostics import UserError, did_you_mean

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")
          |(?P<sign>[{}\[\],=])
          |(?P<word>[^\s{}\[\],="]+)
          |(?P<end>$))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")

P = TypeVar("P")


@dataclasses.dataclass(frozen=True)
class PassText:
    """One pass of a pipeline text: its name and its options as they were written."""

    name: str
    options: Mapping[str, Value]


def parse_pipeline(text: str) -> list[PassText]:
    """The passes that `text` names, in order; an empty text names none.

    Raises UserError ST0301 that points at the first character which does not fit.
    """
    return _PipelineParser(text).passes()


def build_passes(pipeline: Sequence[PassText], known: Mapping[str, type[P]]) -> list[P]:
    """An instance of each pass of `pipeline`, found by its name in `known`, a dataclass whose fields are its options.

    Raises UserError ST0301 for an unknown pass, ST0302 for an option that the pass does not have, that is missing,
    or whose value is of another type than the field.
    """
    return [build_pass(one, known) for one in pipeline]


def build_pass(text: PassText, known: Mapping[str, type[P]]) -> P:
    """The instance of one pass, as in `build_passes`."""
    cls = known.get(text.name)
    if cls is None:
        raise UserError("ST0301", f"unknown pass '{text.name}'", hint=did_you_mean(text.name, known))
    fields = option_fields(cls)
    types_of = get_type_hints(cls)
    values: dict[str, object] = {}
    for name, value in text.options.items():
        field = name.replace("-", "_")
        if field not in fields:
            options = [option.replace("_", "-") for option in fields]
            hint = did_you_mean(name, options) or f"'{text.name}' has no options"
            raise UserError("ST0302", f"pass '{text.name}' has no option '{name}'", hint=hint)
        values[field] = _convert(text.name, name, value, types_of[field])
    missing = [name for name, required in fields.items() if required and name not in values]
    if missing:
        names = ", ".join(name.replace("_", "-") for name in missing)
        raise UserError("ST0302", f"pass '{text.name}' needs the option {names}")
    return cls(**values)


def option_fields(cls: type[object]) -> dict[str, bool]:
    """The fields of a pass that are options, each with whether it must be given."""
    if not dataclasses.is_dataclass(cls):
        return {}
    return {
        field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(cls)
        if field.init
    }


def describe_options(cls: type[object]) -> str:
    """The options of a pass as they are written, with types and defaults: `{tile=int (16) order=tuple[int, ...]}`."""
    if not dataclasses.is_dataclass(cls):
        return ""
    types_of = get_type_hints(cls)
    parts: list[str] = []
    for field in dataclasses.fields(cls):
        if field.init:
            default = "" if field.default is dataclasses.MISSING else f" ({_value_text(field.default)})"
            parts.append(f"{field.name.replace('_', '-')}={_type_text(types_of[field.name])}{default}")
    return "{" + " ".join(parts) + "}" if parts else ""


class _PipelineParser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._scan()
        self.at = 0

    def _scan(self) -> list[tuple[str, str, int]]:
        tokens: list[tuple[str, str, int]] = []
        position = 0
        while True:
            match = _TOKEN.match(self.text, position)
            if match is None:
                self._fail("a quoted string that does not end", position)
            kind = match.lastgroup or "end"
            tokens.append((kind, match.group(kind), match.start(kind)))
            if kind == "end":
                return tokens
            position = match.end()

    def _fail(self, what: str, position: int) -> NoReturn:
        raise UserError(
            "ST0301",
            f"the pipeline text is not valid at column {position + 1}: {what}",
            notes=[self.text + "\n" + " " * position + "^"],
            hint="the form is PASS,PASS{option=value option2=[1,2]}",
        )

    def _peek(self, sign: str) -> bool:
        kind, text, _ = self.tokens[self.at]
        return kind == "sign" and text == sign

    def _take(self, sign: str) -> bool:
        if self._peek(sign):
            self.at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            self._fail(f"expected '{sign}', found {self._found()}", self.tokens[self.at][2])

    def _found(self) -> str:
        kind, text, _ = self.tokens[self.at]
        return "the end" if kind == "end" else f"'{text}'"

    def _word(self, what: str) -> str:
        kind, text, position = self.tokens[self.at]
        if kind != "word":
            self._fail(f"expected {what}, found {self._found()}", position)
        self.at += 1
        return text

    def passes(self) -> list[PassText]:
        result: list[PassText] = []
        if self.tokens[0][0] == "end":
            return result
        while True:
            name = self._word("the name of a pass")
            result.append(PassText(name, self._options() if self._take("{") else {}))
            if self.tokens[self.at][0] == "end":
                return result
            self._expect(",")

    def _options(self) -> dict[str, Value]:
        options: dict[str, Value] = {}
        while not self._take("}"):
            position = self.tokens[self.at][2]
            name = self._word("the name of an option, or '}'")
            if name in options:
                self._fail(f"option '{name}' is given twice", position)
            options[name] = self._value() if self._take("=") else True
        return options

    def _value(self) -> Value:
        if self._take("["):
            values: list[Scalar] = []
            while not self._take("]"):
                if values:
                    self._expect(",")
                values.append(self._scalar())
            return tuple(values)
        first = self._scalar()
        if not self._peek(","):
            return first
        values = [first]
        while self._take(","):
            values.append(self._scalar())
        return tuple(values)

    def _scalar(self) -> Scalar:
        kind, text, _ = self.tokens[self.at]
        if kind == "string":
            self.at += 1
            return _ESCAPE.sub(r"\1", text[1:-1])
        word = self._word("a value")
        if word in ("true", "false"):
            return word == "true"
        for number in (int, float):
            try:
                return number(word)
            except ValueError:
                continue
        return word


def _convert(pass_name: str, option: str, value: Value, wanted: object) -> object:
    fits, converted = _fit(value, wanted)
    if fits:
        return converted
    raise UserError(
        "ST0302",
        f"option '{option}' of pass '{pass_name}' must be {_type_text(wanted)}, not {_value_text(value)}",
    )


def _fit(value: Value, wanted: object) -> tuple[bool, object]:
    """Whether `value` can be of the type `wanted`, and the value in that type."""
    if get_origin(wanted) in (Union, types.UnionType):
        choices = sorted(get_args(wanted), key=lambda choice: choice is not type(None))  # a str would take "none" too
        tries = (_fit(value, choice) for choice in choices)
        return next((one for one in tries if one[0]), (False, value))
    if get_origin(wanted) is tuple:
        element = get_args(wanted)[0]
        items = [_fit(item, element) for item in (value if isinstance(value, tuple) else (value,))]
        return all(fits for fits, _ in items), tuple(item for _, item in items)
    if get_origin(wanted) is Literal:
        return value in get_args(wanted), value
    if wanted is type(None):
        return value == "none", None
    if wanted is str:
        return not isinstance(value, tuple), value if isinstance(value, str) else _value_text(value)
    if wanted is bool or isinstance(value, bool):
        return wanted is bool and isinstance(value, bool), value
    if wanted is float:
        return isinstance(value, int | float), value
    return wanted is int and isinstance(value, int), value


def _type_text(wanted: object) -> str:
    if get_origin(wanted) is Literal:
        return "|".join(str(choice) for choice in get_args(wanted))
    if get_origin(wanted) in (Union, types.UnionType):
        return "|".join(_type_text(choice) for choice in get_args(wanted))
    if get_origin(wanted) is tuple:
        return f"[{_type_text(get_args(wanted)[0])},...]"
    if wanted is type(None):
        return "none"
    return wanted.__name__ if isinstance(wanted, type) else str(wanted)


def _value_text(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(_value_text(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)
