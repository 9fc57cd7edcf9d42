# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor explain`: what an error code means."""

import textwrap

import click

from streamtensor.cli.entry import print_json
from streamtensor.diagnostics import UserError, did_you_mean


@click.command()
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(code: str | None, as_json: bool) -> None:
    """Explain an error code; without CODE, list all codes."""
    from streamtensor.diagnostics.catalogue import CATALOGUE, explanation

    if code is None:
        if as_json:
            print_json({"codes": {entry.code: entry.title for entry in CATALOGUE.values()}})
        for entry in () if as_json else CATALOGUE.values():
            click.echo(f"{entry.code}  {entry.title}")
        return
    entry = CATALOGUE.get(code.upper())
    if entry is None:
        raise UserError("ST0505", f"unknown error code '{code}'", hint=did_you_mean(code, CATALOGUE))
    if as_json:
        print_json({"code": entry.code, "title": entry.title, "explanation": explanation(entry)})
    else:
        click.echo(f"{entry.code}: {entry.title}\n")
        click.echo(textwrap.fill(explanation(entry), 100, initial_indent="  ", subsequent_indent="  "))
