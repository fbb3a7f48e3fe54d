"""Figures of clinical transfer: frames for the slider, the same order in each; gaps stay gaps."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglearn.plots.clinical import correlation_player, lifts_side_by_side


def test_slider_has_a_frame_for_each_matrix_in_one_order():
    rng = np.random.default_rng(0)
    matrices = [rng.uniform(-1, 1, (9, 9)) for _ in range(3)]
    fig = correlation_player(matrices, ["0", "5", "10"], shown=4)
    frames: Any = fig.frames
    assert [frame.name for frame in frames] == ["0", "5", "10"]
    best = np.argsort(-matrices[-1].diagonal())[:4]
    for frame, c in zip(frames, matrices, strict=True):
        np.testing.assert_allclose(frame.data[0].z, c[np.ix_(best, best)], atol=0.0051)
    assert len(fig.to_json() or "") < 1_000_000
    with pytest.raises(ValueError, match="3 matrices and 2 labels"):
        correlation_player(matrices, ["0", "5"])


def test_each_map_is_centred_on_its_own_scale():
    predicted = np.array([[0.2, -0.1, 0.0], [0.1, 0.1, 0.1]])
    measured = np.array([[0.9, np.nan, 0.1], [0.0, -1.5, 0.2]])
    fig = lifts_side_by_side(predicted, measured, ["a", "b"], ["x", "y", "z"])
    images = [ax.images[0] for ax in fig.axes if ax.images]
    assert [image.get_clim() for image in images[:2]] == [(-0.2, 0.2), (-1.5, 1.5)]
    plt.close(fig)
