# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every command shares: exit codes, errors as text or JSON, and the bundle of an internal error.

Exit codes: 0 done, 1 the user's input, 2 usage, 70 our bug, 130 interrupted.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from streamtensor.diagnostics import UserError, UserErrors

INPUT, USAGE, BUG, INTERRUPTED = 1, 2, 70, 130


def run(command: click.Command, program: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs `command` and exits the process; `arguments` are those of the process when None."""
    sys.exit(run_for_code(command, program, list(sys.argv[1:] if arguments is None else arguments)))


def run_for_code(command: click.Command, program: str, arguments: list[str]) -> int:
    """Runs `command` and returns its exit code; whatever goes wrong has been told to the user by then."""
    as_json = "--json" in arguments
    try:
        result = command.main(arguments, prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (UserError, UserErrors) as error:
        _tell(error, as_json)
        return INPUT
    except click.UsageError as error:
        _tell(_usage_error(error, program), as_json)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        print(f"{program}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what is left must not be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INPUT
    except Exception as error:
        _tell_bug(error, [program, *arguments], as_json)
        return BUG


def print_json(value: object) -> None:
    """Writes a result as JSON to standard output."""
    click.echo(json.dumps(value, indent=2))


def _tell(error: UserError | UserErrors, as_json: bool) -> None:
    from streamtensor.diagnostics.render import error_json, print_error

    if as_json:
        print_json(error_json(error))
    else:
        print_error(error)


def _usage_error(error: click.UsageError, program: str) -> UserError:
    where = error.ctx.command_path if error.ctx else program
    return UserError("ST0504", error.format_message(), hint=f"see '{where} --help'")


def _tell_bug(error: Exception, command: list[str], as_json: bool) -> None:
    from streamtensor.diagnostics.bundle import write_bundle

    bundle = write_bundle(error, command, _ir_files(command[1:]))
    message = f"{type(error).__name__}: {error}".strip()
    if as_json:
        print_json({"error": {"code": "internal", "message": message, "bundle": str(bundle)}})
        return
    print(f"internal error: {message}", file=sys.stderr)
    print(f"  This is a fault of the compiler. Please report it with the folder {bundle}", file=sys.stderr)


def _ir_files(arguments: Sequence[str]) -> list[Path]:
    """The IR files among the arguments and in the folders among them."""
    found: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found += sorted(path.glob("*.mlir")) + sorted(path.glob("*/*.mlir"))
        elif path.suffix == ".mlir" and path.is_file():
            found.append(path)
    return found
