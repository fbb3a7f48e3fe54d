"""Figures of `compare`: one measure of all models, findings by models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecglearn.plots.colours import method_colours

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ecglearn.evaluate import Interval, StoredResults

GREY = "#8a93a2"


def measure_panels(
    table: pd.DataFrame,
    panels: Sequence[tuple[str, str]],
    *,
    chance: dict[str, float],
    models: Sequence[str],
) -> Figure:
    """One panel for each measure: models with intervals, and grey what they reach untrained.

    Args:
        table: of `compare`.
        panels: (task, measure) of each.
        chance: measure to a value marked by a dotted line.
        models: from top to bottom; one that lacks the measure has an empty row.

    Book: five-methods#all-at-once
    """
    all_of = table[table["name"] == "all"].set_index(["task", "measure", "model"])
    fig, axes = _panels([task for task, _ in panels], models)
    colour = method_colours(models)
    for ax, (task, measure) in zip(axes, panels, strict=True):
        for y, model in enumerate(models):
            first = (task, measure, f"{model}, untrained")
            if first in all_of.index:
                ax.plot(all_of.loc[first, "value"], y, "|", color=GREY, ms=11, mew=2)
            if (task, measure, model) in all_of.index:
                value, low, high = all_of.loc[(task, measure, model), ["value", "low", "high"]]
                ax.plot([low, high], [y, y], color=colour[model], lw=1.5)
                ax.plot(value, y, "o", color=colour[model], ms=4)
        if measure in chance:
            ax.axvline(chance[measure], color="black", ls=":", lw=1)
        ax.set_xlabel(measure, fontsize=8)
    return fig


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


def seed_panels(
    stored: StoredResults, panels: Mapping[str, str], *, models: Sequence[str]
) -> Figure:
    """Stored runs: every seed, their mean and its interval; grey what they reach untrained.

    Args:
        stored: runs with one value for each measure, and "untrained: ..." beside some.
        panels: title to measure.
        models: variants, from top to bottom.

    Book: five-methods#full-size
    """
    fig, axes = _panels(list(panels), models)
    colour = method_colours(models)
    for ax, measure in zip(axes, panels.values(), strict=True):
        for y, model in enumerate(models):
            known = stored.runs_of(model)[0]
            if f"untrained: {measure}" in known:
                ax.plot(
                    stored.interval(model, f"untrained: {measure}").value,
                    y,
                    "|",
                    color=GREY,
                    ms=11,
                    mew=2,
                )
            if measure in known:
                mean, values = stored.interval(model, measure), stored.values(model, measure)
                ax.plot([mean.low, mean.high], [y, y], color=colour[model], lw=1.5)
                ax.plot(values, [y] * len(values), ".", color=colour[model], ms=3, alpha=0.6)
                ax.plot(mean.value, y, "o", color=colour[model], ms=4)
    return fig


def _panels(titles: Sequence[str], models: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Small panels, three in a row, that share their rows of models."""
    import matplotlib.pyplot as plt

    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    fig, grid = plt.subplots(
        rows,
        columns,
        figsize=(2.7 * columns, (0.27 * len(models) + 0.65) * rows),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    axes = list(grid.flat)
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=9)
        ax.tick_params(labelsize=8)
        ax.grid(axis="y", alpha=0.3)
    axes[0].set_yticks(range(len(models)), models, parse_math=False)
    axes[0].set_ylim(len(models) - 0.5, -0.5)
    for ax in axes[len(titles) :]:
        ax.axis("off")
    return fig, axes[: len(titles)]


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
                f"{value.value:.2f}",
                (value.value, y),
                (0, -15),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    ax.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.45, -0.75), yticks=[])
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.tick_params(labelsize=8)
    return fig
