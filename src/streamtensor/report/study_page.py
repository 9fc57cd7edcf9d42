# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A study as one HTML page that needs no network: the Pareto plot, the best so far, and every trial in a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamtensor.cost.content_cache import kept_or_made
from streamtensor.explore.study import Study
from streamtensor.explore.trial import Trial
from streamtensor.spaces.evaluation import UNITS, Objective

_TEMPLATE = Path(__file__).with_suffix(".html.jinja")
_KINDS = ("Pareto set", "other", "does not fit")
_COLOURS = ("#c2410c", "#64748b", "#cbd5e1")
_FAR_APART = 20  # the largest value above the smallest from which an axis is logarithmic


def study_page(study: Study) -> str:
    """The page. Figures: latency simulated, all others from models of the compiler."""
    from jinja2 import Environment, StrictUndefined

    objectives = study.question.objectives
    front = {trial.number for trial in study.front}
    shown = [_row(study, trial, front) for trial in sorted(study.trials, key=lambda trial: trial.number)]
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE.read_text("utf-8"))
    return template.render(
        title=str(study.question.space.get("source", study.folder.name)),
        space={name: _text(value) for name, value in study.question.space.items()},
        question={"searcher": study.question.searcher, "seed": study.question.seed},
        objectives=[(str(one), UNITS[one]) for one in objectives],
        trials=shown,
        count=len(shown),
        feasible=sum(trial.feasible for trial in study.trials),
        front=[row for row in shown if row["kind"] == _KINDS[0]],
        parameters=study.question.parameters,
        bundle=_bundle(),
        plots=_embedded(study_plots(study)),
    )


def study_plots(study: Study) -> dict[str, Any]:
    """Vega-Lite: the trials by their first two objectives, and the best value of each objective so far."""
    import altair as alt

    objectives = study.question.objectives
    front = {trial.number for trial in study.front}
    trials = sorted(study.trials, key=lambda trial: trial.number)
    rows = [_row(study, trial, front) for trial in trials if trial.values(objectives) is not None]
    values: list[dict[str, Any]] = [{**row, **row["objectives"]} for row in rows]
    x = alt.X(str(objectives[0]), type="quantitative", title=_axis(objectives[0]), scale=_scale(values, objectives[0]))
    if len(objectives) > 1:
        y = alt.Y(
            str(objectives[1]), type="quantitative", title=_axis(objectives[1]), scale=_scale(values, objectives[1])
        )
    else:
        y = alt.Y("number", type="quantitative", title="trial")
    named = _labels(values, *[*map(str, objectives), "number"][:2])
    tips = [alt.Tooltip(name, type="nominal") for name in ("number", "origin", "kind", *map(str, objectives))]
    tips += [alt.Tooltip(field, type="nominal", title=title) for field, title in _TIPS]
    colour = alt.Color("kind", type="nominal", title=None, scale=alt.Scale(domain=list(_KINDS), range=list(_COLOURS)))
    shape = alt.Shape(
        "kind", type="nominal", title=None, scale=alt.Scale(domain=list(_KINDS), range=["circle", "circle", "cross"])
    )
    data = alt.InlineData(values=values)
    points = alt.Chart(data).mark_point(filled=True, size=70).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
    best = alt.InlineData(values=[value for value in values if value["kind"] == _KINDS[0]])
    line = alt.Chart(best).mark_line(color=_COLOURS[0], interpolate="step-after", opacity=0.5).encode(x=x, y=y)
    names = (
        alt.Chart(alt.InlineData(values=named))
        .mark_text(align="left", dx=8, dy=-6, fontWeight="bold")
        .encode(x=x, y=y, text=alt.Text("rule", type="nominal"))
    )
    layers = [line, points, names] if len(objectives) > 1 else [points, names]
    scatter = alt.layer(*layers).properties(width="container", height=380, title="Trials").interactive()
    curves = (
        alt.Chart(alt.InlineData(values=best_so_far(trials, objectives)))
        .mark_line(interpolate="step-after", point=False)
        .encode(
            x=alt.X("number", type="quantitative", title="trial"),
            y=alt.Y("share", type="quantitative", title="of the default point", scale=alt.Scale(zero=False)),
            color=alt.Color("objective", type="nominal", title=None),
            tooltip=[
                alt.Tooltip("number", type="nominal"),
                alt.Tooltip("objective", type="nominal"),
                alt.Tooltip("best", type="nominal"),
            ],
        )
        .properties(width="container", height=220, title="Best so far")
    )
    return {"trials": json.loads(scatter.to_json()), "best": json.loads(curves.to_json())}


