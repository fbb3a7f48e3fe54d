"""Figures of reports: one bar per word, one hidden trace each, and a rule that links them."""

import matplotlib.pyplot as plt
import numpy as np

from ecglearn.plots.reports import Marked, marked_reports, three_views

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


def test_marked_reports_have_signs_and_no_markup_of_their_own():
    page = marked_reports(
        [([Marked("QRS < 100", "missed"), Marked("Sinus", "")], [Marked("LVH", "invented")])]
    )
    assert "QRS &lt; 100" in page
    assert page.count("\u25cb") == 2, "once in the table, once in the legend"
    assert page.count("\u2713") == 1
    assert page.count("<tr>") == 2
