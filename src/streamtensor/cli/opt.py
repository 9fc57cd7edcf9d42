# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor-opt`: reads IR text, runs passes on it, prints the result; the compiler writer's bench."""

import inspect
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from streamtensor.cli.entry import print_json, run
from streamtensor.cli.pipeline_text import PassText, build_passes, describe_options, parse_pipeline
from streamtensor.cli.split_input import compare_errors, expected_errors, split_input
from streamtensor.diagnostics import InternalError, UserError, UserErrors

if TYPE_CHECKING:
    from streamtensor.ir.builtin import ModuleOp
    from streamtensor.ir.core import Context, ModulePass


@dataclass(frozen=True)
class Options:
    """What happens around the passes."""

    verify_each: bool = False
    print_each: bool = False


@dataclass
class Result:
    """What one run gave: the text of each module, the seconds of each pass over all modules."""

    modules: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", default="-")
@click.option("-p", "--passes", default="", metavar="PIPELINE", help="PASS,PASS{option=value option2=[1,2]}")
@click.option("-o", "--output", metavar="FILE", help="Write the result there instead of to standard output.")
@click.option("--list-passes", is_flag=True, help="Print every pass with its options.")
@click.option("--verify-each", is_flag=True, help="Verify after every pass, not only at the end.")
@click.option("--print-ir-after-all", is_flag=True, help="Print the IR after every pass, on standard error.")
@click.option("--timing", is_flag=True, help="Print the seconds of every pass, on standard error.")
@click.option("--split-input-file", is_flag=True, help="Treat the parts between lines '// -----' one by one.")
@click.option(
    "--verify-diagnostics",
    is_flag=True,
    help="Check that the errors are those of comments '// expected-error {{TEXT}}'; print nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.version_option(package_name="streamtensor", prog_name="streamtensor-opt")
def command(
    file: str,
    passes: str,
    output: str | None,
    list_passes: bool,
    verify_each: bool,
    print_ir_after_all: bool,
    timing: bool,
    split_input_file: bool,
    verify_diagnostics: bool,
    as_json: bool,
) -> int:
    """Parses FILE (or standard input, '-'), verifies it, runs the passes of PIPELINE and prints the result."""
    if list_passes:
        _list_passes(as_json)
        return 0
    pipeline = parse_pipeline(passes)
    text = _read(file)
    parts = split_input(text) if split_input_file else [text]
    options = Options(verify_each, print_ir_after_all)
    result = Result()
    if verify_diagnostics:
        complaints: list[str] = []
        for part in parts:
            complaints += compare_errors(expected_errors(part), _errors_of(part, file, pipeline, options, result), file)
        for complaint in complaints:
            click.echo(complaint, err=True)
        return 1 if complaints else 0
    for part in parts:
        result.modules.append(_run_passes(part, file, pipeline, options, result.timings))
    if timing:
        _print_timings(result.timings)
    if as_json:
        print_json({"modules": result.modules, "timings": result.timings})
    else:
        _write("// -----\n".join(result.modules), output)
    return 0


def _run_passes(text: str, file: str, pipeline: Sequence[PassText], options: Options, timings: dict[str, float]) -> str:
    """The text of the module in `text` after the passes."""
    from streamtensor import dialects, pipelines
    from streamtensor.ir.text import parse_module, print_module, verify_module

    passes = build_passes(pipeline, pipelines.all_passes())
    context = dialects.context()
    module = parse_module(context, text, file)
    verify_module(module, text, file)
    for number, one in enumerate(passes):
        start = time.perf_counter()
        _apply(one, context, module)
        timings[one.name] = timings.get(one.name, 0.0) + time.perf_counter() - start
        if options.print_each:
            click.echo(f"// ----- IR after {one.name} -----\n{print_module(module)}", err=True)
        if options.verify_each or number == len(passes) - 1:
            _verify_after(one, module)
    return print_module(module)


def _apply(one: "ModulePass", context: "Context", module: "ModuleOp") -> None:
    from streamtensor.ir.core import PassFailedException

    try:
        one.apply(context, module)
    except PassFailedException as error:
        raise UserError("ST0306", f"{one.name}: {error}") from error


def _verify_after(one: "ModulePass", module: "ModuleOp") -> None:
    from streamtensor.ir.text import verify_module

    try:
        verify_module(module)
    except UserError as error:
        raise InternalError(f"the IR does not verify after the pass '{one.name}': {error}") from error


def _errors_of(
    text: str, file: str, pipeline: Sequence[PassText], options: Options, result: Result
) -> Sequence[UserError]:
    try:
        _run_passes(text, file, pipeline, options, result.timings)
    except UserError as error:
        return (error,)
    except UserErrors as errors:
        return errors.errors
    return ()


def _list_passes(as_json: bool) -> None:
    from streamtensor import pipelines

    passes = sorted(pipelines.all_passes().items())
    rows = [{"name": name, "options": describe_options(cls), "summary": _summary(cls)} for name, cls in passes]
    if as_json:
        print_json({"passes": rows})
    for row in [] if as_json else rows:
        click.echo(f"{row['name']}{row['options']}\n{textwrap.indent(row['summary'], '    ')}")


def _summary(cls: type[object]) -> str:
    """The first paragraph of the pass's own docstring."""
    return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]


def _print_timings(timings: Mapping[str, float]) -> None:
    width = max((len(name) for name in timings), default=0)
    for name, seconds in [*timings.items(), ("total", sum(timings.values()))]:
        click.echo(f"{name:<{width}}  {seconds:9.4f} s", err=True)


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError("ST0101", f"cannot read '{file}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError("ST0201", f"'{file}' is not a text in UTF-8") from error


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    path = Path(output)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError("ST0501", f"cannot write '{output}': {error.strerror}") from error


def main() -> NoReturn:
    """Entry point of the program `streamtensor-opt`."""
    run(command, "streamtensor-opt")


if __name__ == "__main__":
    main()
