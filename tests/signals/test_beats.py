"""The beat matrix against its recipe written out beat by beat."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglearn.signals.beats import beat_matrices, beat_matrix, pad_peaks

TOKENS, SIZE, SEGMENTS = 50, 50, 13
GRID: dict[str, Any] = {"tokens": TOKENS, "samples_per_token": SIZE, "segments": SEGMENTS}


def _by_hand(peaks, *, tokens, samples_per_token, segments, phase_exact=False):
    """The recipe, one beat and one phase at a time."""
    inside = [int(r) for r in peaks if 0 <= r < tokens * samples_per_token]
    beats = []
    for r, following in pairwise(inside):
        s, e = r // samples_per_token, following // samples_per_token
        n = e - s
        if n < 2:
            continue
        beat = np.zeros((segments, tokens))
        for t in range(segments):
            if phase_exact:
                moment = r + (t + 0.5) / segments * (following - r)
                u = (moment - (samples_per_token - 1) / 2) / samples_per_token
                u = min(max(u, 0.0), tokens - 1.0)
                i = math.floor(u)
                beat[t, i] += 1 - (u - i)
                beat[t, min(i + 1, tokens - 1)] += u - i
            else:
                u = min(max((t + 0.5) * n / segments - 0.5, 0.0), n - 1.0)
                i = math.floor(u)
                beat[t, s + i] += 1 - (u - i)
                beat[t, min(s + i + 1, e - 1)] += u - i
        beats.append(beat)
    return (np.mean(beats, 0), True) if beats else (np.zeros((segments, tokens)), False)


_peaks = st.lists(st.integers(0, TOKENS * SIZE - 1), max_size=20, unique=True).map(sorted)


@given(peaks=_peaks, phase_exact=st.booleans(), segments=st.integers(1, 30))
def test_matrix_equals_the_recipe_beat_by_beat(peaks, phase_exact, segments):
    grid = {"tokens": TOKENS, "samples_per_token": SIZE, "segments": segments}
    matrix, ok = beat_matrix(np.array(peaks, dtype=np.int64), **grid, phase_exact=phase_exact)
    expected, expected_ok = _by_hand(peaks, **grid, phase_exact=phase_exact)
    assert ok is expected_ok
    assert matrix.shape == (segments, TOKENS)
    np.testing.assert_allclose(matrix, expected, atol=1e-6)


@given(records=st.lists(_peaks, min_size=1, max_size=8), phase_exact=st.booleans())
def test_many_records_at_once_equal_one_by_one(records, phase_exact):
    arrays = [np.array(peaks, dtype=np.int64) for peaks in records]
    together, ok = beat_matrices(pad_peaks(arrays), **GRID, phase_exact=phase_exact)
    for k, peaks in enumerate(arrays):
        alone, alone_ok = beat_matrix(peaks, **GRID, phase_exact=phase_exact)
        assert bool(ok[k]) is alone_ok
        np.testing.assert_array_equal(together[k].numpy(), alone)


@given(peaks=_peaks, phase_exact=st.booleans())
def test_rows_are_weights_that_sum_to_one(peaks, phase_exact):
    matrix, ok = beat_matrix(np.array(peaks, dtype=np.int64), **GRID, phase_exact=phase_exact)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(1), float(ok), atol=1e-5)


@pytest.mark.parametrize("peaks", [[], [700], [700, 760], [10, 60, 110], [740, 799]])
def test_records_without_a_usable_beat_are_marked_not_nan(peaks):
    matrix, ok = beat_matrix(np.array(peaks, dtype=np.int64), **GRID)
    assert ok is False
    assert (matrix == 0).all()


def test_as_many_tokens_as_segments_selects_them_as_they_are():
    peaks = np.array([500, 500 + SEGMENTS * SIZE])
    matrix, ok = beat_matrix(peaks, **GRID)
    assert ok
    expected = np.zeros((SEGMENTS, TOKENS))
    expected[np.arange(SEGMENTS), 10 + np.arange(SEGMENTS)] = 1
    np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_equal_beats_average_to_any_one_of_them():
    tokens = np.tile(np.random.default_rng(0).normal(size=(10, 4)), (5, 1))  # period 10 tokens
    whole, _ = beat_matrix(np.array([0, 500, 1000, 1500, 2000]), **GRID)
    one, _ = beat_matrix(np.array([500, 1000]), **GRID)
    np.testing.assert_allclose(whole @ tokens, one @ tokens, atol=1e-5)


def test_indices_outside_the_window_do_not_count():
    inside = np.array([120, 610, 1150, 1700, 2300])
    around = np.concatenate([[-400, -1], inside, [2500, 2600, 3100]])
    np.testing.assert_array_equal(beat_matrix(around, **GRID)[0], beat_matrix(inside, **GRID)[0])


def test_a_crop_is_taken_by_subtracting_its_first_sample():
    records = [
        np.array([100, 700, 1300, 1900, 2500, 3100]),
        np.array([50, 2800]),
        np.array([], int),
    ]
    start = torch.tensor([600, 200, 0])
    together, ok = beat_matrices(pad_peaks(records) - start[:, None], **GRID)
    assert ok.tolist() == [True, False, False]
    np.testing.assert_array_equal(together[0].numpy(), beat_matrix(records[0] - 600, **GRID)[0])


def test_kind_follows_the_peaks_and_no_records_is_fine():
    assert isinstance(beat_matrix(torch.tensor([0, 600]), **GRID)[0], torch.Tensor)
    assert isinstance(beat_matrix(np.array([0, 600]), **GRID)[0], np.ndarray)
    assert pad_peaks([]).shape == (0, 0)
    with pytest.raises(ValueError, match="positive"):
        beat_matrix(np.array([0, 600]), tokens=0, samples_per_token=50, segments=13)


@given(
    rr=st.integers(300, 900),
    start=st.integers(60, 300),
    shift=st.lists(st.integers(-40, 40), min_size=9),
)
def test_phase_exact_reads_the_tokens_at_the_very_moment_of_the_phase(rr, start, shift):
    peaks = start + np.arange(9) * rr + np.array(shift[:9])
    peaks = peaks[(peaks > SIZE) & (peaks < TOKENS * SIZE - SIZE)]
    centres = np.arange(TOKENS) * SIZE + (SIZE - 1) / 2  # each token says when it is
    phase = (np.arange(SEGMENTS) + 0.5) / SEGMENTS
    moments = (peaks[:-1, None] + phase * np.diff(peaks)[:, None]).mean(0)
    matrix, ok = beat_matrix(peaks, **GRID, phase_exact=True)
    assert ok
    np.testing.assert_allclose(matrix @ centres, moments, atol=0.01)


def test_without_phase_exact_rounding_to_tokens_costs_up_to_a_token():
    peaks = np.array([149, 549, 949])  # the last samples of their tokens
    centres = np.arange(TOKENS) * SIZE + (SIZE - 1) / 2
    moments = 349 + (np.arange(SEGMENTS) + 0.5) / SEGMENTS * 400
    late = moments - beat_matrix(peaks, **GRID)[0] @ centres
    assert 40 < late[SEGMENTS // 2] < SIZE


def test_phase_exact_gives_the_same_mean_beat_at_any_heart_rate():
    def pattern(phase: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)], -1)

    def mean_beat(rr: int, phase_exact: bool) -> np.ndarray:
        peaks = np.arange(70, TOKENS * SIZE, rr)
        phase = np.interp(np.arange(TOKENS) * SIZE + (SIZE - 1) / 2, peaks, np.arange(len(peaks)))
        return beat_matrix(peaks, **GRID, phase_exact=phase_exact)[0] @ pattern(phase)

    change = {
        mode: np.abs(mean_beat(460, mode) - mean_beat(640, mode)).max() for mode in (True, False)
    }
    assert change[True] < 0.12
    assert change[True] < change[False] / 2
