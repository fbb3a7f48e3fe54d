"""The spectrogram against scipy's, and against tones whose place is known."""

import numpy as np
import pytest
import torch
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from ecglearn.signals.spectrogram import spectrogram, spectrogram_axes, stft_magnitude


@pytest.mark.parametrize(
    ("fs", "window", "hop", "shape"), [(500, 125, 63, (63, 78)), (100, 25, 13, (13, 76))]
)
def test_agrees_with_scipy_frame_by_frame(fs, window, hop, shape):
    x = np.random.default_rng(0).normal(size=(3, 10 * fs)) + 5
    ours = stft_magnitude(x, fs=fs)
    assert ours.shape == (3, *shape)
    theirs = ShortTimeFFT(hann(window, sym=False), hop, fs, mfft=window)
    assert theirs.m_num_mid == hop - 1
    # scipy's frame 0 is centred on sample 0; behind one zero its frame k + 1 lies on our frame k
    later = np.pad(x - x.mean(-1, keepdims=True), ((0, 0), (1, 0)))
    np.testing.assert_allclose(ours, np.abs(theirs.stft(later, p0=1, p1=1 + shape[1])), atol=1e-10)


def test_axes_are_those_of_scipy():
    hertz, seconds = spectrogram_axes(500, 5000)
    theirs = ShortTimeFFT(hann(125, sym=False), 63, 500, mfft=125)
    np.testing.assert_allclose(hertz, theirs.f)
    assert seconds[0] == pytest.approx(62 / 500)
    np.testing.assert_allclose(np.diff(seconds), theirs.delta_t)
    assert hertz[-1] == pytest.approx(248)
    assert (len(hertz), len(seconds)) == (63, 78)


@pytest.mark.parametrize(("fs", "hertz"), [(500, 20), (500, 100), (100, 20)])
def test_a_tone_peaks_in_its_bin(fs, hertz):
    x = np.sin(2 * np.pi * hertz * np.arange(10 * fs) / fs)[None]
    axis, _ = spectrogram_axes(fs, x.shape[-1])
    strongest = axis[stft_magnitude(x, fs=fs)[0].argmax(0)]
    np.testing.assert_allclose(strongest, hertz, atol=0.01)
    if (fs, hertz) == (500, 20):
        assert (spectrogram(x, fs=fs)[0].argmax(0) == 5).all()


def test_a_burst_lights_up_at_its_time():
    t = np.arange(5000) / 500
    x = (np.exp(-0.5 * ((t - 6.2) / 0.03) ** 2) * np.sin(2 * np.pi * 30 * t))[None]
    _, seconds = spectrogram_axes(500, 5000)
    assert abs(seconds[stft_magnitude(x, fs=500)[0].sum(0).argmax()] - 6.2) < 0.07


def test_a_constant_does_not_matter_and_a_shift_by_one_step_moves_one_frame():
    x = torch.randn(2, 12, 5000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(spectrogram(x + 7, fs=500), spectrogram(x, fs=500))
    tones = torch.sin(torch.arange(5063, dtype=torch.float64) * 0.1)[None] ** 3
    tones = tones - tones.mean()
    late = stft_magnitude(tones[:, 63:] - 0, fs=500)
    early = stft_magnitude(tones[:, :-63], fs=500)
    torch.testing.assert_close(late[..., :-1], early[..., 1:], atol=0.2, rtol=0.02)


def test_each_record_is_standardised_by_itself():
    x = torch.randn(3, 12, 1000, generator=torch.Generator().manual_seed(0))
    x[1] *= 40
    s = spectrogram(x, fs=100)
    torch.testing.assert_close(s.mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(s.std((1, 2, 3), correction=0), torch.ones(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(s[1], spectrogram(x[1], fs=100), atol=1e-5, rtol=1e-4)
    assert (spectrogram(torch.zeros(1, 12, 1000), fs=100) == 0).all()


def test_kind_stays_and_gradients_pass():
    x = np.random.default_rng(0).normal(size=(12, 1000)).astype(np.float32)
    assert spectrogram(x, fs=100).dtype == np.float32
    t = torch.tensor(x, requires_grad=True)
    spectrogram(t, fs=100).square().sum().backward()
    assert t.grad is not None
    assert t.grad.isfinite().all()


def test_signals_shorter_than_a_window_are_refused():
    with pytest.raises(ValueError, match="shorter than one window"):
        spectrogram(np.zeros((12, 124)), fs=500)
    with pytest.raises(ValueError, match="fewer than two"):
        spectrogram_axes(4, 100)
