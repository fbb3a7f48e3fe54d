"""Attention and selector among visible tokens; masks of an exact size with a gradient."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ecglearn.encoders.lead_time_transformer import (
    LeadTimeTransformer,
    WindowStem,
    select,
    sine_positions,
)
from ecglearn.encoders.masker import Masker, remove
from ecglearn.encoders.transformer import Blocks, kept_attention


def _draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _keep(*shape, seed=1):
    keep = torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.4
    keep[:, 0] = True
    return keep


def test_weighted_attention_is_the_formula():
    q, k, v = _draw(3, 2, 2, 7, 4)
    keep = torch.rand(2, 7, generator=torch.Generator().manual_seed(3)).double()
    keep[:, 3] = 0
    found = kept_attention(q, k, v, keep)
    for record in range(2):
        for head in range(2):
            for i in range(7):
                logits = k[record, head] @ q[record, head, i] / 2
                weights = [float(keep[record, j]) * math.exp(logits[j]) for j in range(7)]
                by_hand = sum(w * v[record, head, j] for j, w in enumerate(weights)) / sum(weights)
                torch.testing.assert_close(found[record, head, i], by_hand)


def test_zeros_and_ones_are_attention_among_the_kept():
    q, k, v = _draw(3, 2, 2, 9, 4)
    keep = _keep(2, 9)
    masked = scaled_dot_product_attention(q, k, v, attn_mask=keep[:, None, None])
    torch.testing.assert_close(kept_attention(q, k, v, keep.double()), masked)
    torch.testing.assert_close(
        kept_attention(q, k, v, torch.ones(2, 9).double()), scaled_dot_product_attention(q, k, v)
    )


def test_removed_tokens_cannot_be_felt_however_large():
    """The trap: a maximum over all tokens underflows the visible ones."""
    q, k, v = (x.float() for x in _draw(3, 1, 1, 5, 4))
    keep = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0]])
    before = kept_attention(q, k, v, keep)
    k[..., [2, 4], :] *= 1e4
    v[..., [2, 4], :] = 1e6
    assert torch.equal(kept_attention(q, k, v, keep), before)


def test_weights_have_a_true_gradient_also_where_nothing_is_left():
    q, k, v = _draw(3, 1, 1, 4, 2)
    keep = torch.tensor([[1.0, 0.5, 0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(kept_attention(q, k, v, keep).square().sum(), keep)
    assert gradient.isfinite().all()
    assert (gradient != 0).all()
    inner = torch.tensor([[0.9, 0.5, 0.3, 0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: kept_attention(q, k, v, w), inner)


def test_blocks_with_everything_kept_are_the_plain_blocks():
    torch.manual_seed(0)
    blocks = Blocks(16, 2, 2, layer_scale=None).double()
    x = _draw(3, 6, 16)
    plain = blocks(x)
    torch.testing.assert_close(blocks(x, torch.ones(3, 6, dtype=torch.bool)), plain)
    torch.testing.assert_close(blocks(x, torch.ones(3, 6).double()), plain)


def test_selector_weights():
    logits, keep = _draw(4, 9), _keep(4, 9)
    alpha = select(logits, keep)
    torch.testing.assert_close(alpha.sum(1), torch.ones(4).double())
    assert (alpha >= 0).all()
    assert (alpha[~keep] == 0).all()
    torch.testing.assert_close(alpha, logits.masked_fill(~keep, -math.inf).softmax(1))
    raised = logits.clone()
    raised[:, 0] += 1
    higher = select(raised, keep)
    others = keep.clone()
    others[:, 0] = False
    assert (higher[:, 0] > alpha[:, 0]).all()
    assert (higher[others] < alpha[others]).all()
    assert (select(logits, torch.zeros_like(keep)) == 0).all()
    huge = logits.masked_fill(~keep, 1e6)
    assert torch.equal(select(huge, keep), alpha)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("noise", [True, False])
def test_budget_is_exact_for_every_record(share, noise):
    scores = _draw(32, 48).float()
    scores[0] = 0  # all alike
    generator = torch.Generator().manual_seed(0) if noise else None
    mask = remove(scores, share, temperature=0.5, generator=generator)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert (mask.sum(1) == round(share * 48)).all()


def test_budget_counts_only_what_is_there():
    keep = _keep(32, 48)
    scores = _draw(32, 48).float().requires_grad_()
    mask = remove(scores, 0.5, temperature=0.5, keep=keep)
    assert torch.equal(mask.sum(1), (keep.sum(1) * 0.5).round())
    assert (mask[~keep] == 0).all()
    (gradient,) = torch.autograd.grad((mask * _draw(32, 48, seed=5).float()).sum(), scores)
    assert gradient.isfinite().all()
    assert (gradient[keep] != 0).float().mean() > 0.9
    assert (gradient[~keep] == 0).all()


def test_without_noise_the_largest_go_and_the_gradient_is_the_sigmoid():
    scores = torch.tensor([[3.0, 1.0, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
    mask = remove(scores, 0.5, temperature=0.5)
    assert mask.tolist() == [[1, 0, 1, 0]]
    (gradient,) = torch.autograd.grad(mask[0, 1], scores)
    soft = torch.sigmoid(torch.tensor((1.0 - 1.5) / 0.5, dtype=torch.float64))
    expected = float(soft * (1 - soft) / 0.5)
    assert gradient.tolist() == [[0, pytest.approx(expected), 0, 0]]
    with pytest.raises(ValueError, match="0 to 1, got -1"):
        remove(scores, -1, temperature=0.5)


def test_noise_prefers_high_scores():
    scores = torch.tensor([2.0, 0.0, 0.0, 0.0]).expand(4000, 4)
    generator = torch.Generator().manual_seed(0)
    rate = remove(scores, 0.25, temperature=0.5, generator=generator).mean(0)
    assert 0.5 < float(rate[0]) < 0.95
    assert float(rate[1:].max() - rate[1:].min()) < 0.04


@pytest.mark.parametrize("structured", [False, True])
def test_masker_is_bounded_reads_the_report_and_sends_nothing_back(structured):
    torch.manual_seed(0)
    masker = Masker(16, 8, structured=structured)
    tokens = 50 * torch.randn(3, 48, 16).requires_grad_()
    report = torch.randn(3, 8, requires_grad=True)
    keep = torch.ones(3, 12, 4, dtype=torch.bool)
    scores = masker(tokens, report, keep)
    assert float(scores.detach().abs().max()) <= 3
    sent = torch.autograd.grad(scores.sum(), [tokens, report], allow_unused=True)
    assert sent == (None, None)
    assert not torch.allclose(masker(tokens, report.roll(1, 0), keep), scores)
    torch.manual_seed(0)
    blind = Masker(16, 8, use_text=False, structured=structured)
    assert torch.equal(blind(tokens, report.roll(1, 0), keep), blind(tokens, report, keep))


def test_a_lead_or_a_time_that_is_gone_leaves_the_masker_a_gradient():
    torch.manual_seed(0)
    masker = Masker(16, 8, structured=True)
    keep = torch.ones(3, 12, 4, dtype=torch.bool)
    keep[0, 5] = False
    keep[1, :, 2] = False
    tokens, report = torch.randn(3, 48, 16), torch.randn(3, 8)
    scores = masker(tokens, report, keep)
    assert bool(scores.isfinite().all())
    changed = torch.where(keep.flatten(1)[..., None], tokens, tokens + 9)
    other = masker(changed, report, keep)
    there = keep.flatten(1)
    torch.testing.assert_close(other[there], scores[there])
    scores[there].sum().backward()
    for name, p in masker.named_parameters():
        assert p.grad is not None, name
        assert bool(p.grad.isfinite().all()), name


def test_structured_scores_move_whole_leads_together():
    torch.manual_seed(0)
    masker = Masker(16, 8, structured=True, use_text=False)
    for part in (masker.cells[3], masker.whole_times[3]):
        assert isinstance(part, torch.nn.Linear)
        torch.nn.init.zeros_(part.weight)
    scores = masker(torch.randn(2, 48, 16), torch.randn(2, 8), torch.ones(2, 12, 4).bool())
    rows = scores.unflatten(1, (12, 4))
    torch.testing.assert_close(rows, rows[..., :1].expand_as(rows))
    assert float(rows[..., 0].std(1).min().detach()) > 0


def test_shapes_and_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not tile"):
        LeadTimeTransformer(samples=1000, patch=300)
    with pytest.raises(ValueError, match="even width"):
        sine_positions(4, 5)
    encoder = LeadTimeTransformer(samples=100, patch=25, width=8, depth=1, heads=2, out=4)
    with pytest.raises(ValueError, match=r"keep map is \(2, 12, 5\) and should be \(2, 12, 4\)"):
        encoder(torch.randn(2, 12, 100), torch.ones(2, 12, 5).bool())
    with pytest.raises(ValueError, match="reads"):
        encoder(torch.randn(2, 12, 99))
    assert encoder(torch.randn(2, 12, 100)).z.shape == (2, 4)


def test_stem_finds_a_wave_wherever_it_is():
    """A shift by whole hops leaves windows, and so the token, as they are."""
    torch.manual_seed(0)
    stem = WindowStem(10, 5, 6, 4)
    x = torch.zeros(2, 60)
    wave = torch.randn(8)
    x[0, 16:24], x[1, 31:39] = wave, wave
    torch.testing.assert_close(stem(x)[0], stem(x)[1])
    assert stem(torch.randn(2, 12, 4, 60)).shape == (2, 12, 4, 4)


def test_where_nothing_is_visible_the_null_token_alone_speaks():
    torch.manual_seed(0)
    encoder = LeadTimeTransformer(samples=100, patch=25, width=8, depth=2, heads=2, out=4).eval()
    torch.nn.init.normal_(encoder.null)
    nothing = torch.zeros(2, 48, dtype=torch.bool)
    one, other = (encoder.encode(torch.randn(2, 48, 8), nothing).z for _ in range(2))
    torch.testing.assert_close(one, other)
    seen = encoder.encode(torch.randn(2, 48, 8), ~nothing).z
    assert (seen - one).abs().max() > 0.01
