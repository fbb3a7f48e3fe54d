"""Alignment maps with the beat and the cine beside them, for the page and for a live kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from ecglearn.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.axes import Axes


def draw_map(
    axes: Axes, cosine: Float[Tensor, "T T"], *, title: str = "", limit: float | None = None
) -> Any:
    """One alignment map with matplotlib: rows are ECG phases, columns cine phases.

    Args:
        axes: where to draw.
        cosine: mean cosine (T, T).
        title: above the map.
        limit: end of the colour scale on both sides; None takes the largest absolute value.

    Returns:
        The image, for a colour bar.

    Source: Selivanov et al. 2025 (PTACL), figure 2.

    Book: alignment-matrices#the-map
    """
    reach = limit or float(cosine.abs().max())
    image = axes.imshow(cosine.numpy(), cmap="RdBu_r", vmin=-reach, vmax=reach, origin="upper")
    ticks = range(0, len(cosine), 4)
    axes.set(
        title=title, xlabel="cine phase", ylabel="ECG phase", xticks=list(ticks), yticks=list(ticks)
    )
    return image


def alignment_explorer(
    maps: Mapping[str, Sequence[Float[Tensor, "T T"]]],
    positions: Sequence[str],
    beats: Sequence[Float[np.ndarray, " _"]],
    cines: Sequence[UInt8[np.ndarray, "frames rows columns"]],
    *,
    prefix: str = "",
) -> go.Figure:
    """A map with two controls, and the beat and cine phase under the pointer beside it.

    Buttons choose the loss; the slider chooses the training step, or the patient. Pointing at row
    k, column t marks phase k of the beat and shows the cine at phase t. It needs no kernel.

    Args:
        maps: name of a loss to its maps, one for each position of the slider (T, T).
        positions: label of each position.
        beats: lead II from one R peak to the next, millivolt; one for all positions or one each.
        cines: frames of one cycle, likewise; at least T.
        prefix: before the label of the position.

    Returns:
        The figure.

    Raises:
        InputError: a loss, the beats or the cines have another number than there are positions.

    Book: alignment-matrices#explorer
    """
    import plotly.graph_objects as go

    count = len(positions)
    for name, series in maps.items():
        if len(series) != count:
            raise InputError(f"'{name}' has {len(series)} maps for {count} positions")
    if not len(beats) == len(cines) or len(beats) not in (1, count):
        raise InputError(f"{len(beats)} beats and {len(cines)} cines for {count} positions")
    last, follow = count - 1, len(beats) > 1
    size = len(next(iter(maps.values()))[0])
    fig = _panels()
    for trace in _heat_maps(maps, last):
        fig.add_trace(trace, 1, 1)
    for trace in _view(beats[last if follow else 0], cines[last if follow else 0], size):
        fig.add_trace(trace, *((1, 2) if trace.type == "scatter" else (2, 2)))
    for k in range(size):
        fig.add_shape(
            type="rect",
            xref="x2",
            yref="y2 domain",
            x0=k,
            x1=k + 1,
            y0=0,
            y1=1,
            opacity=0.05,
            name=f"phase-{k}",
            fillcolor="#d62728",
            line_width=0,
        )
    frames = []
    for j in range(count):
        data: list[Any] = [go.Heatmap(z=_rounded(series[j])) for series in maps.values()]
        if follow:
            data += [_content(trace) for trace in _view(beats[j], cines[j], size)]
        frames.append(go.Frame(name=f"position-{j}", traces=list(range(len(data))), data=data))
    fig.frames = frames
    _controls(fig, list(maps), positions, prefix)
    return fig


def _panels() -> go.Figure:
    from plotly.subplots import make_subplots

    fig = make_subplots(
        2,
        2,
        column_widths=[0.62, 0.38],
        specs=[[{"rowspan": 2}, {}], [None, {}]],
        horizontal_spacing=0.14,
        vertical_spacing=0.2,
        subplot_titles=("", "lead II (mV)", "cine"),
    )
    fig.update_yaxes(title="ECG phase", autorange="reversed", row=1, col=1)
    fig.update_xaxes(title="cine phase", row=1, col=1)
    fig.update_xaxes(visible=False, row=2, col=2)
    fig.update_yaxes(visible=False, scaleanchor="x3", row=2, col=2)
    return fig


def _heat_maps(maps: Mapping[str, Sequence[Tensor]], position: int) -> list[go.Heatmap]:
    import plotly.graph_objects as go

    reach = max(float(m.abs().max()) for series in maps.values() for m in series)
    return [
        go.Heatmap(
            z=_rounded(series[position]),
            zmin=-reach,
            zmax=reach,
            colorscale="RdBu",
            name="map",
            reversescale=True,
            uid=f"map-{i}",
            visible=i == len(maps) - 1,
            colorbar={"thickness": 8, "x": 0.55, "len": 0.9, "nticks": 5},
            hovertemplate="ECG phase %{y}<br>cine phase %{x}<br>cosine %{z:.2f}<extra></extra>",
        )
        for i, series in enumerate(maps.values())
    ]


def _view(beat: np.ndarray, cine: np.ndarray, size: int) -> list[Any]:
    """The beat as a line and the cine as one hidden picture for each phase."""
    import plotly.graph_objects as go

    phase = np.linspace(0, size, len(beat)).round(2)
    line = go.Scatter(
        x=phase,
        y=np.round(beat.astype(float), 3),
        mode="lines",
        name="beat",
        hoverinfo="skip",
        line={"color": "#888"},
    )
    cines = [
        go.Heatmap(
            z=cine[t * len(cine) // size][::-1],
            colorscale="gray",
            zmin=0,
            zmax=255,
            showscale=False,
            name=f"frame-{t}",
            hoverinfo="skip",
            visible=t == 0,
        )
        for t in range(size)
    ]
    return [line, *cines]


def _content(trace: Any) -> dict[str, Any]:
    """What a frame changes of a trace; what is visible stays as the reader left it."""
    if trace.type == "scatter":
        return {"type": "scatter", "x": trace.x, "y": trace.y}
    return {"type": "heatmap", "z": trace.z}


def _controls(fig: go.Figure, names: list[str], positions: Sequence[str], prefix: str) -> None:
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    slider = [
        {"method": "animate", "label": label, "args": [[f"position-{j}"], jump]}
        for j, label in enumerate(positions)
    ]
    which = list(range(len(names)))
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": [i == j for j in which]}, which]}
        for i, name in enumerate(names)
    ]
    link = {
        "on": "map",
        "highlight": ["phase-{y}"],
        "show": ["frame-{x}"],
        "style": {"opacity": 0.7},
        "start": {"x": 0, "y": 0},
    }
    fig.update_layout(
        height=520,
        showlegend=False,
        margin={"l": 50, "r": 10, "t": 90, "b": 20},
        sliders=[
            {
                "steps": slider,
                "active": len(positions) - 1,
                "pad": {"t": 40},
                "currentvalue": {"prefix": prefix},
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "direction": "right",
                "buttons": buttons,
                "x": 0,
                "y": 1.22,
                "showactive": True,
                "active": len(names) - 1,
                "xanchor": "left",
            }
        ],
        meta={"link": link},
    )


def _rounded(cosine: Tensor) -> list[list[float]]:
    return [[round(v, 2) for v in row] for row in cosine.tolist()]
