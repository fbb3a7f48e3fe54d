"""Clinical transfer in pictures: a cross-correlation through training, rates side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 40


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
        ax.set(title=f"{title}, up to ±{top:.1f}")
        fig.colorbar(image, ax=ax, shrink=0.8, label="log of rate over usual rate")
    axes[0].set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    return fig
