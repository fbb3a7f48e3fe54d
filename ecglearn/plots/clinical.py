"""Clinical transfer in pictures: a cross-correlation through training, rates side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ecglearn.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

SHOWN = 40


def correlation_player(
    matrices: Sequence[Float[np.ndarray, "E E"]], labels: Sequence[str], *, shown: int = SHOWN
) -> go.Figure:
    """A cross-correlation that a slider takes through training; it needs no kernel.

    The dimensions that agree best at the end stand first, in every frame in the same order.

    Args:
        matrices: C at each position of the slider (E, E).
        labels: of the positions.
        shown: how many dimensions.

    Raises:
        InputError: another number of labels than of matrices.

    Book: clinical-transfer#barlow-look
    """
    import plotly.graph_objects as go

    if len(matrices) != len(labels):
        raise InputError(f"{len(matrices)} matrices and {len(labels)} labels")
    best = np.argsort(-matrices[-1].diagonal())[:shown]
    cut = [np.round(c[np.ix_(best, best)].astype(float), 2) for c in matrices]
    titles = [f"mean of the diagonal {c.diagonal().mean():.2f} (all {len(c)})" for c in matrices]

    def heatmap(z: np.ndarray) -> go.Heatmap:
        return go.Heatmap(
            z=z,
            zmin=-1,
            zmax=1,
            colorscale="RdBu_r",
            colorbar={"title": "C", "thickness": 12},
            hovertemplate="ECG dimension %{y}, table dimension %{x}: %{z}<extra></extra>",
        )

    fig = go.Figure(
        data=[heatmap(cut[-1])],
        frames=[
            go.Frame(data=[heatmap(z)], name=label, layout={"title": {"text": title}})
            for z, label, title in zip(cut, labels, titles, strict=True)
        ],
    )
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    steps = [{"args": [[label], still], "label": label, "method": "animate"} for label in labels]
    slider = {"steps": steps, "active": len(labels) - 1, "currentvalue": {"prefix": "epoch "}}
    fig.update_layout(
        height=520,
        title={"text": titles[-1], "font": {"size": 14}},
        sliders=[slider],
        margin={"l": 50, "r": 10, "t": 50, "b": 40},
    )
    fig.update_yaxes(autorange="reversed", title="ECG projection", scaleanchor="x")
    fig.update_xaxes(title="table projection", constrain="domain")
    return fig


def lifts_side_by_side(
    predicted: Float[np.ndarray, "D K"],
    measured: Float[np.ndarray, "D K"],
    rows: Sequence[str],
    columns: Sequence[str],
) -> Figure:
    """How much more often each flag is expected, and measured, with each diagnosis than usual.

    Each map has its own scale: a model's probabilities are flatter than what happens.

    Args:
        predicted: log of the ratio of mean predicted probabilities (diagnoses, flags).
        measured: log of the ratio of rates (diagnoses, flags), NaN where nobody was measured.
        rows: diagnoses.
        columns: flags.

    Book: clinical-transfer#explanation
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained", sharey=True)
    titles = ("expected from the ECG", "measured")
    for ax, values, title in zip(axes, (predicted, measured), titles, strict=True):
        top = float(np.nanmax(np.abs(values)))
        image = ax.imshow(values, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
        ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8, parse_math=False)
        ax.set(title=title)
        fig.colorbar(image, ax=ax, shrink=0.8, label="log of rate over usual rate")
    axes[0].set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    return fig
