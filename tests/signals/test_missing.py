"""What is drawn as missing, what is left of it, and how it is counted."""

import numpy as np
import pytest
import torch

from ecglearn.signals.leads import LEADS
from ecglearn.signals.missing import (
    ELECTRODES,
    LEVELS,
    apply_missing,
    draw_missing,
    electrodes_off,
    keep_samples,
    keep_segments,
    missing_share,
)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("level", "share"), [("mild", 0.4375), ("moderate", 0.75), ("severe", 0.875)]
)
@pytest.mark.parametrize("segments", [20, 40])
def test_levels_hide_the_stated_share_of_every_record(level, share, segments):
    keep = draw_missing(64, **LEVELS[level], segments=segments, generator=_generator())
    assert keep.shape == (64, 12, segments)
    assert keep.dtype == torch.bool
    torch.testing.assert_close(missing_share(keep), torch.full((64,), share))


def test_missing_is_whole_leads_and_one_stretch_of_time():
    keep = draw_missing(200, leads=4, fraction=0.3, segments=20, generator=_generator())
    left = keep.any(-1)
    assert (left.sum(1) == 8).all()
    for record, alive in zip(keep, left, strict=True):
        times = record[alive]
        assert (times == times[0]).all()  # the same stretch in every lead
        gone = np.flatnonzero(~times[0].numpy())
        assert len(gone) == 6
        assert gone[-1] - gone[0] == 5


def test_every_lead_and_every_moment_is_hidden_equally_often():
    keep = draw_missing(20_000, leads=3, fraction=0, segments=1, generator=_generator())
    hidden = 1 - keep.float().mean((0, 2))
    assert (hidden - 0.25).abs().max() < 0.015
    starts = draw_missing(20_000, leads=0, fraction=0.25, segments=8, generator=_generator())
    assert ((~starts[:, 0]).float().mean(0) > 1 / 7 - 0.02).all()


def test_same_seed_same_masks_and_another_seed_others():
    draw = {"leads": 6, "fraction": 0.5, "segments": 20}
    first = draw_missing(32, **draw, generator=_generator(1))
    assert torch.equal(first, draw_missing(32, **draw, generator=_generator(1)))
    assert not torch.equal(first, draw_missing(32, **draw, generator=_generator(2)))


@pytest.mark.parametrize("mode", ["lead", "electrode"])
def test_nothing_and_everything(mode):
    count = {"lead": 12, "electrode": 9}[mode]
    none = draw_missing(3, leads=0, fraction=0, segments=5, generator=_generator(), mode=mode)
    every = draw_missing(3, leads=count, fraction=0, segments=5, generator=_generator(), mode=mode)
    assert none.all()
    assert not every.any()
    with pytest.raises(ValueError, match=f"0 to {count} {mode}s"):
        draw_missing(3, leads=count + 1, fraction=0, segments=5, generator=_generator(), mode=mode)
    with pytest.raises(ValueError, match="fraction"):
        draw_missing(3, leads=0, fraction=1.5, segments=5, generator=_generator(), mode=mode)


def _depends_on(electrode: str) -> list[str]:
    """Which leads change when one electrode's voltage does, by their definition."""
    volt = dict.fromkeys(ELECTRODES, 0.0) | {electrode: 1.0}
    ra, la, ll = volt["RA"], volt["LA"], volt["LL"]
    wilson = (ra + la + ll) / 3
    value = {
        "I": la - ra,
        "II": ll - ra,
        "III": ll - la,
        "aVR": ra - (la + ll) / 2,
        "aVL": la - (ra + ll) / 2,
        "aVF": ll - (ra + la) / 2,
        **{f"V{k}": volt[f"V{k}"] - wilson for k in range(1, 7)},
    }
    return [lead for lead in LEADS if value[lead] != 0]


@pytest.mark.parametrize("electrode", ELECTRODES)
def test_an_electrode_takes_every_lead_that_uses_it(electrode):
    left = electrodes_off([electrode])
    assert [lead for lead, ok in zip(LEADS, left, strict=True) if not ok] == _depends_on(electrode)


def test_drawn_electrodes_hit_the_leads_that_use_them():
    keep = draw_missing(
        500, leads=1, fraction=0, segments=1, generator=_generator(), mode="electrode"
    )
    seen = {tuple(row.tolist()) for row in keep[:, :, 0]}
    assert seen == {tuple(electrodes_off([name]).tolist()) for name in ELECTRODES}
    assert electrodes_off([]).all()
    with pytest.raises(ValueError, match="not an electrode: RL"):
        electrodes_off(["RL"])


def test_hidden_content_leaves_no_trace():
    x = torch.randn(4, 12, 1000, generator=_generator())
    keep = draw_missing(4, **LEVELS["moderate"], segments=20, generator=_generator())
    shown = apply_missing(x, keep)
    hidden = ~keep_samples(keep, 1000)
    poisoned = x.masked_fill(hidden, torch.nan)
    assert torch.equal(apply_missing(poisoned, keep), shown)
    assert (shown[hidden] == 0).all()
    assert torch.equal(shown[~hidden], x[~hidden])
    assert (apply_missing(x, keep, fill=-1)[hidden] == -1).all()


@pytest.mark.parametrize(("samples", "segments"), [(1000, 20), (5000, 40), (1001, 7), (10, 10)])
def test_segments_to_samples_and_back(samples, segments):
    keep = draw_missing(8, leads=3, fraction=0.4, segments=segments, generator=_generator())
    fine = keep_samples(keep, samples)
    assert fine.shape == (8, 12, samples)
    assert torch.equal(keep_segments(fine, segments), keep)
    by_hand = [bool(keep[0, 0, k * segments // samples]) for k in range(samples)]
    assert fine[0, 0].tolist() == by_hand


def test_a_segment_with_half_or_more_missing_counts_as_missing():
    observed = torch.ones(1, 12, 40, dtype=torch.bool)
    observed[0, 0, :5] = False  # half of the first segment of ten
    observed[0, 1, :4] = False  # less than half
    keep = keep_segments(observed, 4)
    assert not keep[0, 0, 0]
    assert keep[0, 1, 0]
    assert keep[0, :, 1:].all()
    with pytest.raises(ValueError, match="cannot cut"):
        keep_segments(observed, 41)
