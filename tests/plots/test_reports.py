"""Figures of reports: one bar per word, one hidden trace each, and a rule that links them."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglearn.plots.reports import Marked, marked_reports, three_views, word_explorer

WORDS = ["atrial", "flutter", "."]


def test_three_views_has_a_bar_for_each_word():
    lead = np.sin(np.arange(1000) / 10)
    fig = three_views(
        lead,
        100,
        np.random.default_rng(0).random((13, 76)),
        np.arange(13) * 4.0,
        np.linspace(0.1, 9.9, 76),
        WORDS,
        np.array([0.5, 0.3, 0.2]),
    )
    assert len(fig.axes[2].patches) == 3
    assert [label.get_text() for label in fig.axes[2].get_xticklabels()] == WORDS
    plt.close(fig)


def test_pointing_at_a_word_shows_its_own_trace():
    attention = np.full((3, 40), 1 / 40)
    fig = word_explorer(np.zeros(1000), 100, WORDS, np.ones(3) / 3, attention, start=1)
    traces: Any = fig.data
    assert [trace.name for trace in traces] == ["look-0", "look-1", "look-2", "ecg", "words"]
    assert all(trace.visible is False for trace in traces[:3])
    assert np.allclose(traces[0].y, 1)
    assert fig.layout.meta["link"] == {"on": "words", "show": ["look-{i}"], "start": {"i": 1}}


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 words, 3 weights and 3 rows"):
        word_explorer(np.zeros(1000), 100, WORDS[:2], np.ones(3), np.ones((3, 40)))


def test_true_evidence_is_a_line_for_each_word():
    attention = np.full((3, 20), 1 / 20)
    truth = np.full((3, 20), np.nan)
    truth[1] = np.eye(20)[7]
    fig = word_explorer(np.zeros(1000), 100, WORDS, np.ones(3), attention, truth=truth)
    data: Any = fig.data
    traces = {trace.name: trace for trace in data}
    assert traces["true-1"].y[7] == 20
    assert fig.layout.meta["link"]["show"] == ["look-{i}", "true-{i}"]
    assert fig.layout.yaxis.range[1] >= 20


def test_marked_reports_have_signs_and_no_markup_of_their_own():
    page = marked_reports(
        [([Marked("QRS < 100", "missed"), Marked("Sinus", "")], [Marked("LVH", "invented")])]
    )
    assert "QRS &lt; 100" in page
    assert page.count("\u25cb") == 2, "once in the table, once in the legend"
    assert page.count("\u2713") == 1
    assert page.count("<tr>") == 2
