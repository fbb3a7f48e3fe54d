"""Numbers of an alignment map, by hand and at chance."""

import pytest
import torch

from ecglearn.evaluate import alignment_maps, alignment_numbers, diagonal_contrast


def test_map_is_the_cosine_of_every_pair():
    a, b = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    maps = alignment_maps(a, b)
    for i, k, t in ((0, 0, 0), (2, 4, 1), (1, 3, 2)):
        expected = torch.cosine_similarity(a[i, k], b[i, t], 0)
        assert float(maps[i, k, t]) == pytest.approx(float(expected), abs=1e-6)


def test_perfect_alignment_and_its_shift():
    perfect = torch.eye(13).expand(4, -1, -1)
    assert alignment_numbers(perfect) == (1.0, 1.0, 1.0, 0.0)
    late = perfect.roll(3, 2)  # the best match of phase k lies at k + 3
    assert alignment_numbers(late, shift=3) == (1.0, 1.0, 1.0, 0.0)
    assert alignment_numbers(late).top1 == 0
    assert alignment_numbers(late).phase_error == pytest.approx(3 / 13)


def test_chance():
    maps = torch.randn(4000, 13, 13, generator=torch.Generator().manual_seed(0))
    numbers = alignment_numbers(maps)
    assert numbers.contrast == pytest.approx(0, abs=0.02)
    assert numbers.top1 == pytest.approx(1 / 13, abs=0.005)
    assert numbers.within1 == pytest.approx(3 / 13, abs=0.008)
    assert numbers.phase_error == pytest.approx(42 / 169, abs=0.005)


def test_contrast_by_hand_and_only_valid_patients():
    maps = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    on = sum(float(maps[1, k, k]) for k in range(4)) / 4
    off = sum(float(maps[1, k, t]) for k in range(4) for t in range(4) if k != t) / 12
    assert float(diagonal_contrast(maps)[1]) == pytest.approx(on - off, abs=1e-6)
    valid = torch.tensor([False, True, False])
    assert alignment_numbers(maps, valid=valid).contrast == pytest.approx(on - off, abs=1e-6)
    with pytest.raises(ValueError, match="no patient has a usable beat"):
        alignment_numbers(maps, valid=~valid & valid)
