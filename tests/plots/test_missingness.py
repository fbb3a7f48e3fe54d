"""Figures of missingness show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglearn.plots.missingness import severity_curves, token_grid


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
