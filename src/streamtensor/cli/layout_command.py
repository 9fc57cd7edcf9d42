# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor layout`: the stream order of an itensor type, and what lies between two."""

import click

from streamtensor.cli.entry import print_json


@click.command()
@click.argument("types", nargs=-1, required=True, metavar="TYPE [TYPE]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(types: tuple[str, ...], as_json: bool) -> None:
    """Explain the stream order of an itensor TYPE; with two, how the first is turned into the second.

    A TYPE is written as in the IR, with or without the leading "!dataflow.", for example
    "itensor<4x2xf32, iter_space: [4, 2] * [2, 4], iter_map: (d0, d1) -> (d1, d0)>". The exit code is 0 also where two
    types can't be connected.
    """
    if len(types) > 2:
        raise click.UsageError(f"give one type or two, not {len(types)}")
    from streamtensor.dialects import context
    from streamtensor.dialects.dataflow import parse_itensor_type
    from streamtensor.report.layout import compare_orders, describe

    parsed = [parse_itensor_type(context(), text) for text in types]
    described = [describe(one) for one in parsed]
    answer: dict[str, object] = described[0] if len(parsed) == 1 else {"types": described, **compare_orders(*parsed)}
    if as_json:
        print_json(answer)
        return
    for one in described:
        _print_one(one)
    if len(parsed) == 2:
        _print_two(answer)


def _print_one(one: dict[str, object]) -> None:
    offsets = one["order"]
    tokens, repeats = one["tokens"], one["repeats"]
    assert isinstance(offsets, list)
    assert isinstance(tokens, int)
    click.echo(one["type"])
    click.echo(f"  data      {_x(one['data_shape'])}")
    extra = [f"{what} {_by_dim(one[what])}" for what in ("overlap", "gap") if any(_ints(one[what]))]
    click.echo(f"  coverage  {one['coverage']}{': ' + ', '.join(extra) if extra else ''}")
    click.echo(f"  tokens    {tokens} of {one['token_bits']} bits, the data {_times(repeats)}")
    more = f" ... ({tokens - len(offsets)} more)" if tokens > len(offsets) else ""
    click.echo(f"  order     {' '.join(str(list(o)).replace(' ', '') for o in offsets)}{more}")


def _print_two(answer: dict[str, object]) -> None:
    match answer["connect"]:
        case "equal":
            click.echo("connect directly: the tokens come in the same order")
        case "converter":
            buffer, shared = _x(answer["buffer_shape"]), answer["shared_loops"]
            click.echo(f"connect through a converter: buffer {buffer}, {shared} shared loops")
            click.echo(
                f"  bits      {answer['buffer_bits']} ({answer['buffer_elements']} elements, {answer['copies']} "
                f"{'copies' if answer['copies'] != 1 else 'copy'})"
            )
            click.echo(f"  bound     {answer['live_elements_bound']} elements, ratio {answer['ratio']:.2f}")
        case _:
            click.echo(f"can't be connected: {answer['reason']}")


def _ints(value: object) -> list[int]:
    assert isinstance(value, list)
    return [int(number) for number in value]


def _x(shape: object) -> str:
    return "x".join(map(str, _ints(shape))) or "a scalar"


def _by_dim(sizes: object) -> str:
    return ", ".join(f"{size} in dim {dim}" for dim, size in enumerate(_ints(sizes)) if size)


def _times(repeats: object) -> str:
    return "once" if repeats == 1 else f"{repeats} times"
