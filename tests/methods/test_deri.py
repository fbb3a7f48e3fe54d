"""DERI: the properties of the method note, presets, bad input."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import normalize

from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.cross_decoder import GatedMLP, SeparatedAttention
from ecglearn.encoders.text_encoder import EncodedReports
from ecglearn.evaluate import zero_shot
from ecglearn.methods.deri import DERI, DERIConfig, random_keep
from ecglearn.train import fit

SMOKE = DERIConfig.preset("smoke")
TERMS = ["align", "mix", "rme", "rec_ecg", "rec_text"]
QUIET = {"dropout": 0.0, "drop_path": 0.0}


def make(**changes):
    torch.manual_seed(0)
    return DERI(replace(SMOKE, **changes))


def values(terms):
    return {name: float(term.detach()) for name, term in terms.items()}


# sizes and shapes


def test_parameter_counts_of_the_public_code():
    counts = DERI.parameter_counts(DERIConfig())
    assert round(counts["trained"] / 1e6, 2) == 9.02
    assert round(counts["D_et"] / 1e6, 1) == 2.0
    assert round(counts["D_te"] / 1e6, 1) == 1.9
    assert round(counts["ECG encoder"] / 1e6, 2) == 3.85
    # 118.7 is reported; the rest are output layers that the public code makes and never uses
    unused = 512 * 10 + 10 + 3 * (256 * 256 + 256)
    assert round((counts["total"] + unused) / 1e6, 1) == 118.7


def test_paper_shapes():
    torch.manual_seed(0)
    method = DERI(DERIConfig()).eval()
    assert (method.tokens, method.kept) == (105, 94)
    assert method.to_text is not None
    assert method.to_ecg is not None
    assert method.to_text.positions.shape == (1, 108, 256)
    assert method.to_ecg.positions.shape == (1, 258, 256)
    with torch.no_grad():
        side = method.ecg_side(ECGBatch(ecg=torch.randn(2, 12, 5000), fs=500))
        assert method.ecg_encoder(torch.randn(1, 12, 5000)).shape == (1, 313, 512)
    assert side.local.shape == side.tokens.shape == (2, 105, 256)
    assert side.decoded_tokens is not None
    assert side.decoded_tokens.shape == (2, 106, 768)
    assert side.mixed.shape == side.aligned.shape == (2, 256)
    assert torch.allclose(side.tokens.norm(dim=-1), torch.ones(2, 105), atol=1e-5)


@pytest.mark.parametrize("samples", [400, 750, 1000])
def test_other_lengths_need_only_another_configuration(samples, patients):
    method = make(samples=samples)
    assert method.embed(patients).shape == (48, 32)


def test_both_encoders_train(patients):
    for changes in ({}, {"encoder": "vit", "stride": 1}):
        method = make(**changes)
        history = fit(method, patients, epochs=6, batch_size=24, progress=False)
        assert history.curve()[-1] < history.curve()[0]
        assert method.embed(patients).shape == (48, 32)
    assert method.tokens == 1000 // 20


# terms and weights


def test_terms_are_named_and_weighted(patients):
    plain = values(make().eval().losses(patients, torch.Generator().manual_seed(0)))
    assert list(plain) == TERMS
    heavy = make(align=2.0, rec_text=3.0).eval()
    scaled = values(heavy.losses(patients, torch.Generator().manual_seed(0)))
    assert scaled["align"] == pytest.approx(2 * plain["align"], rel=1e-5)
    assert scaled["rec_text"] == pytest.approx(3 * plain["rec_text"], rel=1e-5)
    for name in TERMS:
        left = make(**{name: 0.0}).eval().losses(patients)
        assert set(left) == set(TERMS) - {name}
    history = fit(make(), patients, epochs=1, batch_size=24, progress=False)
    assert history.epochs[0]["total"] == pytest.approx(sum(history.epochs[0][t] for t in TERMS))


def test_everything_that_is_made_is_trained(patients):
    """Every variant: no parameter without gradient, none in the text model."""
    for changes in (
        {},
        {"rme": 0.0},
        {"views": "dropout"},
        {"ecg_to_text": False},
        {"text_to_ecg": False},
        {"mix": 0.0, "rec_ecg": 0.0, "rec_text": 0.0},
        {"rec_text": 0.0},
        {"mix": 0.0},
        {"encoder": "vit", "stride": 1},
        {"reconstruction": "mse"},
        {"reconstruction": "cosine"},
    ):
        method = make(**changes)
        torch.stack(list(method.losses(patients).values())).sum().backward()
        silent = [n for n, p in method.named_parameters() if p.grad is None]
        assert silent == [], changes
        frozen = method.text.model.model.parameters()
        assert all(p.grad is None and not p.requires_grad for p in frozen)
    assert not any("model" in name for name in method.state_dict())


def test_contrast_by_hand_and_its_symmetries():
    """N = 2: each direction is log(1 + exp(wrong - right)), and both are summed."""
    method = make()
    u = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    v = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    s = [[1.0, 0.6], [0.0, 0.8]]
    tau = 0.07
    rows = [math.log1p(math.exp((s[i][1 - i] - s[i][i]) / tau)) for i in range(2)]
    columns = [math.log1p(math.exp((s[1 - i][i] - s[i][i]) / tau)) for i in range(2)]
    expected = sum(rows) / 2 + sum(columns) / 2
    assert float(method.contrast(u, v)) == pytest.approx(expected, rel=1e-5)
    assert torch.allclose(method.contrast(u, v), method.contrast(v, u))
    assert torch.allclose(method.contrast(u, v), method.contrast(3 * u, v / 7))
    alike = torch.ones(6, 4)
    assert float(method.contrast(alike, alike)) == pytest.approx(2 * math.log(6), rel=1e-5)


def test_forms_of_reconstruction():
    target, decoded = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    target.requires_grad_()
    for form, at_best in (("mse", 0.0), ("cosine", 0.0)):
        method = make(reconstruction=form)
        assert float(method.reconstruction(target, target).detach()) == pytest.approx(0, abs=1e-6)
        value = method.reconstruction(target, decoded.requires_grad_())
        assert float(value.detach()) > at_best
        value.backward()
        assert target.grad is None, "the target is held"
    assert float(make(reconstruction="mse").reconstruction(target, decoded).detach()) == (
        pytest.approx(float(((target - decoded) ** 2).mean().detach()))
    )
    scaled = make(reconstruction="cosine").reconstruction(target, 2 * target)
    assert float(scaled.detach()) == pytest.approx(0, abs=1e-6)
    contrastive = make().reconstruction(target, decoded)
    contrastive.backward()
    assert target.grad is not None, "as a contrast the target is trained along"


def test_duplicates(patients):
    """Records with one report: negatives, left out, or further positives; the views never ask."""
    twins = replace(patients, reports=["sinus rhythm.", *patients.reports[1:-1], "sinus rhythm."])
    terms = {
        kind: values(make(duplicates=kind).eval().losses(twins, torch.Generator().manual_seed(0)))
        for kind in ("negative", "ignored", "positive")
    }
    for name in set(TERMS) - {"rme"}:
        assert len({terms[kind][name] for kind in terms}) == 3, name
        assert terms["ignored"][name] < terms["negative"][name]
    assert len({terms[kind]["rme"] for kind in terms}) == 1


# padding


def with_padding(text, columns, filling):
    b, _, w = text.tokens.shape
    tokens = torch.cat([text.tokens, filling * torch.randn(b, columns, w)], 1)
    mask = torch.cat([text.mask, torch.zeros(b, columns, dtype=torch.bool)], 1)
    weights = torch.cat([text.cls_attention, torch.zeros(b, columns)], 1)
    return EncodedReports(tokens, mask, weights)


def test_padding_changes_nothing(patients):
    method = make().eval()
    text = method.text.encode(patients.reports[:6])
    plain = method.text_side(text)
    for columns, filling in ((1, 0.0), (40, 5.0)):
        padded = method.text_side(with_padding(text, columns, filling))
        for a, b in zip(plain, padded, strict=True):
            assert a is not None
            assert b is not None
            assert torch.allclose(a, b, atol=1e-5)
    alone = method.text_side(method.text.encode(patients.reports[:1]))
    assert torch.allclose(alone.mixed[0], plain.mixed[0], atol=1e-5)


def test_released_form_sees_its_padding(patients):
    method = make(mask_padding=False, words=48).eval()
    text = method.text.encode(patients.reports[:6])
    assert text.tokens.shape[1] == 48
    where = ~text.mask[..., None]
    assert bool((text.tokens * where).abs().sum((1, 2)).gt(0).all())  # the model says something
    quiet = method.text_side(text)
    grain = torch.randn(text.tokens.shape, generator=torch.Generator().manual_seed(0))
    loud = method.text_side(text._replace(tokens=text.tokens + 5 * grain * where))
    assert torch.allclose(quiet.aligned, loud.aligned, atol=1e-5)
    assert quiet.decoded is not None
    assert loud.decoded is not None
    assert not torch.allclose(quiet.decoded, loud.decoded, atol=1e-3)
    # padded to the same length whatever the batch: a report alone says the same
    alone = method.text_side(method.text.encode(patients.reports[:1]))
    assert torch.allclose(alone.mixed[0], quiet.mixed[0], atol=1e-5)


@pytest.mark.parametrize(("branches", "zeros"), [(False, 0.2), (True, 0.36)])
def test_share_of_zeros_under_dropout(branches, zeros):
    """One draw on the product hides 20%; one on each branch 1 - 0.8^2."""
    layer = GatedMLP(64, 64, 1, 0.2, drop_branches=branches).train()
    seen = []
    layer.out.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    torch.manual_seed(0)
    layer(torch.randn(200, 64))
    assert float((seen[0] == 0).float().mean()) == pytest.approx(zeros, abs=0.02)


def test_separators_start_as_large_as_configured():
    torch.manual_seed(0)
    small, large = (
        SeparatedAttention(9, 256, separator_std=std).separator.detach().std()
        for std in (None, 1.0)
    )
    assert float(small) == pytest.approx(1 / 256, rel=0.2)
    assert float(large) == pytest.approx(1, rel=0.2)


def test_padding_gets_no_gradient(patients):
    method = make().eval()
    text = with_padding(method.text.encode(patients.reports[:4]), 5, 1.0)
    tokens = text.tokens.clone().requires_grad_()
    method.text_side(text._replace(tokens=tokens)).mixed.square().sum().backward()
    assert tokens.grad is not None
    assert bool((tokens.grad[~text.mask] == 0).all())
    assert bool((tokens.grad[text.mask] != 0).any(1).all())


# masked views


def test_random_keep():
    tokens = torch.arange(105.0).view(1, 105, 1).repeat(3, 1, 2)
    generator = torch.Generator().manual_seed(0)
    shuffled = random_keep(tokens, 94, False, generator)[..., 0]
    ordered = random_keep(tokens, 94, True, generator)[..., 0]
    for kept in (shuffled, ordered):
        assert kept.shape == (3, 94)
        assert all(len(set(row.tolist())) == 94 for row in kept)
    assert all(a < b for a, b in pairwise(ordered[0].tolist()))
    assert any(a > b for a, b in pairwise(shuffled[0].tolist()))
    assert not torch.equal(ordered[0], ordered[1])
    again = random_keep(tokens, 94, False, torch.Generator().manual_seed(0))[..., 0]
    assert torch.equal(again, shuffled)


def test_views_of_both_kinds(patients):
    z = torch.randn(4, 42, 32)
    masked, dropout = make().train(), make(views="dropout").train()
    for method in (masked, dropout):
        first, second = method.two_views(z, torch.Generator().manual_seed(0))
        again, _ = method.two_views(z, torch.Generator().manual_seed(0))
        assert first.shape == second.shape == (4, 32)
        assert torch.equal(first, again)
        assert not torch.allclose(first, second)
    x = dropout.eval().two_views(z)[0]
    assert torch.allclose(x, dropout.views[0](z.mean(1)))


# one vector in training, zero-shot and probing


def test_embed_is_the_vector_of_training(patients):
    method = make(**QUIET).eval()
    with torch.no_grad():
        training = method.ecg_side(patients)
        text = method.text_side(method.text.encode(patients.reports))
        assert torch.equal(method.embed(patients), training.mixed)
        assert torch.allclose(method.embed_text(patients.reports), text.aligned, atol=1e-6)
        method.train()
        for module in method.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.eval()
        assert torch.allclose(method.ecg_side(patients).mixed, training.mixed, atol=1e-5)
        assert training.decoded is not None
        by_hand = training.aligned + method.text.head(training.decoded)
    assert torch.allclose(training.mixed, by_hand, atol=1e-6)
    method.eval()
    prompts = {"flutter": "atrial flutter"}
    score = zero_shot(method, patients, prompts)["flutter"].to_numpy()
    expected = normalize(training.mixed, dim=1) @ method.embed_text(["atrial flutter"])[0]
    assert torch.allclose(torch.tensor(score), expected, atol=1e-5)


def test_released_inference_is_another_vector(patients):
    ours, released = make(**QUIET).eval(), make(released_inference=True, **QUIET).eval()
    released.load_state_dict(ours.state_dict())
    a, b = ours.embed(patients), released.embed(patients)
    assert not torch.allclose(a, b, atol=1e-3)
    gap = torch.nn.functional.cosine_similarity(a, b)
    assert bool((gap < 0.999).any())
    generator = torch.Generator().manual_seed(0)
    released.train()
    for module in released.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.eval()
    with torch.no_grad():
        assert torch.allclose(released.ecg_side(patients).mixed, a, atol=1e-5)
        assert torch.allclose(released.ecg_side(patients, used=True).mixed, b, atol=1e-5)
        assert set(released.losses(patients, generator)) == set(TERMS)


def test_aligned_vector_and_no_decoder(patients):
    aligned = make(vector="aligned").eval()
    with torch.no_grad():
        assert torch.equal(aligned.embed(patients), aligned.ecg_side(patients).aligned)
    bare = make(mix=0.0, rec_text=0.0, rec_ecg=0.0)
    assert bare.to_text is None
    assert bare.to_ecg is None
    assert list(bare.losses(patients)) == ["align", "rme"]
    with torch.no_grad():
        assert torch.equal(bare.embed(patients), bare.eval().ecg_side(patients).aligned)


def test_memory_tokens(patients):
    method = make().eval()
    one = method.memory(patients)
    assert one.shape == (48, 1, 32)
    assert torch.equal(one[:, 0], method.embed(patients))
    for local in (False, True):
        assert method.memory(patients, 20, local=local).shape == (48, 20, 32)
    aligned = make(vector="aligned").eval()
    tokens = aligned.memory(patients, aligned.tokens)
    assert torch.allclose(tokens.mean(1), aligned.embed(patients), atol=1e-5)
    with pytest.raises(ValueError, match="42 tokens here, and 43 were asked for"):
        method.memory(patients, 43)


def test_local_tokens_know_their_time(patients):
    """A change in the last second moves the last local tokens only; attention moves all."""
    method = make().eval()
    changed = patients.ecg.clone()
    changed[..., 900:] += torch.randn(48, 12, 100)
    after = replace(patients, ecg=changed)
    for local, first_moves in ((True, False), (False, True)):
        gap = method.memory(after, 10, local=local) - method.memory(patients, 10, local=local)
        assert bool((gap[:, 0].abs() > 1e-6).any()) == first_moves
        assert bool((gap[:, -1].abs() > 1e-6).any(1).all())


# determinism, presets, bad input


def test_same_seed_same_weights(patients):
    states = []
    for _ in range(2):
        method = make()
        fit(method, patients, epochs=1, batch_size=24, seed=4, progress=False)
        states.append(method.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_reports_are_encoded_once_over_all_epochs(patients):
    method = make()
    method.text.encode(patients.reports)
    before = method.text.model.encoded
    fit(method, patients, epochs=2, batch_size=24, progress=False)
    assert method.text.model.encoded == before


def test_embed_needs_only_the_ecg_and_leaves_the_mode(patients):
    method = make().train()
    alone = ECGBatch(ecg=patients.ecg, fs=patients.fs)
    state = torch.get_rng_state()
    assert torch.equal(method.embed(alone), method.embed(patients))
    assert method.training
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="needs reports"):
        method.losses(alone)


def test_presets():
    paper, released = DERIConfig.preset("paper"), DERIConfig.preset("released")
    assert paper == DERIConfig()
    assert all(getattr(paper, term) == 1.0 for term in TERMS)
    assert [getattr(released, term) for term in TERMS] == [1, 1, 1, 1, 0]
    quirks = (released.keep_order, released.mask_padding, released.released_inference)
    assert quirks == (False, False, True)
    assert DERIConfig.preset("class").fs == 100
    with pytest.raises(ValueError, match="paper, released, class, smoke"):
        DERIConfig.preset("huge")


def test_bad_input(patients):
    method = make()
    with pytest.raises(ValueError, match="reads 100 Hz and the batch has 500 Hz"):
        method.embed(replace(patients, fs=500))
    with pytest.raises(ValueError, match="records have 400 samples"):
        method.embed(replace(patients, ecg=patients.ecg[..., :400]))
    with pytest.raises(
        ValueError,
        match=r"row 0 of 48 records read together has no report \(1 of 48 records here\)",
    ):
        method.losses(replace(patients, reports=["", *patients.reports[1:]]))
    with pytest.raises(ValueError, match="64 features; set text_width"):
        make(text_width=32).losses(patients)


def test_the_mean_before_the_last_layer_is_the_mean_after_it(patients):
    torch.manual_seed(0)
    method = DERI(DERIConfig.preset("smoke")).eval()
    with torch.no_grad():
        whole, mean = (method.ecg_side(patients[:4], every=every) for every in (True, False))
    assert whole.decoded_tokens is not None
    assert mean.decoded_tokens is None
    torch.testing.assert_close(mean.decoded, whole.decoded_tokens.mean(1), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(mean.mixed, whole.mixed, atol=1e-6, rtol=1e-5)
