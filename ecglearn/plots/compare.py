"""Figures of `compare`: one measure of all models, findings by models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecglearn.plots.colours import method_colours

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from ecglearn.evaluate import Interval, StoredResults

GREY = "#8a93a2"


def measure_menu(
    table: pd.DataFrame,
    questions: Sequence[tuple[str, str]],
    *,
    chance: dict[str, float],
    models: Sequence[str],
) -> go.Figure:
    """One question at a time: models with intervals, and a stroke for what they reach untrained.

    Args:
        table: of `compare`.
        questions: (task, measure) of each. Those with one measure share a scale, so that changing
            the question never changes what a length means.
        chance: measure to a value marked by a dotted line.
        models: from top to bottom; one that lacks the measure has an empty row.

    Book: five-methods#all-at-once
    """
    all_of = table[table["name"] == "all"].set_index(["task", "measure", "model"])

    def answers(task: str, measure: str, suffix: str) -> list[_Answer]:
        keys = [(task, measure, model + suffix) for model in models]
        found = [(m, key) for m, key in zip(models, keys, strict=True) if key in all_of.index]
        rows = [(model, all_of.loc[key]) for model, key in found]
        return [
            _Answer(model, float(r["value"]), float(r["low"]), float(r["high"]))
            for model, r in rows
        ]

    drawn = [
        _Question(task, m, answers(task, m, ""), answers(task, m, ", untrained"), chance.get(m))
        for task, m in questions
    ]
    return _menu(drawn, models)


def finding_map(
    table: pd.DataFrame, tasks: Sequence[str], *, models: Sequence[str], cases: dict[str, int]
) -> go.Figure:
    """AUROC of every finding and model; a button for each task.

    Args:
        table: of `compare`.
        tasks: those with one row for each finding, such as "probe 100%".
        models: columns.
        cases: finding to how many test patients have it; rows are in this order, most first.

    Book: five-methods#by-finding
    """
    import plotly.graph_objects as go

    rows = sorted(cases, key=lambda name: -cases[name])
    names = [f"{name} ({cases[name]})" for name in rows]
    fig = go.Figure()
    for k, task in enumerate(tasks):
        part = table[(table["task"] == task) & (table["measure"] == "macro AUROC")]
        wide = part.pivot(index="name", columns="model", values="value")
        grid = wide.reindex(index=rows, columns=list(models)).to_numpy(float)
        fig.add_heatmap(
            z=np.round(grid, 3),
            x=list(models),
            y=names,
            zmin=0.0,  # white is in the middle: chance
            zmax=1.0,
            colorscale="RdBu_r",
            visible=k == 0,
            name=task,
            colorbar={"title": "AUROC"},
            hovertemplate="%{y}<br>%{x}: %{z:.2f}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    fig.update_layout(
        height=130 + 22 * len(rows),
        margin={"l": 10, "t": 60},
        yaxis={"autorange": "reversed", "automargin": True, "tickfont": {"size": 10}},
        xaxis={"side": "bottom", "automargin": True},
        updatemenus=[_switch(tasks)] if len(tasks) > 1 else [],
    )
    return fig


def _switch(tasks: Sequence[str]) -> dict[str, Any]:
    buttons = [
        {"label": task, "method": "restyle", "args": [{"visible": [t == task for t in tasks]}]}
        for task in tasks
    ]
    return {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "y": 1.02,
        "yanchor": "bottom",
        "xanchor": "left",
        "buttons": buttons,
    }


def seed_menu(
    stored: StoredResults, questions: Mapping[str, str], *, models: Sequence[str]
) -> go.Figure:
    """Stored runs, one question at a time: every seed, mean and interval; a stroke untrained.

    Args:
        stored: runs with one value for each measure, and "untrained: ..." beside some.
        questions: title to measure.
        models: variants, from top to bottom.

    Book: five-methods#full-size
    """

    def answers(measure: str) -> list[_Answer]:
        asked = [model for model in models if measure in stored.runs_of(model)[0]]
        found = [(model, stored.interval(model, measure)) for model in asked]
        return [
            _Answer(model, i.value, i.low, i.high, tuple(map(float, stored.values(model, measure))))
            for model, i in found
        ]

    drawn = [
        _Question(
            title, measure.split(": ")[-1], answers(measure), answers(f"untrained: {measure}")
        )
        for title, measure in questions.items()
    ]
    return _menu(drawn, models)


class _Answer(NamedTuple):
    model: str
    value: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()


class _Question(NamedTuple):
    title: str
    measure: str
    answers: list[_Answer]
    untrained: list[_Answer]
    chance: float | None = None

    @property
    def label(self) -> str:
        said = self.title.endswith(self.measure)
        return self.title if said else f"{self.title}, {self.measure}"


def _menu(questions: Sequence[_Question], models: Sequence[str]) -> go.Figure:
    """A row for each model, and a menu of questions."""
    import plotly.graph_objects as go

    colour = method_colours(models)
    fig, each = go.Figure(), 5
    for k, question in enumerate(questions):
        rows = question.answers
        names = [row.model for row in rows]
        line_of = [(v, row.model) for row in rows for v in (row.low, row.high, None)]
        dots = [(v, row.model) for row in rows for v in row.seeds]
        first = {"visible": k == 0, "showlegend": False}
        quiet = {**first, "hoverinfo": "skip"}
        ends = [models[0], models[-1]] if question.chance is not None else []
        fig.add_scatter(
            x=[question.chance] * len(ends),
            y=ends,
            mode="lines",
            line={"dash": "dot", "color": GREY, "width": 1},
            **quiet,
        )
        fig.add_scatter(
            x=[row.value for row in question.untrained],
            y=[row.model for row in question.untrained],
            mode="markers",
            marker={"symbol": "line-ns", "size": 16, "line": {"width": 3, "color": GREY}},
            hovertemplate="random initialisation: %{x:.3f}<extra></extra>",
            **first,
        )
        fig.add_scatter(
            x=[v for v, _ in line_of],
            y=[m for _, m in line_of],
            mode="lines",
            line={"color": GREY, "width": 2},
            **quiet,
        )
        fig.add_scatter(
            x=[v for v, _ in dots],
            y=[m for _, m in dots],
            mode="markers",
            marker={"size": 4, "color": [colour[m] for _, m in dots], "opacity": 0.6},
            **quiet,
        )
        fig.add_scatter(
            x=[row.value for row in rows],
            y=names,
            mode="markers",
            marker={"size": 10, "color": [colour[m] for m in names]},
            customdata=[[row.low, row.high] for row in rows],
            hovertemplate="%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]<extra></extra>",
            **first,
        )
    spans = {q.measure: _span([o for o in questions if o.measure == q.measure]) for q in questions}
    buttons = [
        {
            "label": question.label,
            "method": "update",
            "args": [
                {"visible": [n // each == k for n in range(each * len(questions))]},
                {"xaxis.title.text": question.measure, "xaxis.range": spans[question.measure]},
            ],
        }
        for k, question in enumerate(questions)
    ]
    place = {"x": 0, "xanchor": "left", "y": 1.04, "yanchor": "bottom"}
    fig.update_layout(
        height=150 + 32 * len(models),
        margin={"l": 10, "t": 60},
        xaxis={"title": questions[0].measure, "range": spans[questions[0].measure]},
        yaxis={
            "categoryorder": "array",
            "categoryarray": list(models),
            "range": [len(models) - 0.5, -0.5],
            "automargin": True,
        },
        updatemenus=[{"buttons": buttons, **place}] if len(questions) > 1 else [],
    )
    return fig


def _span(questions: Sequence[_Question]) -> list[float]:
    """From the least to the greatest of what questions of one measure show, and a little more."""
    rows = [row for q in questions for row in (*q.answers, *q.untrained)]
    shown = [v for row in rows for v in (row.low, row.high, row.value, *row.seeds)]
    shown += [q.chance for q in questions if q.chance is not None]
    shown = [v for v in shown if np.isfinite(v)] or [0.0, 1.0]
    more = 0.04 * (max(shown) - min(shown)) or 0.05
    return [round(min(shown) - more, 3), round(max(shown) + more, 3)]


class Lesson(NamedTuple):
    """What a companion taught, measured without it and with it.

    Attributes:
        what: in words a student knows.
        model: whose colour the row has.
        without: the name of what it is compared with, and its value.
        taught: the value with the companion.

    Book: intro#what-was-taught
    """

    what: str
    model: str
    without: tuple[str, Interval]
    taught: Interval


def lessons(rows: Sequence[Lesson]) -> Figure:
    """One row for each lesson, on a scale from 0 to 1: hollow without the companion, full with it.

    Args:
        rows: from top to bottom.

    Book: intro#what-was-taught
    """
    import matplotlib.pyplot as plt

    colour = method_colours([row.model for row in rows])
    fig, ax = plt.subplots(figsize=(7.2, 0.82 * len(rows) + 0.7), layout="constrained")
    for y, row in enumerate(rows):
        name, before = row.without
        shade = colour[row.model]
        ax.plot([before.value, row.taught.value], [y, y], color=shade, lw=2, alpha=0.35)
        for value, face in ((before, "white"), (row.taught, shade)):
            ends = [max(0, value.low), min(1, value.high)]
            ax.plot(ends, [y, y], color=shade, lw=1.2)
            ax.plot(value.value, y, "o", color=shade, mfc=face, ms=8, mew=1.8)
        ax.text(0, y - 0.4, row.what, fontsize=10, weight="bold", va="bottom", parse_math=False)
        words = f"{row.model}; hollow: {name}"
        ax.text(
            1,
            y - 0.4,
            words,
            fontsize=8.5,
            color="#4b5563",
            ha="right",
            va="bottom",
            parse_math=False,
        )
        for value in (before, row.taught):
            ax.annotate(
                f"{round(value.value, 2) + 0.0:.2f}",  # no "-0.00"
                (value.value, y),
                (0, -15),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    least = min(one.value for row in rows for one in (row.without[1], row.taught))
    ax.set(xlim=(min(0, least) - 0.03, 1.03), ylim=(len(rows) - 0.45, -0.75), yticks=[])
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.tick_params(labelsize=8)
    return fig
