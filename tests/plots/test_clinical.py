"""Figures of clinical transfer: each map on its own scale; gaps stay gaps."""

import matplotlib.pyplot as plt
import numpy as np

from ecglearn.plots.clinical import lifts_side_by_side


def test_each_map_is_centred_on_its_own_scale():
    predicted = np.array([[0.2, -0.1, 0.0], [0.1, 0.1, 0.1]])
    measured = np.array([[0.9, np.nan, 0.1], [0.0, -1.5, 0.2]])
    fig = lifts_side_by_side(predicted, measured, ["a", "b"], ["x", "y", "z"])
    images = [ax.images[0] for ax in fig.axes if ax.images]
    assert [image.get_clim() for image in images[:2]] == [(-0.2, 0.2), (-1.5, 1.5)]
    plt.close(fig)
