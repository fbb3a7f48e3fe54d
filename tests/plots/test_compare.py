"""Figures of `compare`: white is chance, a method keeps its colour, a lesson shows its values."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglearn.evaluate import Interval
from ecglearn.plots import Lesson, finding_map, lessons, measure_panels, method_colours
from ecglearn.registry import list_methods, method_class

TITLES = [method_class(name).title for name in list_methods()]


def table(models):
    rows = [
        {"task": "probe", "measure": "macro AUROC", "name": name, "model": model, "value": 0.6}
        for model in models
        for name in ("all", "flutter")
    ]
    return pd.DataFrame(rows).assign(low=0.5, high=0.7)


def test_white_is_chance():
    fig = finding_map(table(TITLES[:2]), ["probe"], models=TITLES[:2], cases={"flutter": 3})
    (trace,) = fig.data
    shown: Any = trace
    assert (shown.zmin + shown.zmax) / 2 == 0.5
    assert shown.zmid is None, "plotly ignores it beside both ends"
    assert shown.colorscale[len(shown.colorscale) // 2][0] == 0.5


def test_a_method_keeps_its_colour_in_any_company():
    alone = {title: method_colours([title])[title] for title in TITLES}
    together = method_colours(["full input", *reversed(TITLES), "age and sex"])
    assert {title: together[title] for title in TITLES} == alone
    assert len(set(together.values())) == len(together)
    assert method_colours([f"{TITLES[0]}, untrained"]) == {
        f"{TITLES[0]}, untrained": alone[TITLES[0]]
    }


def test_panels_use_it():
    models = [TITLES[2], TITLES[0]]
    fig = measure_panels(table(models), [("probe", "macro AUROC")], chance={}, models=models)
    drawn = [line.get_color() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert drawn == [method_colours(models)[model] for model in models]
    plt.close(fig)


def test_a_lesson_shows_both_values_hollow_and_full():
    rows = [
        Lesson(
            "phase", TITLES[0], ("without", Interval(0.08, 0.06, 0.1)), Interval(0.6, 0.58, 0.62)
        ),
        Lesson("below zero", TITLES[1], ("none", Interval(-0.1, -0.2, 0)), Interval(0.7, 0.6, 1.2)),
    ]
    fig = lessons(rows)
    (ax,) = fig.axes
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(p.get_xdata()[0]) for p in points] == [0.08, 0.6, -0.1, 0.7]  # type: ignore
    assert [p.get_markerfacecolor() == "white" for p in points] == [True, False] * 2
    ends = [np.asarray(line.get_xdata(), float) for line in ax.lines]
    assert max(float(end.max()) for end in ends) <= 1
    assert {"0.08", "0.60"} <= {text.get_text() for text in ax.texts}
    plt.close(fig)
