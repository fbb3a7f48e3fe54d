"""ECG paper: 25 mm for a second, 10 mm for a millivolt; on a sheet, and to move about in."""

from collections.abc import Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ecglearn.errors import InputError
from ecglearn.signals.filters import resample
from ecglearn.signals.leads import LEADS

PAPER, FINE, BOLD, INK = "#fffaf7", "#f6cfd0", "#e79ea4", "#1a1a1a"
MM_PER_SECOND, MM_PER_MV = 25, 10
_SCREEN_RATE = 250  # samples per second that a screen can show

_COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
_ROW = 30  # mm from one row of the sheet to the next
_PULSE = 10  # mm at the left that hold the calibration pulse


def ecg_sheet(
    signal: Float[np.ndarray, "lead time"],
    fs: float | int,
    *,
    leads: Sequence[str] = LEADS,
    layout: Literal["3x4", "12x1"] = "3x4",
    rhythm: str = "II",
    missing: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Draw an ECG as a clinic prints it, at the clinic's scale.

    "3x4" shows a quarter of the time of each lead, in four columns one after the other, and below
    them the whole rhythm lead; "12x1" shows every lead from beginning to end. A small square is
    40 ms by 0.1 mV, a large one 200 ms by 0.5 mV; the pulse at the left is 1 mV tall, 200 ms wide.

    Args:
        signal: (lead, time), millivolt.
        fs: samples per second.
        leads: names of the rows.
        layout: "3x4" (needs all twelve leads) or "12x1" (takes any).
        rhythm: the lead of the long strip in "3x4".
        missing: leads to mark as not recorded.
        title: written above the sheet.

    Returns:
        A matplotlib figure in which a millimetre is a millimetre.

    Raises:
        InputError: the names do not match the rows, or a lead that the layout needs is absent.

    Book: the-12-lead-ecg#ecg-paper
    """
    rows = _rows(signal, leads)
    seconds = signal.shape[1] / fs
    if layout == "3x4":
        absent = [lead for lead in (*LEADS, rhythm) if lead not in rows]
        if absent:
            raise InputError(f"the 3x4 sheet needs lead {', '.join(absent)}")
        part = seconds / 4
        strips = [
            (row, k * part, part, lead)
            for k, column in enumerate(_COLUMNS)
            for row, lead in enumerate(column)
        ]
        strips.append((3, 0.0, seconds, rhythm))
    else:
        strips = [(row, 0.0, seconds, lead) for row, lead in enumerate(rows)]
    count = 1 + max(row for row, *_ in strips)
    top, bottom = _overshoot([rows[lead] for row, _, _, lead in strips if row in (0, count - 1)])
    fig, ax = _paper(_PULSE + seconds * MM_PER_SECOND + 5, count * _ROW + top + bottom)
    for row, start, length, lead in strips:
        middle = bottom + (count - row - 0.5) * _ROW
        _strip(ax, rows[lead], fs, start, length, middle)
        left = _PULSE + start * MM_PER_SECOND
        name = f"{lead} (not recorded)" if lead in missing else lead
        box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8}
        style: Any = {"va": "center", "weight": "bold", "bbox": box, "parse_math": False}
        ax.text(left + 1.5, middle + 0.36 * _ROW, name, **style)
        if start > 0:
            ax.plot([left, left], [middle - 4, middle + 4], color=INK, lw=0.6)
    for row in range(count):
        middle = bottom + (count - row - 0.5) * _ROW
        ax.plot([2, 3, 3, 8, 8, 9], middle + np.array([0, 0, 10, 10, 0, 0]), color=INK, lw=0.8)
    ax.text(_PULSE + 1, 1.5, "25 mm/s   10 mm/mV", size=7, va="bottom")
    if title:
        ax.set_title(f"  {title}", loc="left", size=10, parse_math=False)
    return fig


def ecg_paper(
    signal: Float[np.ndarray, "lead time"],
    fs: float | int,
    *,
    leads: Sequence[str] = LEADS,
    r_peaks: Int[np.ndarray, " beat"] | None = None,
    spacing: float | int = 1.5,
    height: int = 620,
) -> go.Figure:
    """Draw an ECG to move about in: every lead on its line, with millivolt and seconds on hover.

    Drag to zoom, double-click to see everything again. The buttons show all leads, the limb leads
    or the chest leads.

    Args:
        signal: (lead, time), millivolt.
        fs: samples per second; more than 250 are brought down to 250 for the screen.
        leads: names of the rows.
        r_peaks: sample indices to mark with a line.
        spacing: millivolt from one lead's line to the next.
        height: pixels.

    Returns:
        A plotly figure; it works in a page without a kernel.

    Raises:
        InputError: the names do not match the rows.

    Book: the-12-lead-ecg#ecg-paper
    """
    names = list(_rows(signal, leads))
    shown = resample(signal, fs, _SCREEN_RATE) if fs > _SCREEN_RATE else signal
    rate = min(float(fs), _SCREEN_RATE)
    zero = -np.arange(len(names)) * float(spacing)
    squares = np.unique([*zero, *np.arange(zero[-1] - spacing, spacing + 0.25, 0.5)])
    fig = go.Figure()
    for name, row, offset in zip(names, shown, zero, strict=True):
        fig.add_scatter(
            x0=0,
            dx=1 / rate,
            y=(row + offset).astype(np.float32),
            customdata=row.astype(np.float32),
            name=name,
            line={"color": INK, "width": 1},
            hovertemplate="%{customdata:.2f} mV",
        )
    for peak in [] if r_peaks is None else r_peaks:
        fig.add_vline(x=peak / fs, line={"color": "#1f77b4", "width": 1, "dash": "dot"})
    limb = [not name.startswith("V") for name in names]
    chest = [not flag for flag in limb]
    views = [("all leads", [True] * len(names)), ("limb leads", limb), ("chest leads", chest)]
    fig.update_layout(
        height=height,
        meta={"drag": "zoom"},
        hovermode="x unified",
        plot_bgcolor=PAPER,
        margin={"t": 50, "l": 50, "r": 10, "b": 50},
        showlegend=False,
        updatemenus=[
            {
                "type": "buttons",
                "showactive": False,
                "direction": "right",
                "x": 0,
                "y": 1.02,
                "xanchor": "left",
                "yanchor": "bottom",
                "buttons": [
                    {"label": label, "method": "restyle", "args": [{"visible": seen}]}
                    for label, seen in views
                    if any(seen)
                ],
            }
        ],
        xaxis=_axis(0.2, 0.04)
        | {
            "title": "seconds",
            "range": [0, len(shown[0]) / rate],
            "ticklabelstep": 5,
            "hoverformat": ".3f",
        },
        yaxis=_axis(0.5, 0.1)
        | {
            "tickvals": squares,
            "ticktext": [dict(zip(zero, names, strict=True)).get(y, "") for y in squares],
            "range": [zero[-1] - spacing, float(spacing)],
        },
    )
    return fig


def _rows(signal: np.ndarray, leads: Sequence[str]) -> dict[str, np.ndarray]:
    if len(leads) != len(signal):
        raise InputError(f"{len(leads)} lead names for {len(signal)} rows of the signal")
    return dict(zip(leads, signal, strict=True))


def _overshoot(edge: Sequence[np.ndarray]) -> tuple[float, float]:
    """How many millimetres, in large squares, the outer rows reach over their share of paper."""
    reach = [max(max(row.max() for row in edge), 0), max(-min(row.min() for row in edge), 0)]
    over = np.clip(np.array(reach) * MM_PER_MV - _ROW / 2 + 2, 0, _ROW)
    top, bottom = np.ceil(over / 5) * 5
    return float(top), float(bottom)


def _paper(width: float, height: float | int) -> tuple[Figure, Axes]:
    """Ruled paper of so many millimetres, with coordinates in millimetres."""
    fig = plt.figure(figsize=(width / 25.4, (height + 8) / 25.4), facecolor="white")
    ax = fig.add_axes((0, 0, 1, height / (height + 8)))
    ax.set(xlim=(0, width), ylim=(0, height), facecolor=PAPER)
    ax.axis("off")
    ax.add_patch(Rectangle((0, 0), width, height, color=PAPER, zorder=0))
    for step, colour, thick in ((1, FINE, 0.3), (5, BOLD, 0.5)):
        across = [[(x, 0), (x, height)] for x in np.arange(0, width + 1e-6, step)]
        along = [[(0, y), (width, y)] for y in np.arange(0, height + 1e-6, step)]
        ax.add_collection(LineCollection(across + along, colors=colour, linewidths=thick))
    return fig, ax


def _strip(
    ax: Axes, row: np.ndarray, fs: float | int, start: float, length: float, middle: float
) -> None:
    first, last = round(start * fs), round((start + length) * fs)
    at = _PULSE + np.arange(first, last) / fs * MM_PER_SECOND
    ax.plot(at, middle + row[first:last] * MM_PER_MV, color=INK, lw=0.7, solid_joinstyle="round")


def _axis(bold: float, fine: float) -> dict[str, Any]:
    """Large squares as grid, small squares as minor grid, in the colours of the paper."""
    return {
        "dtick": bold,
        "gridcolor": BOLD,
        "gridwidth": 1,
        "zeroline": False,
        "minor": {"dtick": fine, "showgrid": True, "gridcolor": "rgba(231, 158, 164, 0.25)"},
    }
