"""Crops and frames of a batch: deterministic without a generator, drawn with one."""

import pytest
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import cine_frames, ecg_window


def patients(frames=50, size=84):
    generator = torch.Generator().manual_seed(0)
    return ECGBatch(
        ecg=torch.randn(4, 12, 60, generator=generator),
        fs=100,
        cine=torch.randint(0, 256, (4, frames, size, size), generator=generator).to(torch.uint8),
    )


def test_ecg_without_a_generator_is_the_start_of_the_record():
    batch = patients()
    window, start = ecg_window(batch, fs=100, samples=40, generator=None)
    assert torch.equal(window, batch.ecg[:, :, :40])
    assert start.tolist() == [0] * 4


def test_ecg_with_a_generator_is_cropped_and_only_then_changed():
    batch = patients()
    generator = torch.Generator().manual_seed(1)
    window, start = ecg_window(batch, fs=100, samples=40, generator=generator, augmented=False)
    assert len(set(start.tolist())) > 1
    for row, first in enumerate(start.tolist()):
        assert torch.equal(window[row], batch.ecg[row, :, first : first + 40])
    changed, _ = ecg_window(batch, fs=100, samples=40, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(changed, window)


def test_fifty_frames_become_twenty_six():
    batch = patients()
    even = cine_frames(batch, frames=26, size=42, generator=None)
    assert even.shape == (4, 26, 42, 42)
    again = cine_frames(batch, frames=26, size=42, generator=None)
    assert torch.equal(even, again)
    for first_stage in (False, True):
        generator = torch.Generator().manual_seed(1)
        drawn = cine_frames(batch, frames=26, size=42, generator=generator, first_stage=first_stage)
        assert drawn.shape == even.shape
        assert not torch.equal(drawn, even)
        assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 1


def test_bad_input_is_named():
    batch = patients(frames=20)
    with pytest.raises(ValueError, match="reads 500 Hz and the batch has 100 Hz"):
        ecg_window(batch, fs=500, samples=40, generator=None)
    with pytest.raises(ValueError, match="cannot take 26 of 20 frames"):
        cine_frames(batch, frames=26, size=42, generator=None)
    with pytest.raises(ValueError, match="needs cine"):
        cine_frames(ECGBatch(batch.ecg, 100), frames=26, size=42, generator=None)
