"""Controls that work in a page without a kernel: a slider through the states of a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go


def add_slider(
    fig: go.Figure,
    states: Mapping[str, Sequence[Any]],
    *,
    active: int = 0,
    prefix: str = "",
    suffix: str = "",
    pad: int = 40,
    play: bool = False,
) -> go.Figure:
    """Give a figure a slider that exchanges its first traces.

    Args:
        fig: begins with the traces of the state `active`; traces after them stay as they are.
        states: label of each step of the slider to its traces, as many for each step.
        active: which step the slider shows first.
        prefix: written before the label of the step that is shown.
        suffix: written after it.
        pad: pixels between the figure and the slider.
        play: the page adds a button that plays through the steps once.

    Returns:
        The same figure.

    Raises:
        ValueError: no state, one with another number of traces, or no such step.

    Book: intro#intro-beat
    """
    drawn: Any = fig.data
    sizes = {len(traces) for traces in states.values()}
    if len(sizes) != 1 or not max(sizes) or max(sizes) > len(drawn):
        raise ValueError(
            f"a slider exchanges the same number of traces, one or more, at every step; here "
            f"{sorted(sizes) or 'none'} of {len(drawn)} traces"
        )
    if not 0 <= active < len(states):
        raise ValueError(f"there is no step {active}; the slider has {len(states)}, from 0")
    which = list(range(max(sizes)))
    fig.frames = [go.Frame(name=name, data=data, traces=which) for name, data in states.items()]
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    steps = [{"method": "animate", "label": name, "args": [[name], jump]} for name in states]
    current = {"prefix": prefix, "suffix": suffix}
    slider = {"active": active, "pad": {"t": pad}, "currentvalue": current, "steps": steps}
    fig.update_layout(sliders=[slider])
    if play:
        fig.update_layout(meta={**(fig.layout.meta or {}), "play": True})  # pyright: ignore
    return fig
