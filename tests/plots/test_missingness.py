"""Figures of missingness show what they are given."""

from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ecglearn.plots.missingness import removal_explorer, severity_curves, token_grid


def test_grid_has_leads_as_rows():
    _, axes = plt.subplots()
    values = np.arange(48.0).reshape(12, 4)
    image = token_grid(axes, values, seconds=10, title="masker")
    assert np.array_equal(image.get_array(), values)
    assert [t.get_text() for t in axes.get_yticklabels()][:2] == ["I", "II"]
    assert image.get_clim() == (0, 47)
    plt.close()


def test_curves_draw_every_model_in_every_panel():
    table = pd.DataFrame(
        [
            {
                "model": m,
                "view": v,
                "auroc": a,
                "auroc_low": a - 0.1,
                "auroc_high": a + 0.1,
                "cmrs": a,
            }
            for m, a in (("a", 0.7), ("b", 0.6))
            for v in ("full", "mild", "severe")
        ]
    )
    figure = severity_curves(
        table, views=["full", "severe"], measures={"auroc": "AUROC", "cmrs": "CMRS"}
    )
    assert [len(panel.get_lines()) for panel in figure.axes] == [2, 2]
    assert [t.get_text() for t in figure.axes[-1].get_xticklabels()] == ["full", "severe"]
    assert len(figure.axes[0].collections) == 2
    assert len(figure.axes[1].collections) == 0
    plt.close(figure)


def test_explorer_has_one_set_of_traces_for_each_choice():
    keep = np.ones((3, 12, 4), bool)
    keep[1, 2] = False
    keep[2, :, :2] = False
    scores = np.arange(6.0).reshape(3, 2)
    figure = removal_explorer(
        np.random.default_rng(0).standard_normal((12, 1000)),
        100,
        ["none", "III", "5 s"],
        keep,
        ["flutter", "block"],
        scores,
        start=1,
    )
    named: dict[str, Any] = {trace.name: trace for trace in cast(Any, figure.data)}
    assert {f"{kind}-{i}" for kind in ("gone", "score") for i in range(3)} < set(named)
    assert len(named["gone-0"].x) == 0
    assert tuple(named["gone-1"].x[:5]) == (0, 10, 10, 0, 0)
    assert tuple(named["gone-1"].y[:3]) == (-2.5, -2.5, -1.5)
    assert len(named["gone-2"].x) == 12 * 6
    assert tuple(named["choices"].y) == (0, 2, 4)
    assert cast(Any, figure.layout).meta["link"]["start"] == {"i": 1}
    assert len(figure.to_json() or "") < 1_000_000
    with pytest.raises(ValueError, match="2 choices, 3 keep maps"):
        removal_explorer(np.zeros((12, 10)), 1, ["a", "b"], keep, ["x", "y"], scores)
