"""ECG paper: is a millivolt ten millimetres, and is every lead where its name says?"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglearn.plots.ecg import ecg_paper, ecg_sheet
from ecglearn.signals.leads import LEADS


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _staircase(fs: int = 500) -> np.ndarray:
    """Lead k is constant at k/10 mV, with one step of 1 mV up at 1 s in each lead."""
    x = np.arange(12)[:, None] / 10 + np.zeros((12, 10 * fs))
    x[:, fs:] += 1
    return x


def _traces(fig) -> list[np.ndarray]:
    lines = [np.array(line.get_data(), dtype=float) for line in fig.axes[0].lines]
    return [line for line in lines if line.shape[1] > 10]


def test_sheet_has_the_scale_of_the_clinic():
    fig = ecg_sheet(_staircase(), 500, layout="12x1")
    ax = fig.axes[0]
    box = ax.get_position().bounds
    width = fig.get_figwidth() * box[2] * 25.4 / np.ptp(ax.get_xlim())
    height = fig.get_figheight() * box[3] * 25.4 / np.ptp(ax.get_ylim())
    assert (width, height) == pytest.approx((1, 1))  # a unit is a millimetre on paper
    traces = _traces(fig)
    assert len(traces) == 12
    for at, volt in traces:
        assert np.ptp(at) == pytest.approx(250, abs=0.1)
        assert volt[-1] - volt[0] == pytest.approx(10)
        step = at[np.argmax(np.diff(volt)) + 1] - at[0]
        assert step == pytest.approx(25)


def test_paper_is_coloured_to_its_edges_and_names_stand_where_leads_begin():
    ax: Any = ecg_sheet(_staircase(), 500, layout="12x1").axes[0]
    (sheet,) = ax.patches
    (left, bottom), (right, top) = sheet.get_bbox().get_points()
    assert ((left, right), (bottom, top)) == (ax.get_xlim(), ax.get_ylim())
    shown = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert [shown[lead] for lead in LEADS] == [10 + 1.5] * 12


def test_three_by_four_shows_each_lead_in_its_quarter_and_the_rhythm_lead_whole():
    x = np.random.default_rng(0).normal(size=(12, 5000))
    traces = _traces(ecg_sheet(x, 500, rhythm="V1"))
    assert len(traces) == 13
    quarters = {lead: k // 3 for k, lead in enumerate(LEADS)}
    order = [lead for column in range(4) for lead in LEADS if quarters[lead] == column]
    for lead, (at, volt) in zip(order, traces, strict=False):
        k = quarters[lead]
        assert at[0] == pytest.approx(10 + k * 62.5)
        expected = x[LEADS.index(lead), k * 1250 : (k + 1) * 1250]
        np.testing.assert_allclose(np.diff(volt), np.diff(expected) * 10, atol=1e-9)
    np.testing.assert_allclose(np.diff(traces[-1][1]), np.diff(x[6]) * 10, atol=1e-9)


def test_missing_leads_are_marked_and_absent_ones_refused():
    fig = ecg_sheet(_staircase(), 500, missing=("V2",))
    words = [text.get_text() for text in fig.axes[0].texts]
    assert "V2 (not recorded)" in words
    assert "V3" in words
    with pytest.raises(ValueError, match="needs lead V6"):
        ecg_sheet(_staircase()[:11], 500, leads=LEADS[:11])
    with pytest.raises(ValueError, match="12 lead names for 11 rows"):
        ecg_paper(_staircase()[:11], 500)


@pytest.mark.parametrize(("fs", "shown"), [(100, 100), (500, 250)])
def test_paper_tells_millivolt_on_hover(fs, shown):
    x = np.random.default_rng(0).normal(size=(12, 10 * fs)).cumsum(-1) / 50
    fig: Any = ecg_paper(x, fs, r_peaks=np.array([fs, 2 * fs]))
    assert [trace.name for trace in fig.data] == list(LEADS)
    for k, trace in enumerate(fig.data):
        assert trace.dx == pytest.approx(1 / shown)
        assert len(trace.y) == 10 * shown
        np.testing.assert_allclose(trace.y - trace.customdata, -1.5 * k, atol=1e-5)
        if fs == shown:
            # hundredths of a millivolt: as much as the hover says
            np.testing.assert_allclose(trace.customdata, x[k].round(2), atol=1e-6)
    assert [shape.x0 for shape in fig.layout.shapes] == [1, 2]


def test_buttons_show_limb_or_chest_leads():
    fig: Any = ecg_paper(_staircase(), 500)
    buttons = {b.label: b.args[0]["visible"] for b in fig.layout.updatemenus[0].buttons}
    assert buttons["limb leads"] == [True] * 6 + [False] * 6
    assert buttons["chest leads"] == [False] * 6 + [True] * 6
    two: Any = ecg_paper(_staircase()[:2], 500, leads=("I", "II"))
    assert len(two.layout.updatemenus[0].buttons) == 2
