# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parsing and printing of modules as text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from xdsl.context import Context
from xdsl.dialects import affine, arith, builtin, cf, func, linalg, math, memref, scf, tensor, vector
from xdsl.ir import Attribute, Dialect, Operation
from xdsl.ir.affine import AffineMap
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from streamtensor.diagnostics import Location, UserError
from streamtensor.ir.locations import location
from streamtensor.ir.printing import text_of

_ITENSOR = "!dataflow.itensor<"

UPSTREAM: tuple[Dialect, ...] = (
    builtin.Builtin,
    affine.Affine,
    arith.Arith,
    cf.Cf,
    func.Func,
    linalg.Linalg,
    math.Math,
    memref.MemRef,
    scf.Scf,
    tensor.Tensor,
    vector.Vector,
)


_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+")|//.*')  # a comment, or a string, in which // begins none


def make_context(dialects: Iterable[Dialect] = ()) -> Context:
    """A context with the upstream dialects that the compiler uses and `dialects` besides."""
    context = Context()
    for dialect in (*UPSTREAM, *dialects):
        context.load_dialect(dialect)
    return context


def parse_module(context: Context, text: str, file: str = "<text>") -> builtin.ModuleOp:
    """The module that `text` holds, not yet verified.

    Raises UserError ST0201 with the line of `file` when the text is not valid IR.
    """
    parser: Parser | None = None
    try:
        parser = Parser(context, text, file)  # reads the first token
        return parser.parse_module()
    except ParseError as error:
        message = _first_line(error.msg)
        place = _line_at(text, _start_of_fault(text, error.span.start, message), file)
        raise UserError("ST0201", message, location=place) from error
    except VerifyException as error:  # attributes verify themselves while they are parsed
        place = _line_at(text, parser.pos if parser else 0, file)
        raise UserError("ST0202", _first_line(str(error)), location=place) from error
    except Exception as error:  # some parsers of the framework let plain Python errors through
        message = _first_line(str(error)) or "this cannot be parsed"
        raise UserError("ST0201", message, location=_line_at(text, parser.pos if parser else 0, file)) from error


def parse_attribute(context: Context, text: str) -> Attribute:
    """The one attribute or type that `text` is.

    Raises UserError ST0201 when it is none.
    """
    try:
        return Parser(context, text).parse_attribute()
    except (ParseError, VerifyException) as error:
        raise UserError("ST0201", f"{text} is not an attribute: {_first_line(str(error))}") from error


def _start_of_fault(text: str, position: int, message: str) -> int:
    """Where the fault really is: the parser stops only after an operation or a value that it does not know."""
    operation = re.match(r"Operation (\S+) is not registered", message)
    if operation:
        return max(0, text.rfind(operation[1], 0, position))
    value = re.match(r"values used but not defined: \[(%[\w$.-]+)", message)
    found = re.search(re.escape(value[1]) + r"(?![\w$.-])", text) if value else None
    return found.start() if found else position


def _line_at(text: str, position: int, file: str) -> Location:
    """The line of `text` at a character position; the last line when the position is behind it."""
    lines = text.splitlines()
    number = min(text.count("\n", 0, position) + 1, max(1, len(lines)))
    return Location(file, number, lines[number - 1].strip() if lines else "")


def verify_module(module: builtin.ModuleOp, text: str = "", file: str = "<text>") -> None:
    """Verifies every operation of `module`.

    Raises UserError ST0202 that names the line of `text` (where the operation was found, when `text` is what
    the module was parsed from) and the model's own line.
    """
    for op in module.walk():
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException as error:
            place = _line_of(module, op, text, file) or location(op)
            raise UserError("ST0202", f"{op.name}: {_first_line(str(error))}", location=place) from error


def print_module(module: Operation) -> str:
    """The text of `module`; parsing it gives the same module again.

    An itensor type that occurs more than once is written out at the top and has a short name below (`!itensor_0`).
    """
    text = text_of(module)
    occurrences = Counter(_itensor_types(text))
    repeated = [itensor for itensor, count in occurrences.items() if count > 1]
    names = {itensor: f"!itensor_{number}" for number, itensor in enumerate(repeated)}
    parts: list[str] = []
    end = 0
    for start, stop in _itensor_spans(text):
        itensor = text[start:stop]
        parts += [text[end:start], names.get(itensor, itensor)]
        end = stop
    header = "".join(f"{name} = {itensor}\n" for itensor, name in names.items())
    return header + "".join([*parts, text[end:]]) + "\n"


def _itensor_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where itensor types stand in `text`: from the `!` to the bracket that closes the type."""
    start = text.find(_ITENSOR)
    while start >= 0:
        position, depth = start + len(_ITENSOR), 1
        while depth:
            character = text[position]
            if character == "<":
                depth += 1
            elif character == ">" and text[position - 1] != "-":  # not the arrow of the map
                depth -= 1
            position += 1
        yield start, position
        start = text.find(_ITENSOR, position)


def _itensor_types(text: str) -> Iterator[str]:
    return (text[start:stop] for start, stop in _itensor_spans(text))


def _first_line(message: str) -> str:
    for line in message.splitlines():
        if line.strip():
            return line.strip()
    return message


def _line_of(module: builtin.ModuleOp, op: Operation, text: str, file: str) -> Location | None:
    """The line of `text` on which the n-th operation with the name of `op` stands."""
    if not text:
        return None
    index = [other for other in module.walk() if other.name == op.name].index(op)
    quoted = f'"{op.name}"'
    pattern = re.compile(rf"(?<![\w.]){re.escape(op.name)}(?![\w.])")
    seen = 0
    for number, line in enumerate(text.splitlines(), 1):
        code = _COMMENT.sub(lambda match: match[1] if match[1] == quoted else "", line)
        seen += len(pattern.findall(code))
        if seen > index:
            return Location(file, number, line.strip())
    return None


def parse_affine_map(text: str) -> AffineMap:
    """The affine map in MLIR's notation, `(d0, d1) -> (d1, d0)`."""
    return Parser(Context(), text).parse_affine_map()
