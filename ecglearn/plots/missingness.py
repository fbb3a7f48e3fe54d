"""Grids of lead by time, curves against severity, and leads to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ecglearn.plots.colours import method_colours
from ecglearn.signals.leads import LEADS

if TYPE_CHECKING:
    import pandas as pd
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
    colours = method_colours(names)
    for panel, (measure, label) in zip(panels[:, 0], measures.items(), strict=True):
        for number, name in enumerate(names):
            rows = table[table["model"] == name].set_index("view").reindex(list(views))
            x = places + (number - (len(names) - 1) / 2) * 0.5 / len(names)
            line = panel.plot(
                x,
                rows[measure],
                marker=marks[number % len(marks)],
                ms=4,
                lw=1.2,
                label=name,
                color=colours[name],
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