def _scale(rows: Sequence[Mapping[str, Any]], objective: Objective) -> Any:
    """Logarithmic where values are far apart: a design can be a hundred times faster than another."""
    import altair as alt

    values = [row[str(objective)] for row in rows]
    far = bool(values) and min(values) > 0 and max(values) > _FAR_APART * min(values)
    return alt.Scale(type="log" if far else "linear", zero=False, nice=not far, padding=12 if far else 0)


def _labels(rows: Sequence[Mapping[str, Any]], x: str, y: str) -> list[dict[str, Any]]:
    """One label for all heuristics that have their point at the same place of the plot."""
    rules: dict[tuple[float, float], list[str]] = {}
    for row in rows:
        if row["rule"]:
            rules.setdefault((row[x], row[y]), []).append(row["rule"])
    return [{x: place[0], y: place[1], "rule": ", ".join(names)} for place, names in rules.items()]


def best_so_far(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    """For each trial and objective the best value of all feasible trials up to it, and its share of the first one's.

    The first feasible trial is the default point, unless that does not fit.
    """
    found: list[dict[str, Any]] = []
    first: dict[Objective, float] = {}
    best: dict[Objective, float] = {}
    for trial in trials:
        if trial.feasible and (values := trial.values(objectives)) is not None:
            for objective, value in zip(objectives, values, strict=True):
                first.setdefault(objective, value)
                best[objective] = min(value, best.get(objective, value))
        for objective, value in best.items():
            share = value / first[objective] if first[objective] else 1.0
            found.append({"number": trial.number, "objective": str(objective), "best": value, "share": share})
    return found


_TIPS = (("shown_changes", "against the default"), ("shown_violations", "does not fit"), ("shown_point", "point"))


def _row(study: Study, trial: Trial, front: set[int]) -> dict[str, Any]:
    """A trial as the table and the tooltips show it."""
    evaluation = trial.evaluation
    fits = trial.feasible or evaluation is None
    kind = _KINDS[0] if trial.number in front else _KINDS[1] if fits else _KINDS[2]
    violations = [] if evaluation is None else [str(violation) for violation in evaluation.violations]
    problem = [f"{trial.state}: {trial.problem}"] if trial.problem is not None else []
    changes = study.changes(trial)
    return {
        "number": trial.number,
        "origin": trial.origin,
        "rule": study.rule(trial),
        "kind": trial.state if evaluation is None else kind,
        "objectives": {} if evaluation is None else {str(name): value for name, value in evaluation.objectives.items()},
        "changes": {name: _text(value) for name, value in changes.items()},
        "shown_changes": _listed(changes) or "nothing",
        "shown_violations": "; ".join([*violations, *problem]) or "-",
        "shown_point": _listed(trial.point),
        "violations": [*violations, *problem],
    }


def _bundle() -> str:
    """The JavaScript that draws plots, kept between runs: putting it together takes seconds."""
    import vl_convert

    key = hashlib.sha256(f"vl-convert {version('vl-convert-python')}".encode()).hexdigest()[:32]
    make: Any = vl_convert.javascript_bundle  # its stub asks for a part of the bundle; without one it is all of it
    return str(kept_or_made("javascript", key, make))


def _axis(objective: Objective) -> str:
    return f"{objective} ({UNITS[objective]})" if UNITS[objective] != objective else str(objective)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _embedded(value: Any) -> str:
    """JSON that can stand inside a script element."""
    return json.dumps(value).replace("<", "\\u003c")
