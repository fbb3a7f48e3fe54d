"""A record and its report side by side: three views of one patient, and what a word looks at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, RED, BLUE = "#4c566a", "#d62728", "#1f77b4"


def three_views(
    lead: Float[np.ndarray, " time"],
    fs: float,
    image: Float[np.ndarray, "frequency frame"],
    hertz: Float[np.ndarray, " frequency"],
    seconds: Float[np.ndarray, " frame"],
    words: Sequence[str],
    weights: Float[np.ndarray, " words"],
) -> Figure:
    """ECG, spectrogram and report of one patient, the report with the weight of each word.

    Args:
        lead: one lead, any unit.
        fs: its sampling rate in hertz.
        image: spectrogram of this lead.
        hertz: its frequencies.
        seconds: its frame centres.
        words: text pieces of the report.
        weights: w of each piece.

    Book: tamer#three-views
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(3, 1, figsize=(8, 6), layout="constrained")
    axes[0].plot(np.arange(len(lead)) / fs, lead, lw=0.8, color=INK)
    axes[0].set(ylabel="lead II (z-score)", xlim=(0, len(lead) / fs), xlabel="seconds")
    drawn = axes[1].pcolormesh(seconds, hertz, image, cmap="magma", shading="nearest")
    axes[1].set(ylabel="hertz", xlim=(0, len(lead) / fs), xlabel="seconds")
    fig.colorbar(drawn, ax=axes[1], label="log strength (z-score)")
    axes[2].bar(range(len(words)), weights, color=INK)
    axes[2].set(ylabel="weight $w$")
    tilted: dict[str, Any] = {"rotation": 55, "ha": "right", "fontsize": 8}
    axes[2].set_xticks(range(len(words)), list(words), **tilted, parse_math=False)
    return fig


class Marked(NamedTuple):
    """A statement and what became of it.

    Attributes:
        text: as it stands in the report.
        mark: `right`, `invented`, `missed`, `unread` or nothing, for a statement without a finding.

    Book: deri#generated-reports
    """

    text: str
    mark: str


SIGNS = {
    "right": ("\u2713", "#2e7d32"),
    "invented": ("\u2717", "#c62828"),
    "missed": ("\u25cb", "#b26a00"),
    "unread": ("?", "#6a1b9a"),
}


def marked_reports(pairs: Sequence[tuple[Sequence[Marked], Sequence[Marked]]]) -> str:
    """True and written reports side by side as HTML, each statement with a sign and a colour.

    Args:
        pairs: for each patient the statements of the true and of the written report.

    Book: deri#generated-reports
    """

    def line(statement: Marked) -> str:
        text = escape(statement.text)
        if not statement.mark:
            return f"<div style='padding-left:1.3em'>{text}</div>"
        sign, colour = SIGNS[statement.mark]
        return (
            f"<div style='border-left:4px solid {colour};padding-left:.4em;margin:2px 0' "
            f"title='{statement.mark}'>{sign} {text}</div>"
        )

    rows = "".join(
        "<tr>"
        + "".join(
            f"<td style='vertical-align:top;text-align:left;width:50%;padding:.4em'>"
            f"{''.join(map(line, side))}</td>"
            for side in pair
        )
        + "</tr>"
        for pair in pairs
    )
    legend = ", ".join(f"{sign} {name}" for name, (sign, _) in SIGNS.items())
    head = "".join(
        f"<th style='text-align:left'>{name} report</th>" for name in ("true", "written")
    )
    return (
        "<table class='dataframe' style='width:100%;table-layout:fixed'>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{legend}</p>"
    )
