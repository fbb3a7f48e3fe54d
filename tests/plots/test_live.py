"""Controls where somebody turns them, one call where nobody does."""

import ipywidgets
import pytest

from ecglearn.plots import live
from ecglearn.plots.live import FRONT_ENDS


@pytest.fixture
def nobody(monkeypatch):
    for name in FRONT_ENDS:
        monkeypatch.delenv(name, raising=False)


def test_without_a_front_end_it_draws_once_with_the_first_values(nobody, monkeypatch):
    monkeypatch.setattr(ipywidgets, "interact", None)  # would fail
    seen = []
    live(lambda **chosen: seen.append(chosen), level=range(8, 0, -1), wavelet=["db6", "haar"])
    assert seen == [{"level": 8, "wavelet": "db6"}]


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_with_a_front_end_it_asks_for_controls(nobody, monkeypatch, name):
    monkeypatch.setenv(name, "here")
    made = {}
    monkeypatch.setattr(ipywidgets, "interact", lambda draw, **controls: made.update(controls))
    live(print, level=range(8, 0, -1), wavelet=["db6", "haar"])
    assert isinstance(made["level"], ipywidgets.SelectionSlider)
    assert isinstance(made["wavelet"], ipywidgets.Dropdown)
    assert (made["level"].value, made["wavelet"].value) == (8, "db6")
    assert made["level"].options == tuple(range(1, 9))
