"""Computable limb leads, means of segments, and random keep maps."""

import pytest
import torch

from ecglearn.signals.fill import computable, fill_segments, recover_limb_leads
from ecglearn.signals.leads import LEADS, limb_residuals, twelve_from_eight
from ecglearn.signals.missing import electrodes_off, missing_share
from ecglearn.signals.random_masks import draw_cells, draw_kept_leads, draw_leads, draw_levels


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _twelve(n=3, time=40):
    return twelve_from_eight(torch.randn(n, 8, time, generator=_generator(), dtype=torch.float64))


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (3, 4), (2, 5), (4, 5)])
def test_any_two_limb_leads_give_the_others(pair):
    x = _twelve()
    keep = torch.zeros(3, 12, 8, dtype=torch.bool)
    keep[:, list(pair)] = True
    keep[:, 8] = True
    poisoned = x.where(keep.repeat_interleave(5, -1), torch.nan)
    found, there = recover_limb_leads(poisoned, keep)
    torch.testing.assert_close(found[:, :6], x[:, :6])
    assert there[:, :6].all()
    assert there[:, 6:].sum() == 3 * 8  # chest leads are not computable
    assert torch.equal(there, computable(keep))


def test_one_limb_lead_gives_nothing_and_observed_samples_stay():
    x = _twelve() + torch.randn(3, 12, 40, generator=_generator(1))  # breaks the rules a little
    one = torch.zeros(3, 12, 8, dtype=torch.bool)
    one[:, 1] = True
    found, there = recover_limb_leads(x, one)
    assert torch.equal(found, x)
    assert torch.equal(there, one)
    most = torch.ones(3, 12, 8, dtype=torch.bool)
    most[:, 2, :4] = False
    found, there = recover_limb_leads(x, most)
    seen = most.repeat_interleave(5, -1)
    assert torch.equal(found[seen], x[seen])
    assert there.all()
    assert not torch.equal(found[:, 2, :20], x[:, 2, :20])


def test_lead_off_takes_what_nothing_can_compute():
    """Without an arm electrode one limb lead is left; without a single lead nothing is lost."""
    keep = electrodes_off(["LA"])[None, :, None].expand(1, 12, 4)
    assert torch.equal(computable(keep), keep)
    for lead in range(6):
        keep = torch.ones(1, 12, 4, dtype=torch.bool)
        keep[:, lead] = False
        found, there = recover_limb_leads(_twelve(1, 8), keep)
        assert there.all()
        assert float(limb_residuals(found).abs().max()) < 1e-12


def test_gaps_get_the_mean_of_their_segment():
    x = torch.randn(2, 12, 30, generator=_generator())
    observed = torch.rand(2, 12, 30, generator=_generator(1)) > 0.4
    observed[0, 0, :10] = False
    filled = fill_segments(x.where(observed, torch.nan), observed, 3)
    for record in range(2):
        for lead in range(len(LEADS)):
            for part in range(3):
                at = slice(10 * part, 10 * part + 10)
                seen = observed[record, lead, at]
                row = x[record, lead, at]
                mean = row[seen].mean() if seen.any() else torch.zeros(())
                torch.testing.assert_close(filled[record, lead, at], row.where(seen, mean))
    assert torch.equal(fill_segments(x, torch.ones_like(observed), 3), x)


def test_random_cells_have_the_exact_share():
    keep = draw_cells(50, share=0.3, segments=4, generator=_generator())
    assert (missing_share(keep) * 48).round().tolist() == [14.0] * 50
    assert torch.equal(keep, draw_cells(50, share=0.3, segments=4, generator=_generator()))
    assert draw_cells(2, share=0, segments=4, generator=_generator()).all()
    assert not draw_cells(2, share=1, segments=4, generator=_generator()).any()
    with pytest.raises(ValueError, match=r"share must be from 0 to 1, got 1\.5"):
        draw_cells(2, share=1.5, segments=4, generator=_generator())


def test_random_leads_are_whole_and_one_stays():
    keep = draw_leads(4000, chance=0.5, segments=3, generator=_generator())
    assert torch.equal(keep.all(-1), keep.any(-1))
    assert abs(float(missing_share(keep).mean()) - 0.5) < 0.01
    alone = draw_leads(100, chance=1.0, segments=3, generator=_generator())
    assert (alone[..., 0].sum(1) == 1).all()
    assert draw_leads(10, chance=0.0, segments=3, generator=_generator()).all()
    with pytest.raises(ValueError, match="chance must be from 0 to 1"):
        draw_leads(10, chance=-0.1, segments=3, generator=_generator())


def test_levels_are_drawn_evenly():
    shares = missing_share(draw_levels(3000, segments=4, generator=_generator()))
    counts = [float((shares == share).float().mean()) for share in (0.4375, 0.75, 0.875)]
    assert sum(counts) == pytest.approx(1)
    assert all(abs(count - 1 / 3) < 0.04 for count in counts)


@pytest.mark.parametrize("kept", [(1, 6), (6, 12), (4, 4), (12, 12)])
def test_a_number_of_leads_stays_and_every_number_is_as_likely(kept):
    least, most = kept
    keep = draw_kept_leads(6000, kept=kept, segments=3, generator=_generator())
    assert bool((keep == keep[..., :1]).all())
    counts = torch.bincount(keep[..., 0].sum(1), minlength=13) / 6000
    expected = torch.zeros(13)
    expected[least : most + 1] = 1 / (most - least + 1)
    torch.testing.assert_close(counts, expected, atol=0.02, rtol=0)
    share = keep[..., 0].float().mean(0)
    torch.testing.assert_close(share, torch.full((12,), (least + most) / 24), atol=0.02, rtol=0)
    with pytest.raises(ValueError, match="1 to 12 leads can be kept, not 0 to 3"):
        draw_kept_leads(3, kept=(0, 3), segments=2, generator=_generator())
