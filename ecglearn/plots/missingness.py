"""Grids of lead by time, curves against severity, and leads to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from ecglearn.errors import InputError
from ecglearn.signals.leads import LEADS

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ecglearn.evaluate import StoredResults

INK, BLUE = "#4c566a", "rgba(31, 119, 180, 0.5)"


def token_grid(
    axes: Axes,
    values: Float[np.ndarray, "12 segment"],
    *,
    seconds: float,
    title: str = "",
    limit: float | None = None,
    labels: bool = True,
) -> Any:
    """One number for each token: leads are rows, time goes to the right.

    Args:
        axes: where to draw.
        values: (12, segments).
        seconds: length of the record.
        title: above the grid.
        limit: end of the colour scale, which begins at 0; None takes the largest value.
        labels: name the leads.

    Returns:
        The image, for a colour bar.

    Book: scar#masker-look
    """
    image = axes.imshow(
        values,
        aspect="auto",
        cmap="magma",
        vmin=0,
        vmax=limit or max(float(values.max()), 1e-9),
        extent=(0, seconds, len(values) - 0.5, -0.5),
    )
    axes.set_title(title, fontsize=9)
    axes.set_yticks(range(len(values)), LEADS if labels else [""] * len(values), fontsize=7)
    axes.set_xlabel("seconds", fontsize=8)
    return image


def severity_curves(
    table: pd.DataFrame,
    *,
    views: Sequence[str],
    measures: Mapping[str, str],
    models: Sequence[str] | None = None,
) -> Figure:
    """One panel for each measure, one line for each model, from the mildest view to the worst.

    Args:
        table: of `missingness_table`, or with the same columns; where `_low` and `_high` are there,
            they are drawn.
        views: along the axis, in this order.
        measures: column of the table to label of the panel.
        models: which, in this order; None takes all.

    Book: scar#severity
    """
    import matplotlib.pyplot as plt

    fig, panels = plt.subplots(
        len(measures),
        1,
        figsize=(7, 2.7 * len(measures) + 0.6),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    names = list(dict.fromkeys(table["model"])) if models is None else list(models)
    places = np.arange(len(views))
    marks = "osD^vPX*"
    for panel, (measure, label) in zip(panels[:, 0], measures.items(), strict=True):
        for number, name in enumerate(names):
            rows = table[table["model"] == name].set_index("view").reindex(list(views))
            x = places + (number - (len(names) - 1) / 2) * 0.5 / len(names)
            line = panel.plot(
                x, rows[measure], marker=marks[number % len(marks)], ms=4, lw=1.2, label=name
            )[0]
            if f"{measure}_low" in rows:
                panel.vlines(
                    x,
                    rows[f"{measure}_low"],
                    rows[f"{measure}_high"],
                    color=line.get_color(),
                    lw=0.8,
                    alpha=0.6,
                )
        panel.set_xticks(places, list(views), rotation=35, ha="right", fontsize=8)
        panel.set_ylabel(label)
    handles, texts = panels[0, 0].get_legend_handles_labels()
    fig.legend(handles, texts, loc="outside upper center", ncols=min(len(names), 3), fontsize=8)
    return fig


def stored_severity(
    stored: StoredResults,
    *,
    views: Sequence[str],
    measures: Mapping[str, str],
    models: Sequence[str],
) -> Figure:
    """`severity_curves` of stored runs: means over seeds with their intervals.

    Args:
        stored: runs with "VIEW: MEASURE" for each view, and the measure alone where nothing is
            missing.
        views: along the axis, after "full".
        measures: name of a measure to label of its panel.
        models: variants.

    Book: when-leads-go-missing#missing-stored
    """
    import pandas as pd

    lines = []
    for model in models:
        known = stored.runs_of(model)[0]
        for view in ("full", *views):
            line: dict[str, Any] = {"model": model, "view": view}
            for measure in measures:
                key = measure if view == "full" else f"{view}: {measure}"
                if key in known:
                    mean = stored.interval(model, key)
                    line |= {
                        measure: mean.value,
                        f"{measure}_low": mean.low,
                        f"{measure}_high": mean.high,
                    }
            lines.append(line)
    return severity_curves(pd.DataFrame(lines), views=["full", *views], measures=measures)


def removal_explorer(
    signal: Float[np.ndarray, "12 time"],
    fs: float,
    choices: Sequence[str],
    keep: Bool[np.ndarray, "choice 12 segment"],
    classes: Sequence[str],
    scores: Float[np.ndarray, "choice classes"],
    *,
    start: int = 0,
) -> go.Figure:
    """Point at what to take away, and see what is left of the ECG and of the scores.

    It needs no kernel: every choice is computed before, and has its own hidden traces.

    Args:
        signal: (12, time), any unit.
        fs: its sampling rate in hertz.
        choices: what can be taken away.
        keep: what each choice leaves (choices, 12, segments).
        classes: what is scored; the first one's score is the height of a choice's bar.
        scores: (choices, classes).
        start: the choice that is pointed at before the reader does.

    Raises:
        InputError: choices, keep maps and scores have different numbers, or classes and scores.

    Book: scar#take-a-lead-away
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if not len(choices) == len(keep) == len(scores) or len(classes) != scores.shape[1]:
        raise InputError(
            f"{len(choices)} choices, {len(keep)} keep maps and {len(scores)} rows of "
            f"{scores.shape[1]} scores for {len(classes)} classes"
        )
    fig = make_subplots(
        3,
        1,
        row_heights=[0.5, 0.25, 0.25],
        vertical_spacing=0.13,
        subplot_titles=("what is left (grey is gone)", "scores", f"{classes[0]}: point at a bar"),
    )
    length = signal.shape[1] / fs
    step = max(signal.shape[1] // 500, 1)
    time = np.round(np.arange(0, signal.shape[1], step) / fs, 2)
    size = float(np.abs(signal).max()) or 1.0
    for k, row in enumerate(signal):
        fig.add_trace(
            go.Scatter(
                x=time,
                y=np.round(-k + 0.75 * row[::step] / size, 3),
                mode="lines",
                name=LEADS[k],
                line={"color": INK, "width": 0.9},
                showlegend=False,
                hoverinfo="skip",
            ),
            1,
            1,
        )
    for i, (left, values) in enumerate(zip(keep, scores, strict=True)):
        x, y = _rectangles(~left, length)
        fig.add_trace(
            go.Scatter(
                x=x,
                y=y,
                fill="toself",
                mode="lines",
                line={"width": 0},
                name=f"gone-{i}",
                fillcolor="rgba(128, 128, 128, 0.85)",
                visible=False,
                showlegend=False,
                hoverinfo="skip",
            ),
            1,
            1,
        )
        fig.add_trace(
            go.Bar(
                y=list(classes),
                x=np.round(values, 2),
                orientation="h",
                name=f"score-{i}",
                visible=False,
                marker_color=BLUE,
                showlegend=False,
                hovertemplate="%{y}: %{x}<extra></extra>",
            ),
            2,
            1,
        )
    fig.add_trace(
        go.Bar(
            x=list(range(len(choices))),
            y=np.round(scores[:, 0], 2),
            text=list(choices),
            textposition="none",
            name="choices",
            marker_color=INK,
            showlegend=False,
            hovertemplate="without %{text}: %{y}<extra></extra>",
        ),
        3,
        1,
    )
    fig.update_xaxes(title="seconds", range=[0, length], row=1, col=1)
    fig.update_yaxes(
        tickvals=[-k for k in range(12)], ticktext=list(LEADS), range=[-12, 1], row=1, col=1
    )
    reach = [min(float(scores.min()) * 1.1, 0), float(scores.max()) * 1.1]
    fig.update_xaxes(range=reach, row=2, col=1)
    # names as text over the bars: beside them they would take half of a phone
    fig.add_trace(
        go.Scatter(
            x=[0.0] * len(classes),
            y=list(classes),
            text=[f" {c}" for c in classes],
            mode="text",
            textposition="middle right",
            name="classes",
            showlegend=False,
            hoverinfo="skip",
        ),
        2,
        1,
    )
    fig.update_yaxes(showticklabels=False, autorange="reversed", row=2, col=1)
    fig.update_xaxes(
        tickvals=list(range(len(choices))),
        ticktext=list(choices),
        tickangle=-60,
        tickfont={"size": 10},
        row=3,
        col=1,
    )
    rule = {"on": "choices", "show": ["gone-{i}", "score-{i}"], "start": {"i": start}}
    fig.update_layout(
        height=860,
        meta={"link": rule},
        barmode="overlay",
        margin={"t": 40, "b": 90, "l": 50, "r": 10},
    )
    return fig


def _rectangles(gone: np.ndarray, length: float) -> tuple[list, list]:
    """Outlines of the cells that are gone, runs of cells in one, None between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    width = length / gone.shape[1]
    for k, row in enumerate(gone):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        for first, last in edges.reshape(-1, 2):
            a, b = float(first * width), float(last * width)
            x += [a, b, b, a, a, None]
            y += [-k - 0.5, -k - 0.5, -k + 0.5, -k + 0.5, -k - 0.5, None]
    return x, y
