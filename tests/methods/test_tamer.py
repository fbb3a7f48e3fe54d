"""TAMER and MERL: the twelve properties of the method note, presets, bad input."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.heads import dropout_view
from ecglearn.encoders.text_encoder import text_encoder
from ecglearn.evaluate import cosine, macro_auroc, patient_rank, zero_shot
from ecglearn.losses.contrastive import info_nce
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.signals.leads import LEADS, lead_positions
from ecglearn.signals.spectrogram import spectrogram, stft_magnitude
from ecglearn.train import fit

SMOKE = TAMERConfig.preset("smoke")
TERMS = ["rlca", "uecr", "rada", "rgwr_ecg", "rgwr_report"]


def make(**changes):
    torch.manual_seed(0)
    return TAMER(replace(SMOKE, **changes))


def values(terms):
    return {name: float(term.detach()) for name, term in terms.items()}


# 1 shapes and sizes


def test_parameter_counts_of_both_papers():
    assert TAMER.parameter_counts(TAMERConfig())["total"] == pytest.approx(122.05e6, rel=0.01)
    assert round(MERL.parameter_counts(MERLConfig())["total"] / 1e6, 2) == 114.27


def test_paper_shapes():
    torch.manual_seed(0)
    method = TAMER(TAMERConfig()).eval()
    assert method.tokens == 313 + 80
    batch = ECGBatch(ecg=torch.randn(2, 12, 5000), fs=500)
    with torch.no_grad():
        wave, plane = method.view_tokens(batch)
        assert wave.shape == (2, 313, 256)
        assert plane is not None
        assert plane.shape == (2, 80, 256)
        assert method.join(wave, plane).shape == (2, 256)
    assert spectrogram(batch.ecg, fs=500).shape == (2, 12, 63, 78)


# 2 frozen text


def test_text_model_stays_and_text_heads_learn(patients):
    method = make()
    frozen = {n: p.clone() for n, p in method.text.model.model.named_parameters()}
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    fit(method, patients, epochs=1, batch_size=24, progress=False)
    for name, p in method.text.model.model.named_parameters():
        assert p.grad is None
        assert torch.equal(p, frozen[name])
    for name, p in method.named_parameters():
        assert not torch.equal(p, before[name]), name
    assert not any("model" in name for name in method.state_dict())


def test_reports_are_encoded_once_over_all_epochs(patients):
    text_encoder.cache_clear()
    method = make()
    fit(method, patients, epochs=3, batch_size=24, progress=False)
    assert method.text.model.encoded <= len(set(patients.reports))


# 3 spectrogram


def test_spectrogram_of_a_tone_a_constant_and_a_shift():
    time = torch.arange(5126, dtype=torch.float64) / 500
    tone = (2 * math.pi * 20 * time).sin().expand(12, -1)[None]
    power = stft_magnitude(tone[..., :5000], fs=500)
    assert power.mean((0, 1, 3)).argmax() == 5
    x = torch.randn(1, 12, 5126, dtype=torch.float64)
    lifted = x[..., :5000] + torch.arange(12.0)[:, None]
    assert torch.allclose(spectrogram(lifted, fs=500), spectrogram(x[..., :5000], fs=500))
    periodic = torch.randn(1, 12, 630, dtype=torch.float64).repeat(1, 1, 9)
    a, b = (
        stft_magnitude(periodic[..., :5040], fs=500),
        stft_magnitude(periodic[..., 63:5103], fs=500),
    )
    assert torch.allclose(a[..., 1:], b[..., :-1])


def test_no_gradient_flows_through_the_spectrogram(patients):
    method = make(rada=0.0, rgwr=0.0, uecr=0.0, wlai=False)
    ecg = patients.ecg.clone().requires_grad_()
    method.ecg_encoder.requires_grad_(False)
    wave, plane = method.view_tokens(replace(patients, ecg=ecg))
    assert plane is not None
    (gradient,) = torch.autograd.grad(plane.sum() + 0 * wave.sum(), ecg)
    assert bool((gradient == 0).all())


# 4 the contrast


def test_contrast_symmetry_and_extremes():
    a, b = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(16)
    value = info_nce(a, b, temperature=0.07)
    for other in (
        info_nce(b, a, temperature=0.07),
        info_nce(3 * a, 0.1 * b, temperature=0.07),
        info_nce(a[order], b[order], temperature=0.07),
    ):
        assert torch.allclose(value, other, atol=1e-5)
    equal = torch.ones(16, 8)
    assert float(info_nce(equal, equal, temperature=0.07)) == pytest.approx(math.log(16), abs=1e-5)
    apart = torch.eye(16)
    assert 0 <= float(info_nce(apart, apart, temperature=0.07)) < 1e-3
    assert float(info_nce(apart, apart, temperature=0.07, exclude_positive=True)) < -9


def test_exclude_positive_and_same_report_reach_the_losses(patients):
    method = make().eval()
    printed = make(exclude_positive=True).eval()
    for name, value in values(method.losses(patients)).items():
        other = values(printed.losses(patients))[name]
        assert (other == pytest.approx(value)) == name.startswith("rgwr"), name
    twins = replace(patients, reports=["sinus rhythm.", *patients.reports[1:-1], "sinus rhythm."])
    kept = values(make(same_report=False).eval().losses(twins))
    masked = values(method.losses(twins))
    assert {name for name in kept if masked[name] != pytest.approx(kept[name])} == {"rada"}
    assert masked["rada"] < kept["rada"]


# 5 and 6: see also tests/losses/test_tokens.py


def test_refinement_is_a_matter_of_single_records(patients):
    method = make().eval()
    few = patients[:6]
    together = values(method.losses(few))
    alone = [values(method.losses(few[slice(i, i + 1)])) for i in range(6)]
    for name in ("rgwr_ecg", "rgwr_report"):
        mean = sum(one[name] for one in alone) / 6
        assert together[name] == pytest.approx(mean, rel=1e-4)


def test_refinement_weights(patients):
    parts = make().refine(patients[:8])
    for w in (parts.ecg_weights, parts.word_weights):
        assert not w.requires_grad
        assert bool((w >= 0).all())
        assert torch.allclose(w.sum(1), torch.ones(8), atol=1e-5)
    assert bool((parts.word_weights[~parts.mask] == 0).all())
    assert bool((parts.word_weights[:, 0] == 0).all())
    assert bool((parts.from_words.attention.masked_select(~parts.mask[:, None]) == 0).all())


# 7 two views


def test_views_differ_only_in_training(patients):
    z = torch.randn(4, 32)
    generator = torch.Generator().manual_seed(0)
    first, second = (dropout_view(z, 0.1, generator) for _ in range(2))
    assert not torch.equal(first, second)
    kept = first != 0
    assert torch.allclose(first[kept], z[kept] / 0.9)
    again = dropout_view(z, 0.1, torch.Generator().manual_seed(0))
    assert torch.equal(first, again)
    assert torch.equal(dropout_view(z, 0.0, generator), z)

    def terms(method):
        seeds = (torch.Generator().manual_seed(k) for k in (1, 2))
        with torch.no_grad():
            return [float(method.losses(patients[:8], seed)["uecr"]) for seed in seeds]

    method = make()
    one, other = terms(method.eval())
    assert one == other
    one, other = terms(method.train())
    assert one != other
    one, other = terms(make(dropout=0.0).train())
    assert one == pytest.approx(other, abs=1e-6)


# 8 joining


def test_joining_with_and_without_spectrogram(patients):
    method = make().eval()
    wave, plane = method.view_tokens(patients[:4])
    both = method.join(wave, plane)
    blind = make(spectrogram=False).eval()
    alone = blind.embed(patients[:4])
    assert alone.shape == both.shape
    assert not torch.allclose(both, alone)
    assert plane is not None
    assert not torch.allclose(both, method.join(wave, torch.zeros_like(plane)))
    mean = make(wlai=False).eval()
    wave, plane = mean.view_tokens(patients[:4])
    assert plane is not None
    assert torch.equal(mean.join(wave, plane), torch.cat([wave, plane], 1).mean(1))


def test_silent_attention_leaves_the_tokens(patients):
    method = make()
    x = torch.randn(2, 9, 32)
    for layer in (method.first_attention, method.second_attention):
        torch.nn.init.zeros_(layer.attention.out_proj.weight)
        torch.nn.init.zeros_(layer.attention.out_proj.bias)
    assert torch.equal(method.second_attention(method.first_attention(x)), x)


# 9 names, not positions


def test_scores_follow_names(patients):
    method = make()
    prompts = {"flutter": "atrial flutter", "rhythm": ["sinus rhythm", "regular rhythm"]}
    scores = zero_shot(method, patients, prompts)
    turned = zero_shot(method, patients, dict(reversed(prompts.items())))
    assert list(turned) == ["rhythm", "flutter"]
    pd.testing.assert_frame_equal(
        scores, turned.reindex(columns=scores.columns), check_exact=False, atol=1e-6
    )
    labels = pd.DataFrame({"rhythm": np.arange(48) % 2, "flutter": np.arange(48) % 3 == 0})
    a, b = macro_auroc(scores, labels), macro_auroc(turned, labels[["flutter", "rhythm"]])
    assert a.value == pytest.approx(b.value)
    assert dict(a.per_class) == pytest.approx(dict(b.per_class))


# 10 lead order of MIMIC-IV-ECG


def test_lead_order_matters_and_is_undone(patients):
    method = make()
    mimic = ["I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6"]
    stored = patients.ecg[:, [LEADS.index(name) for name in mimic]]
    sorted_back = stored[:, lead_positions(mimic)]
    right = method.embed(patients)
    assert torch.equal(method.embed(replace(patients, ecg=sorted_back)), right)
    assert not torch.allclose(method.embed(replace(patients, ecg=stored)), right)


# 11 and 12


def test_terms_are_named_and_weighted(patients):
    plain = values(make().eval().losses(patients))
    assert list(plain) == TERMS
    heavy = values(make(rlca=2.0, rgwr=3.0).eval().losses(patients))
    assert heavy["rlca"] == pytest.approx(2 * plain["rlca"], rel=1e-5)
    assert heavy["rgwr_ecg"] == pytest.approx(3 * plain["rgwr_ecg"], rel=1e-5)
    for name in ("rlca", "uecr", "rada", "rgwr"):
        left = values(make(**{name: 0.0}).eval().losses(patients))
        assert set(left) == {term for term in TERMS if not term.startswith(name)}
    history = fit(make(), patients, epochs=1, batch_size=24, progress=False)
    logged = history.epochs[0]
    assert logged["total"] == pytest.approx(sum(logged[name] for name in TERMS))


def test_training_learns(patients):
    method = make()
    history = fit(method, patients, epochs=12, batch_size=24, progress=False)
    first = history.curve("rgwr_ecg")[0]
    assert math.log(40) * 0.7 < first < math.log(40) * 1.3
    assert history.curve("rgwr_ecg")[-1] < 0.8 * first
    assert history.curve("rada")[-1] < history.curve("rada")[0]


def test_held_out_reports_are_found():
    """Among 128 new patients, the nearest report has the very words of the own one."""
    patients = replace(ECGBatch.from_cohort(simulate(384, seed=5)), cine=None)
    train, test = patients[:256], patients[256:]
    method = make()
    fit(method, train, epochs=8, batch_size=32, progress=False)
    assert test.reports is not None
    similarity = cosine(method.embed(test), method.embed_text(test.reports))
    same = torch.tensor([[a == b for b in test.reports] for a in test.reports])
    hit = same[torch.arange(128), similarity.argmax(1)].float().mean()
    chance = same.float().mean()
    assert hit > chance
    assert patient_rank(similarity).float().median() < 0.75 * 64


def test_same_seed_same_weights(patients):
    states = []
    for _ in range(2):
        method = make()
        fit(method, patients, epochs=1, batch_size=24, seed=4, progress=False)
        states.append(method.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


# MERL, presets, bad input


def test_merl(patients):
    torch.manual_seed(0)
    method = MERL(MERLConfig.preset("smoke"))
    assert list(method.losses(patients)) == ["cma", "uma"]
    fit(method, patients, epochs=1, batch_size=24, progress=False)
    assert method.embed(patients).shape == (48, 32)
    assert method.embed_text(["sinus rhythm"]).shape == (1, 32)


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
    assert TAMERConfig.preset("paper") == TAMERConfig()
    assert TAMERConfig.preset("class").fs == MERLConfig.preset("class").fs == 100
    with pytest.raises(ValueError, match="presets paper, class, smoke, not"):
        TAMERConfig.preset("huge")
    with pytest.raises(ValueError, match="presets paper, released, class, smoke, not"):
        MERLConfig.preset("huge")


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
