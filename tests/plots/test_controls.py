"""A slider shows the states it was given, and refuses what it could not show."""

from typing import Any

import plotly.graph_objects as go
import pytest

from ecglearn.plots.controls import add_slider

STATES = {name: [go.Bar(y=[k]), go.Bar(y=[-k])] for k, name in enumerate("abc")}


def figure() -> Any:
    return go.Figure([*STATES["b"], go.Scatter(y=[7])])


def test_every_step_has_its_traces():
    fig: Any = add_slider(figure(), STATES, active=1, prefix="at ", suffix=" s", pad=50)
    assert [frame.name for frame in fig.frames] == ["a", "b", "c"]
    for frame, traces in zip(fig.frames, STATES.values(), strict=True):
        assert frame.traces == (0, 1)
        assert [trace.y for trace in frame.data] == [trace.y for trace in traces]
    (slider,) = fig.layout.sliders
    assert slider.active == 1
    assert slider.pad.t == 50
    assert (slider.currentvalue.prefix, slider.currentvalue.suffix) == ("at ", " s")
    for step, name in zip(slider.steps, STATES, strict=True):
        assert (step.method, step.label, step.args[0]) == ("animate", name, (name,))
    assert [trace.type for trace in fig.data] == ["bar", "bar", "scatter"]


def test_a_figure_that_plays_says_so_and_keeps_what_it_said():
    fig: Any = figure().update_layout(meta={"link": {"on": "map"}})
    assert add_slider(fig, STATES, play=True).layout.meta == {"link": {"on": "map"}, "play": True}
    still: Any = add_slider(figure(), STATES)
    assert still.layout.meta is None


@pytest.mark.parametrize(
    "states",
    [{}, {"a": []}, {"a": [go.Bar()], "b": [go.Bar(), go.Bar()]}, {"a": [go.Bar()] * 4}],
)
def test_states_that_cannot_be_are_refused(states):
    with pytest.raises(ValueError, match="same number of traces"):
        add_slider(figure(), states)


def test_a_step_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no step 3"):
        add_slider(figure(), STATES, active=3)
