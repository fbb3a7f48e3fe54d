"""Frames and their augmentations: PTACL's property 27, and what a loop must keep."""

import pytest
import torch

from ecglearn.data.transforms import (
    _blurred,
    augment_cine,
    crop_and_flip,
    roll_frames,
    sample_frames,
    shrink,
    to_unit,
)


def test_blur_leaves_a_constant_image_constant():
    """Beyond the border lies its mirror image, not darkness."""
    x = torch.full((3, 2, 12, 12), 0.5)
    torch.testing.assert_close(_blurred(x, torch.tensor([0.1, 1.0, 2.0])), x)
    ramp = torch.arange(12.0).expand(1, 1, 12, 12)
    torch.testing.assert_close(_blurred(ramp, torch.tensor([1.0]))[..., 2:-2], ramp[..., 2:-2])


def test_frames_are_drawn_one_from_each_stratum():
    drawn = sample_frames(50, 26, records=500, generator=torch.Generator().manual_seed(0))
    assert drawn.shape == (500, 26)
    assert bool((drawn.diff(dim=1) > 0).all())
    assert int(drawn[:, 0].max()) < 50 / 26
    assert int(drawn.max()) <= 49
    edges = torch.arange(27) * 50 / 26
    assert bool(((drawn >= edges[:-1]) & (drawn < edges[1:])).all())
    assert len(drawn.unique(dim=0)) > 400


def test_even_frames():
    even = sample_frames(50, 26)[0]
    early = [0, 2, 4, 6, 8, 10, 12, 13, 15, 17, 19, 21, 23]
    assert even.tolist() == [*early, *(25 + frame for frame in early)]
    assert sample_frames(26, 26)[0].tolist() == list(range(26))
    with pytest.raises(ValueError, match="cannot take 27 of 26"):
        sample_frames(26, 27)


def test_min_max():
    cine = torch.randint(20, 200, (2, 3, 4, 4), dtype=torch.uint8)
    cine[1] = 7
    x = to_unit(cine)
    assert (float(x[0].min()), float(x[0].max())) == (0, 1)
    assert float(x[1].abs().max()) == 0


def test_one_draw_for_all_frames_and_deterministic():
    still = torch.rand(4, 1, 20, 20).expand(-1, 5, -1, -1).contiguous()
    out = augment_cine(still, generator=torch.Generator().manual_seed(0), noise=0)
    assert torch.allclose(out, out[:, :1].expand_as(out), atol=1e-6)
    again = augment_cine(still, generator=torch.Generator().manual_seed(0), noise=0)
    assert torch.equal(out, again)
    assert out.shape == still.shape
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1


def test_strengths_are_those_of_the_paper_and_of_mmcl():
    x = torch.rand(16, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    stated = {"area": (0.6, 1.0), "rotation": 45.0, "flip": 0.5, "colour": 0.5}
    stated |= {"blur": 0.2, "noise": 0.2, "rate": 0.95}
    out = augment_cine(x, generator=torch.Generator().manual_seed(0))
    assert torch.equal(augment_cine(x, generator=torch.Generator().manual_seed(0), **stated), out)


def test_nothing_drawn_changes_nothing():
    x = torch.rand(3, 4, 20, 20)
    generator = torch.Generator().manual_seed(0)
    off = {
        "area": (1.0, 1.0),
        "rotation": 0.0,
        "flip": 0.0,
        "colour": 0.0,
        "blur": 0.0,
        "noise": 0.0,
    }
    assert torch.allclose(augment_cine(x, generator=generator, **off), x, atol=1e-5)
    assert torch.equal(augment_cine(x, generator=generator, rate=0.0), x)
    flipped = augment_cine(x, generator=generator, **{**off, "flip": 1.0, "rate": 1.0})
    assert torch.allclose(flipped, x.flip(-1), atol=1e-5)


def test_colour_and_blur_keep_what_they_should():
    x = torch.rand(3, 4, 20, 20) * 0.4 + 0.3
    off = {"area": (1.0, 1.0), "rotation": 0.0, "flip": 0.0, "noise": 0.0, "rate": 1.0}
    generator = torch.Generator().manual_seed(0)
    blurred = augment_cine(x, generator=generator, **off, colour=0.0, blur=1.0)
    inner = (..., slice(2, -2), slice(2, -2))
    assert float(blurred[inner].std()) < float(x[inner].std())
    assert float(blurred[inner].mean()) == pytest.approx(float(x[inner].mean()), abs=0.01)
    changed = crop_and_flip(x, generator=generator)
    assert float(changed.max()) <= float(x.max()) + 1e-6


def test_roll_is_cyclic_and_shrink_averages():
    x = torch.arange(5.0).view(1, 5, 1, 1).expand(1, 5, 4, 4)
    assert roll_frames(x, 2)[0, :, 0, 0].tolist() == [2, 3, 4, 0, 1]
    assert roll_frames(x.to(torch.uint8), 2).dtype == torch.uint8
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert shrink(image, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    with pytest.raises(ValueError, match="3 pixels do not divide 4"):
        shrink(image, 3)
