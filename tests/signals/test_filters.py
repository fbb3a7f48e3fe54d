"""Resampling, wavelet filter and z-score against what is known about them."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from ecglearn.signals.filters import (
    denoise_wavelet,
    minmax,
    preprocess,
    resample,
    wavelet_parts,
    zscore,
)
from ecglearn.signals.leads import limb_residuals, twelve_from_eight

FS = 500
TIME = np.arange(10 * FS) / FS
INTERIOR = slice(1000, 4000)


def _gain(hertz: float, phase: float = 0.3, **options) -> float:
    tone = np.sin(2 * np.pi * hertz * TIME + phase)[None]
    return denoise_wavelet(tone, **options)[0, INTERIOR].std() / tone[0, INTERIOR].std()


def _ecg_like(seed: int = 0, leads: int = 8, samples: int = 5000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(leads, samples)).cumsum(-1) * 0.02


@pytest.mark.parametrize(
    ("hertz", "gain"),
    [
        (0.5, 0.06),
        (0.7, 0.25),
        (1.5, 1.00),
        (20, 1.00),
        (40, 0.99),
        (50, 0.93),
        (60, 0.76),
        (80, 0.25),
        (100, 0.014),
        (150, 0.006),
    ],
)
def test_filter_gain_at_known_frequencies(hertz, gain):
    assert _gain(hertz) == pytest.approx(gain, abs=0.011)


@pytest.mark.parametrize("phase", [0.0, 0.8, 1.6])
def test_filter_bands(phase):
    assert all(_gain(f, phase) < 0.01 for f in (0.05, 0.1, 0.2, 0.3))
    assert all(_gain(f, phase) > 0.98 for f in (2, 5, 10, 20, 30, 40))
    assert all(_gain(f, phase) > 0.99 for f in (2, 3, 5, 10, 20, 30))
    assert all(_gain(f, phase) < 0.05 for f in range(100, 250, 10))


def test_leaving_out_only_the_fastest_band_keeps_100_hertz():
    assert _gain(100, drop_details=(1,)) == pytest.approx(0.93, abs=0.01)
    assert _gain(0.3, drop_details=(1,)) < 0.01


def test_keeping_the_slow_part_keeps_a_constant():
    x = np.full((2, 5000), 1.5)
    np.testing.assert_allclose(denoise_wavelet(x, drop_approximation=False), x, atol=1e-9)
    np.testing.assert_allclose(denoise_wavelet(x), 0, atol=1e-9)


@given(
    samples=st.integers(2816, 6000),
    a=st.floats(-3, 3),
    b=st.floats(-3, 3),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_filter_keeps_the_length_and_is_linear(samples, a, b, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 2, samples))
    both = denoise_wavelet(a * x + b * y)
    assert both.shape == x.shape
    np.testing.assert_allclose(both, a * denoise_wavelet(x) + b * denoise_wavelet(y), atol=1e-10)


def test_filter_treats_every_lead_alike_so_the_limb_rules_survive():
    x = twelve_from_eight(_ecg_like())
    clean = denoise_wavelet(x)
    np.testing.assert_allclose(clean[3], denoise_wavelet(x[3:4])[0], atol=1e-12)
    assert abs(limb_residuals(clean)).max() < 1e-10
    batch = denoise_wavelet(np.stack([x, 2 * x]))
    np.testing.assert_allclose(batch[1], 2 * clean, atol=1e-10)


def test_bands_add_up_and_the_filter_is_their_sum():
    x = _ecg_like(leads=2)
    parts = wavelet_parts(x)
    assert list(parts) == ["A8", "D8", "D7", "D6", "D5", "D4", "D3", "D2", "D1"]
    np.testing.assert_allclose(sum(parts.values()), x, atol=1e-9)
    kept = sum(parts[f"D{k}"] for k in range(3, 9))
    np.testing.assert_allclose(denoise_wavelet(x), kept, atol=1e-9)


def test_a_record_too_short_for_the_level_is_refused():
    assert denoise_wavelet(np.zeros((1, 2816))).shape == (1, 2816)
    with pytest.raises(ValueError, match="2815 samples allow 7 levels of db6, not 8"):
        denoise_wavelet(np.zeros((1, 2815)))
    with pytest.raises(ValueError, match="details go from 1 to 8"):
        denoise_wavelet(np.zeros((1, 5000)), drop_details=(9,))


@pytest.mark.parametrize("step", [lambda x: denoise_wavelet(x), lambda x: resample(x, 500, 100)])
def test_nan_is_refused_instead_of_spread(step):
    x = np.zeros((1, 5000))
    x[0, 7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        step(x)


@pytest.mark.parametrize("fs_in", [100, 128, 250, 257, 360, 500, 1000])
@pytest.mark.parametrize("fs_out", [100, 250, 500])
def test_resampling_a_tone_gives_the_tone_at_the_new_rate(fs_in, fs_out):
    def tone(fs: float) -> np.ndarray:
        t = np.arange(10 * fs) / fs
        return (0.7 + np.sin(2 * np.pi * 8 * t + 0.4) + 0.5 * np.cos(2 * np.pi * 3 * t))[None]

    y = resample(tone(fs_in), fs_in, fs_out)
    assert y.shape == (1, 10 * fs_out)
    inside = slice(fs_out, 9 * fs_out)
    np.testing.assert_allclose(y[0, inside], tone(fs_out)[0, inside], atol=5e-3)


def test_resampling_does_not_fold_high_frequencies_back():
    hum = np.sin(2 * np.pi * 170 * TIME)[None]  # would appear at 30 Hz in plain decimation
    assert np.abs(hum[0, ::5]).max() > 0.9
    assert np.abs(resample(hum, 500, 100)[0, 100:900]).max() < 0.01


def test_resampling_keeps_an_offset_to_the_very_ends():
    x = np.full((1, 3000), 4.2)
    np.testing.assert_allclose(resample(x, 1000, 500), 4.2, rtol=1e-3)


@given(samples=st.integers(50, 2000), fs_in=st.sampled_from([100, 257, 360, 500, 1000]))
@settings(max_examples=40)
def test_resampled_length_covers_every_instant_of_the_recording(samples, fs_in):
    n = resample(np.zeros((1, samples)), fs_in, 500).shape[-1]
    assert (n - 1) * fs_in < samples * 500 <= n * fs_in


def test_equal_rates_change_nothing_and_impossible_ones_are_refused():
    x = np.ones((1, 10))
    assert resample(x, 500, 500.0) is x
    with pytest.raises(ValueError, match="positive"):
        resample(x, 0, 500)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kind_and_dtype_stay(kind, dtype):
    x = _ecg_like().astype(dtype)
    given: Any = torch.tensor(x) if kind == "torch" else x
    for y in (
        denoise_wavelet(given),
        resample(given, 500, 100),
        zscore(given),
        preprocess(given, 500),
    ):
        assert type(y) is type(given)
        assert y.dtype == given.dtype


def test_signals_with_a_gradient_are_read_as_they_are():
    x = torch.from_numpy(_ecg_like())
    asked = x.clone().requires_grad_()
    assert torch.equal(denoise_wavelet(asked), denoise_wavelet(x))
    assert torch.equal(resample(asked, 500, 100), resample(x, 500, 100))


def test_zscore_per_lead_has_mean_zero_and_spread_one():
    z = zscore(_ecg_like() * np.arange(1, 9)[:, None] + 3)
    np.testing.assert_allclose(z.mean(-1), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(-1), 1, atol=1e-6)


def test_zscore_per_record_keeps_how_tall_leads_are_relative_to_each_other():
    x = np.random.default_rng(0).normal(size=(2, 3, 4000)) * np.array([1.0, 2.0, 4.0])[:, None]
    z = zscore(x, per="record")
    np.testing.assert_allclose(z.mean((-2, -1)), 0, atol=1e-9)
    np.testing.assert_allclose(z.std((-2, -1)), 1, atol=1e-6)
    np.testing.assert_allclose(z[:, 2].std(-1) / z[:, 0].std(-1), x[:, 2].std(-1) / x[:, 0].std(-1))
    with pytest.raises((ValueError, TypeCheckError), match=r"\bper\b"):
        zscore(x, per="patient")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("per", ["lead", "record"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("level", [0.0, 0.1, 123.456])
def test_flat_leads_become_zeros(per, dtype, level):
    x = _ecg_like().astype(dtype)
    x[2] = level
    z = zscore(x, per=per)
    assert np.isfinite(z).all()
    assert (z[2] == 0).all()
    assert z[1].std() > 0.1
    filtered = zscore(denoise_wavelet(x))  # what is left of a constant after filtering is rounding
    assert (filtered[2] == 0).all()


@pytest.mark.parametrize("per", ["lead", "record"])
def test_zscore_reads_only_what_was_observed(per):
    x = _ecg_like()
    keep = np.ones_like(x, dtype=bool)
    keep[:, 1000:3000] = False
    keep[5] = False
    z = zscore(x, per=per, keep=keep)
    poisoned = x.copy()
    poisoned[~keep] = np.nan
    np.testing.assert_array_equal(zscore(poisoned, per=per, keep=keep), z)
    assert (z[~keep] == 0).all()
    seen = np.delete(z, 5, 0)[:, keep[0]]
    axis = -1 if per == "lead" else None
    np.testing.assert_allclose(seen.mean(axis), 0, atol=1e-9)
    np.testing.assert_allclose(seen.std(axis), 1, atol=1e-6)


def test_default_chain_is_its_three_steps():
    x = _ecg_like(samples=10_000)
    by_hand = zscore(denoise_wavelet(resample(x, 1000, 500)))
    np.testing.assert_array_equal(preprocess(x, 1000), by_hand)
    keep = np.ones_like(x, dtype=bool)
    keep[:, :4000] = False
    z = preprocess(x, 1000, keep=keep)
    assert (z[:, :2000] == 0).all()
    assert (z[:, 2000:] != 0).mean() > 0.99


def test_zscore_per_group_standardises_limb_augmented_and_chest_leads_apart():
    x = np.random.default_rng(0).normal(size=(2, 12, 900)) * np.arange(1, 13)[:, None] + 2
    z = zscore(x, per="group")
    for part in (slice(0, 3), slice(3, 6), slice(6, 12)):
        np.testing.assert_allclose(z[:, part], zscore(x[:, part], per="record"))
    with pytest.raises(ValueError, match="groups are those of twelve leads, and these are 3"):
        zscore(x[:, :3], per="group")


def test_minmax_by_hand_and_only_of_what_was_observed():
    x = np.random.default_rng(0).normal(size=(3, 12, 50))
    found = minmax(x)
    for record, scaled in zip(x, found, strict=True):
        np.testing.assert_allclose(scaled, (record - record.min()) / (record.max() - record.min()))
    keep = np.ones(x.shape, bool)
    keep[:, 4, 10:] = False
    poisoned = np.where(keep, x, np.nan)
    scaled = minmax(poisoned, keep=keep)
    assert (scaled[~keep] == 0).all()
    assert scaled[keep].min() == 0
    assert scaled[keep].max() == 1
    assert (minmax(np.full((2, 12, 9), 3.0)) == 0).all()
    np.testing.assert_allclose(minmax(7 * x - 3), found)  # millivolts are forgotten
    assert torch.equal(minmax(torch.from_numpy(x)), torch.from_numpy(found))
