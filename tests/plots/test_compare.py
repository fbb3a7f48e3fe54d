"""Figures of `compare`: white is chance, a method keeps its colour, a lesson shows its values."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglearn.evaluate import Interval
from ecglearn.plots import Lesson, finding_map, lessons, measure_menu, method_colours, seed_menu
from ecglearn.plots.colours import OTHERS
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


def test_names_that_are_no_method_get_the_other_colours_in_turn():
    names = [f"variant {k}" for k in range(len(OTHERS) + 1)]
    assert list(method_colours(names).values()) == [*OTHERS, OTHERS[0]]


def test_a_menu_asks_one_question_at_a_time_on_one_scale():
    models = [TITLES[2], TITLES[0], "empty row"]
    asked = [("probe", "macro AUROC"), ("other", "macro AUROC"), ("heart", "R2")]
    rows = table(models[:2])
    first = rows.assign(model=rows["model"] + ", untrained", value=0.52)
    other = rows.assign(task="other", value=0.9, low=0.8, high=0.95)
    heart = rows.assign(task="heart", measure="R2", value=-0.1, low=-0.2, high=0.0)
    fig = measure_menu(
        pd.concat([rows, first, other, heart]), asked, chance={"macro AUROC": 0.5}, models=models
    )
    drawn: Any = fig.data
    assert [trace.visible for trace in drawn] == [True] * 5 + [False] * 10
    dots = drawn[4]
    assert list(dots.x) == [0.6, 0.6]
    assert list(dots.y) == models[:2]
    assert list(dots.marker.color) == [method_colours(models)[m] for m in models[:2]]
    assert list(drawn[0].x) == [0.5, 0.5]
    assert list(drawn[1].x) == [0.52, 0.52]
    assert list(drawn[2].x) == [0.5, 0.7, None] * 2
    layout: Any = fig.layout
    one, two, three = layout.updatemenus[0].buttons
    assert one.label == "probe, macro AUROC"
    for k, button in enumerate((one, two, three)):
        assert [n // 5 for n, on in enumerate(button.args[0]["visible"]) if on] == [k] * 5
    assert one.args[1]["xaxis.range"] == two.args[1]["xaxis.range"] == list(layout.xaxis.range)
    low, high = one.args[1]["xaxis.range"]
    assert low < 0.5
    assert high > 0.95
    assert three.args[1] == {"xaxis.title.text": "R2", "xaxis.range": [-0.208, 0.008]}
    assert list(layout.yaxis.range) == [2.5, -0.5]


def test_a_menu_of_stored_runs_shows_every_seed():
    class Runs:
        def runs_of(self, name):
            shown = {"zero-shot: macro AUROC": 0.7}
            return [shown | ({"untrained: zero-shot: macro AUROC": 0.5} if name == "b" else {})]

        def interval(self, name, measure):
            return Interval(0.5, 0.4, 0.6) if "untrained" in measure else Interval(0.7, 0.6, 0.8)

        def values(self, name, measure):
            return np.array([0.65, 0.75])

    fig = seed_menu(Runs(), {"in words": "zero-shot: macro AUROC"}, models=["a", "b"])  # type: ignore
    drawn: Any = fig.data
    assert list(drawn[3].x) == [0.65, 0.75] * 2
    assert list(drawn[3].y) == ["a", "a", "b", "b"]
    assert (list(drawn[1].x), list(drawn[1].y)) == ([0.5], ["b"])
    assert not fig.layout.updatemenus  # type: ignore
    both = {"words, macro AUROC": "zero-shot: macro AUROC", "in words": "zero-shot: macro AUROC"}
    menu: Any = seed_menu(Runs(), both, models=["a", "b"]).layout.updatemenus  # type: ignore
    said = [button.label for button in menu[0].buttons]
    assert said == ["words, macro AUROC", "in words, macro AUROC"]


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
