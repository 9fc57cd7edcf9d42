# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`streamtensor explore`: searches the design space of a model, and shows, explains and compiles what was found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamtensor.cli.entry import INTERRUPTED, print_json
from streamtensor.cli.number import Number
from streamtensor.cli.progress import TerminalEvents
from streamtensor.cli.tables import print_table

if TYPE_CHECKING:
    from streamtensor.explore.study import Study
    from streamtensor.explore.trial import Trial
    from streamtensor.flow.explore import Explored

SEARCHERS = ("optuna", "exhaustive", "heuristics", "random")
OF_THE_SPACE = (
    "device",
    "part",
    "scheme",
    "prompt_len",
    "context",
    "objective",
    "searcher",
    "seed",
    "fix",
    "out",
)
OF_THE_SEARCH = ("trials", "workers", "ray", "timeout", "trial_timeout", "resume")
ABOUT_A_STUDY = ("show", "explain", "apply", "replay")
ENDINGS = {
    "trials": "",
    "space": "nothing is left to try",
    "time": "the time is over; go on with --resume",
    "interrupted": "interrupted; nothing is lost, go on with --resume",
}


_CHANGES_SHOWN = 8  # parameters of a point in a table; report.html and --json have all


@click.command()
@click.argument("source")
@click.option("--device", default="u55c", show_default=True, help="Name of a device, or a device file (.toml).")
@click.option("--part", metavar="NAME", help="Program of the model: prefill, decode.")
@click.option("--scheme", metavar="NAME", help="Quantise the model: w8a8, w4a8, w4a8-g128; float32 leaves it as it is.")
@click.option("--prompt-len", type=click.IntRange(min=1), metavar="N", help="Rows of the prefill program.")
@click.option("--context", type=click.IntRange(min=1), metavar="N", help="Rows of the KV cache of the decode program.")
@click.option("--objective", default="latency,bits", show_default=True, help="What is to be small, with commas.")
@click.option("--trials", type=click.IntRange(min=1), default=100, show_default=True, help="Trials of the whole study.")
@click.option("--searcher", type=click.Choice(SEARCHERS), default="optuna", show_default=True, help="Who searches.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed and one worker: the same trials.")
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Hold a parameter; may be given several times.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes that evaluate; 1 unless given.")
@click.option("--ray", metavar="ADDRESS", help="Evaluate on a Ray cluster; 'local' starts one on this machine.")
@click.option("--timeout", type=Number(min=0), metavar="SECONDS", help="Begin no more trials after that.")
@click.option(
    "--trial-timeout",
    type=Number(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop a trial that takes longer; it counts as lost.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="STUDY", help="Folder of the study.")
@click.option("--resume", is_flag=True, help="Go on with the study where it stopped.")
@click.option("--force", is_flag=True, help="Replace a study that is there.")
@click.option("--show", is_flag=True, help="Print the Pareto set of the study SOURCE.")
@click.option("--explain", type=click.IntRange(min=0), metavar="N", help="Say why point N of the study does not fit.")
@click.option(
    "--apply", type=click.IntRange(min=0), metavar="N", help="Compile point N of the study into the folder -o."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write, for --apply.")
@click.option("--replay", is_flag=True, help="Evaluate every point of the study again and compare.")
@click.option("--quiet", is_flag=True, help="Say nothing but the result and errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(ctx: click.Context, source: str, **options: Any) -> int:
    """Search the design space of SOURCE: a compiled folder, a model, or the name of a shape.

    Every trial is kept in a folder, the study, with the Pareto set (pareto.json) and a page with plots (report.html).
    With --show, --explain, --apply, --replay or only --resume, SOURCE is such a folder.
    """
    study = Path(source) / "study.json"
    asked = [name for name in ABOUT_A_STUDY if options[name] is not None and options[name] is not False]
    if len(asked) > 1:
        raise click.UsageError("--" + " and --".join(asked) + " are different questions")
    if study.is_file():
        _refuse(ctx, "the study says what it is about", OF_THE_SPACE)
        if asked:
            _refuse(ctx, f"--{asked[0]} evaluates no new points", OF_THE_SEARCH)
        if not asked and not options["resume"]:
            wanted = ", ".join(f"--{name}" for name in ABOUT_A_STUDY)
            raise click.UsageError(f"{source} is a study: add --resume to go on with it, or one of {wanted}")
    elif asked:
        from streamtensor.explore.study import Study

        Study.read(Path(source))  # says that it is no study
    if options["resume"] and options["force"]:
        raise click.UsageError("--resume goes on with a study, --force replaces it: one of them")
    if (options["output"] is not None) != (asked == ["apply"]):
        raise click.UsageError("--apply N and -o DIR go together")
    match asked:
        case ["show"]:
            return _show(Path(source), options)
        case ["explain"]:
            return _explain(Path(source), options)
        case ["apply"]:
            return _apply(Path(source), options)
        case ["replay"]:
            return _replay(Path(source), options)
        case _:
            return _search(source, study.is_file(), options)


def _refuse(ctx: click.Context, why: str, names: tuple[str, ...]) -> None:
    for name in names:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} can't be given here: {why}")


def _search(source: str, is_study: bool, options: dict[str, Any]) -> int:
    from streamtensor.flow import explore

    quiet = options["quiet"] or options["as_json"]
    with TerminalEvents(quiet=quiet) as events:
        events.stage("read the model", 0, 0)
        if is_study:
            study, space = explore.reopen(Path(source))
        else:
            names = ("device", "part", "scheme", "prompt_len", "context")
            study, space = explore.begin(
                explore.recipe_of(source, {name: options[name] for name in names}),
                options["out"] or Path(f"study-{_stem(source)}"),
                objectives=options["objective"].split(","),
                searcher=options["searcher"],
                seed=options["seed"],
                fix=options["fix"],
                resume=options["resume"],
                force=options["force"],
            )
        count = options["workers"] or (1 if options["ray"] is None else 0)
        crew = explore.Crew(count, options["ray"], options["trial_timeout"])
        found = explore.run(
            study, space, options["trials"], crew=crew, timeout_seconds=options["timeout"], events=events
        )
    if options["as_json"]:
        print_json({"study": str(study.folder), "ending": found.ending, **study.pareto_json()})
    else:
        if study.trials:
            _print_study(study)
        _print_ending(found)
    return INTERRUPTED if found.ending == "interrupted" else 0


def _show(folder: Path, options: dict[str, Any]) -> int:
    from streamtensor.explore.study import Study

    study = Study.read(folder)
    if options["as_json"]:
        print_json({"study": str(folder), **study.pareto_json()})
    else:
        _print_study(study)
    return 0


def _explain(folder: Path, options: dict[str, Any]) -> int:
    from streamtensor.explore.study import Study

    study = Study.read(folder)
    trial = study.trial(options["explain"])
    if options["as_json"]:
        print_json(trial.to_json())
        return 0
    changes = ", ".join(f"{name}={_text(value)}" for name, value in study.changes(trial).items())
    click.echo(f"point {trial.number} ({trial.origin}): {changes or 'the default point'}")
    if trial.evaluation is None:
        click.echo(f"{trial.state}: {trial.problem}")
        return 0
    for name, value in trial.evaluation.objectives.items():
        click.echo(f"  {name}: {value:,.12g}")
    if trial.feasible:
        click.echo("it fits")
    for one in trial.evaluation.violations:
        click.echo(f"\n{one.constraint}: {one.needed:,.12g} {one.unit} needed, {one.available:,.12g} available")
        click.echo(f"  over by {one.needed - one.available:,.12g} {one.unit}, {one.excess:.1%}")
        for name, amount in one.terms.items():
            click.echo(f"  term:  {name} {amount:,.12g}")
        for lever in one.levers:
            click.echo(f"  lever: {lever}")
    return 0


def _apply(folder: Path, options: dict[str, Any]) -> int:
    from streamtensor.cli.tables import flatten, print_rows
    from streamtensor.flow import explore

    with TerminalEvents(quiet=options["quiet"] or options["as_json"]) as events:
        study, space = explore.reopen(folder)
        number, out = options["apply"], options["output"]
        result = explore.compile_point(study, space, number, out, force=options["force"], events=events)
    if options["as_json"]:
        print_json({"folder": str(result.folder), **result.summary})
    else:
        print_rows([("folder", str(result.folder)), *flatten(result.summary)])
    return 0


def _replay(folder: Path, options: dict[str, Any]) -> int:
    from streamtensor.flow import explore

    with TerminalEvents(quiet=options["quiet"] or options["as_json"]) as events:
        study, space = explore.reopen(folder)
        found = explore.replay(study, space, events)
    if options["as_json"]:
        counts = {"trials": len(study.trials), "evaluated": len(study.evaluated)}
        print_json({"study": str(folder), **counts, "differences": found})
    elif found:
        click.echo("\n".join(found))
    else:
        unknown = len(study.trials) - len(study.evaluated)
        without = f"; {unknown} without a result" if unknown else ""
        click.echo(f"{len(study.evaluated)} trials, none has changed{without}")
    return 1 if found else 0


def _print_study(study: "Study") -> None:
    from streamtensor.spaces.evaluation import PROVENANCE, UNITS

    objectives = study.question.objectives
    shown = {trial.number: trial for trial in study.trials if study.rule(trial)} | {t.number: t for t in study.front}
    front = {trial.number for trial in study.front}
    rows: list[tuple[str, ...]] = []
    for trial in sorted(
        shown.values(), key=lambda one: (one.number not in front, one.values(objectives) or (), one.number)
    ):
        values = trial.values(objectives)
        cells = ("-",) * len(objectives) if values is None else tuple(f"{value:,.12g}" for value in values)
        rows.append(
            (
                str(trial.number),
                "yes" if trial.number in front else _why_not(trial),
                *cells,
                _from_default(study, trial),
            )
        )
    titles = [_title(str(one), UNITS[one], PROVENANCE[one]) for one in objectives]
    header = ("point", "Pareto", *titles, "against the default")
    print_table(header, rows, left=(1, len(header) - 1))
    count = len(study.trials)
    failed = [trial for trial in study.trials if trial.problem is not None]
    click.echo(f"\n{count} trials, {sum(trial.feasible for trial in study.trials)} fit, {len(front)} in the Pareto set")
    for trial in failed[:3]:
        click.echo(f"trial {trial.number} {trial.state}: {trial.problem}", err=True)
    if len(failed) > 3:
        click.echo(f"and {len(failed) - 3} more failed or were lost: {study.folder}/trials.jsonl", err=True)


def _title(name: str, unit: str, provenance: str) -> str:
    return f"{name} ({provenance})" if name == unit else f"{name}, {unit} ({provenance})"


def _why_not(trial: "Trial") -> str:
    if trial.evaluation is None:
        return trial.state
    return "no" if trial.feasible else "does not fit"


def _from_default(study: "Study", trial: "Trial") -> str:
    changed = [f"{name}={_text(value)}" for name, value in study.changes(trial).items()]
    more = [f"and {len(changed) - _CHANGES_SHOWN} more"] if len(changed) > _CHANGES_SHOWN else []
    changes = ", ".join([*changed[:_CHANGES_SHOWN], *more]) or "nothing"
    rule = study.rule(trial)
    return f"{rule}: {changes}" if rule and changes != "nothing" else rule or changes


def _print_ending(found: "Explored") -> None:
    study = found.study
    if found.study.front:
        compiled = f"streamtensor explore {study.folder} --apply N -o DIR"
        click.echo(f"{study.folder / 'report.html'} shows them; compile one: {compiled}")
    elif study.trials:
        one, what = (study.evaluated[0], "fits") if study.evaluated else (study.trials[0], "was evaluated")
        click.echo(f"no point {what}; why: streamtensor explore {study.folder} --explain {one.number}")
    if ENDINGS[found.ending]:
        click.echo(ENDINGS[found.ending], err=True)


def _text(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)


def _stem(source: str) -> str:
    file, _, name = source.partition(":")
    return name or Path(file).resolve().name if Path(file).exists() else source
