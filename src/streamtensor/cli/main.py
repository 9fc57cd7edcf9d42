# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor`: finds its commands by the names of the modules in this package."""

import importlib
import pkgutil
from typing import NoReturn

import click

from streamtensor import cli
from streamtensor.cli.entry import run
from streamtensor.diagnostics import did_you_mean

_SUFFIX = "_command"


class Commands(click.Group):
    """A group whose command NAME is `command` in the module `NAME_command`, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        modules = (module.name for module in pkgutil.iter_modules(cli.__path__))
        return sorted(name.removesuffix(_SUFFIX) for name in modules if name.endswith(_SUFFIX))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found = importlib.import_module(f"streamtensor.cli.{cmd_name}{_SUFFIX}").command
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; a usage error with the nearest name when there is none."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"no such command '{args[0]}', {did_you_mean(args[0], known)}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the input, 2 usage, 70 a fault of the compiler. Every command has --json.",
)
@click.version_option(package_name="streamtensor", prog_name="streamtensor")
def command() -> None:
    """Compiles PyTorch models into stream-based dataflow accelerators for FPGAs."""


def main() -> NoReturn:
    """Entry point of the program `streamtensor`."""
    run(command, "streamtensor")


if __name__ == "__main__":
    main()
