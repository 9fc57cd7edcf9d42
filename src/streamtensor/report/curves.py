# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tokens of FIFOs over time as a drawing: one page that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from streamtensor.timing.curves import Curve, TokenCurves

_WIDTH, _HEIGHT, _FILL_HEIGHT = 860, 260, 150
_COLOURS = {"written": "#1f77b4", "read": "#d62728"}
_DASHES = {"simulated": [1, 0], "token model": [6, 4]}


def curves_page(curves: Sequence[TokenCurves], title: str) -> str:
    """HTML with two plots for each FIFO: tokens written and read, simulated and by the token model; and its fill under
    its depth. The scripts are in the page.
    """
    import altair as alt

    alt.data_transformers.disable_max_rows()
    chart: Any = alt.vconcat(*(_plots(one) for one in curves)).properties(title=title)
    page: str = chart.resolve_scale(color="independent").to_html(inline=True)
    return page


def _plots(curves: TokenCurves) -> Any:
    import altair as alt

    cycles = alt.X("cycle:Q", title="cycle")
    passed = (
        alt.Chart(alt.Data(values=list(_passed(curves))))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=cycles,
            y=alt.Y("tokens:Q", title="tokens so far"),
            color=alt.Color("end:N", title="", scale=_scale(_COLOURS), legend=alt.Legend(orient="top")),
            strokeDash=alt.StrokeDash("by:N", title="", scale=_scale(_DASHES), legend=alt.Legend(orient="top")),
            tooltip=["end:N", "by:N", "cycle:Q", "tokens:Q"],
        )
        .properties(width=_WIDTH, height=_HEIGHT, title=_title(curves))
    )
    fill = (
        alt.Chart(alt.Data(values=list(_rows(curves.fill))))
        .mark_area(interpolate="step-after", opacity=0.5, color="#2ca02c", line={"color": "#2ca02c"})
        .encode(
            x=cycles,
            y=alt.Y("tokens:Q", title="in the FIFO", axis=alt.Axis(tickMinStep=1)),
            tooltip=["cycle:Q", "tokens:Q"],
        )
        .properties(width=_WIDTH, height=_FILL_HEIGHT)
    )
    if curves.depth is None:
        return alt.vconcat(passed, fill).resolve_scale(x="shared")
    depth = alt.Chart(alt.Data(values=[{"depth": curves.depth}])).mark_rule(strokeDash=[2, 2]).encode(y="depth:Q")
    return alt.vconcat(passed, fill + depth).resolve_scale(x="shared")


def _title(curves: TokenCurves) -> Any:
    import altair as alt

    depth = "unbounded" if curves.depth is None else f"depth {curves.depth:,}"
    facts = [f"{curves.bits:,} bits a token", depth, f"holds {curves.high_water:,} at most (simulated)"]
    step = max((b - a for a, b in zip(curves.written.tokens, curves.written.tokens[1:], strict=False)), default=1)
    if step > 1:
        facts.append(f"every {step:,}th token drawn")
    head = f"{curves.fifo}: from {curves.source} to {curves.target}"
    return alt.TitleParams(head, subtitle=", ".join(facts), anchor="start")


def _scale(values: dict[str, Any]) -> Any:
    import altair as alt

    return alt.Scale(domain=list(values), range=list(values.values()))


def _passed(curves: TokenCurves) -> Iterator[dict[str, Any]]:
    drawn = [("simulated", "written", curves.written), ("simulated", "read", curves.read)]
    if curves.model is not None:
        drawn += [("token model", "written", curves.model[0]), ("token model", "read", curves.model[1])]
    for by, end, curve in drawn:
        for row in _rows(curve):
            yield {**row, "by": by, "end": end}


def _rows(curve: Curve) -> Iterator[dict[str, int]]:
    """One row for each cycle: what stands at its end."""
    last = dict(zip(curve.cycles, curve.tokens, strict=True))
    for cycle, tokens in last.items():
        yield {"cycle": cycle, "tokens": tokens}
