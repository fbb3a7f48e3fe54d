"""A record and its report side by side: three views of one patient, and what a word looks at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ecglearn.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go
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


def word_explorer(
    lead: Float[np.ndarray, " time"],
    fs: float,
    words: Sequence[str],
    weights: Float[np.ndarray, " words"],
    attention: Float[np.ndarray, "words steps"],
    *,
    start: int = 0,
    truth: Float[np.ndarray, "words steps"] | None = None,
    height: str = "weight",
) -> go.Figure:
    """Point at a word and see how strongly it looks at each moment of the ECG.

    It needs no kernel: the words are bars, and each has its own hidden trace above the ECG.

    Args:
        lead: one lead, any unit.
        fs: its sampling rate in hertz.
        words: text pieces of the report.
        weights: w of each piece, the height of its bar.
        attention: share of each equal step of the record; rows sum to 1.
        start: the word that is pointed at before the reader does.
        truth: where the evidence for each word lies, rows as `attention`; NaN where a word has
            none. Drawn as a line.
        height: what the bars over the words show.

    Raises:
        InputError: words, weights and attention have different lengths.

    Book: tamer#rgwr-look
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if not len(words) == len(weights) == len(attention):
        raise InputError(
            f"{len(words)} words, {len(weights)} weights and {len(attention)} rows of attention"
        )
    fig = make_subplots(
        3,
        1,
        row_heights=[0.25, 0.4, 0.35],
        vertical_spacing=0.16,
        subplot_titles=("where the word looks", "lead II", "report: point at a word"),
    )
    length, steps = len(lead) / fs, attention.shape[1]
    centres = (np.arange(steps) + 0.5) * length / steps
    for i, row in enumerate(attention):
        fig.add_trace(
            go.Bar(
                x=np.round(centres, 2),
                y=np.round(row * steps, 3),
                name=f"look-{i}",
                width=length / steps,
                visible=False,
                marker_color=RED,
                showlegend=False,
                hovertemplate="%{x} s: %{y} times even<extra></extra>",
            ),
            1,
            1,
        )
    if truth is not None:
        for i, row in enumerate(truth):
            fig.add_trace(
                go.Scatter(
                    x=np.round(centres, 2),
                    y=np.round(row * steps, 3),
                    name=f"true-{i}",
                    mode="lines+markers",
                    line={"color": BLUE, "width": 1},
                    visible=False,
                    showlegend=False,
                    hovertemplate="%{x} s: evidence %{y} times even<extra></extra>",
                ),
                1,
                1,
            )
    fig.add_trace(
        go.Scatter(
            x=np.round(np.arange(len(lead)) / fs, 3),
            y=np.round(lead, 2),
            name="ecg",
            line={"color": INK, "width": 1},
            showlegend=False,
            hoverinfo="skip",
        ),
        2,
        1,
    )
    fig.add_trace(
        go.Bar(
            x=list(range(len(words))),
            y=np.round(weights, 4),
            text=list(words),
            name="words",
            textposition="none",
            marker_color=INK,
            showlegend=False,
            hovertemplate=f"%{{text}}: {height} %{{y}}<extra></extra>",
        ),
        3,
        1,
    )
    for row in (1, 2):
        fig.update_xaxes(range=[0, length], row=row, col=1)
    highest = [attention.max()] if truth is None else [attention.max(), np.nanmax(truth, initial=0)]
    top = float(max(highest)) * steps * 1.05
    fig.update_yaxes(range=[0, top], title="times even", row=1, col=1)
    fig.update_xaxes(title="seconds", row=2, col=1)
    fig.update_xaxes(
        tickvals=list(range(len(words))), ticktext=list(words), tickangle=-45, row=3, col=1
    )
    fig.update_yaxes(title=height, row=3, col=1)
    rule = {
        "on": "words",
        "show": ["look-{i}", *(["true-{i}"] if truth is not None else [])],
        "start": {"i": start},
    }
    fig.update_layout(height=660, meta={"link": rule}, barmode="overlay", margin={"t": 40, "b": 90})
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
