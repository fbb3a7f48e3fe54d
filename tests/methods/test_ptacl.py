"""PTACL as a whole: properties 6, 13, 14, 16, 20 and 23, stages, presets, bad input."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.transforms import cine_frames
from ecglearn.encoders.heads import ProjectionHead
from ecglearn.evaluate import alignment_maps, diagonal_contrast
from ecglearn.methods import ptacl
from ecglearn.methods.ptacl import PTACL, PTACLConfig, PTACLPretraining, PTACLRegression
from ecglearn.train import fit
from ecglearn.train.step import only

SMOKE = PTACLConfig.preset("smoke")


def make(**changes):
    torch.manual_seed(0)
    return PTACL(replace(SMOKE, **changes))


def parameters(module, trainable=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def test_parameter_counts_of_the_paper():
    method = PTACL(PTACLConfig.preset("paper"))
    ecg, cine = method.ecg_encoder, method.cine_encoder
    assert (parameters(ecg), parameters(cine)) == (19_251_712, 13_086_720)
    trained = {p for one in method.objectives() for p in one.parameters}

    def count(module):
        return sum(p.numel() for p in module.parameters() if p in trained)

    assert (count(ecg), count(cine)) == (12_612_608, 6_306_816)


def test_local_module_has_no_parameters():
    assert parameters(make(beta=0.0), True) == parameters(make(beta=1.0), True)


def test_the_head_is_a_choice(patients):
    linear = make(head="linear", projection=512)
    assert parameters(linear.ecg_head) == 32 * 512 + 512
    assert all(z.shape == (48, 512) for z in linear.project(patients))
    assert linear.losses(patients)["global"].isfinite()
    assert isinstance(make().ecg_head, ProjectionHead)


def test_beta_weighs_the_local_loss(patients):
    values = {}
    for beta in (0.0, 1.0, 3.0):
        terms = make(beta=beta).losses(patients)
        values[beta] = {name: float(term.detach()) for name, term in terms.items()}
    assert set(values[0.0]) == {"global"}
    assert values[1.0]["global"] == pytest.approx(values[0.0]["global"])
    assert values[3.0]["local"] == pytest.approx(3 * values[1.0]["local"], rel=1e-5)


def test_frozen_parts_stay_and_the_rest_learns(patients):
    method = make(frozen_layers=1)
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    with only(method.objectives(), method):
        torch.stack(list(method.losses(patients).values())).sum().backward()
        frozen = [name for name, p in method.named_parameters() if not p.requires_grad]
    assert all(p.requires_grad for p in method.parameters())
    assert {n.split(".")[0] for n in frozen} == {"ecg_encoder", "cine_encoder"}
    assert any("positions" in n for n in frozen)
    assert any("embed" in n for n in frozen)
    assert all(dict(method.named_parameters())[n].grad is None for n in frozen)
    fit(method, patients, epochs=1, batch_size=24, progress=False)
    for name, p in method.named_parameters():
        assert torch.equal(p, before[name]) == (name in frozen), name


def test_local_loss_reaches_both_encoders(patients):
    method = make(frozen_layers=0)
    method.losses(patients)["local"].backward()
    for encoder in (method.ecg_encoder, method.cine_encoder):
        gradient = encoder.get_parameter("blocks.layers.0.up.weight").grad
        assert gradient is not None
        assert float(gradient.abs().sum()) > 0
    assert all(p.grad is None for p in method.ecg_head.parameters())


def test_embed_needs_only_the_ecg(patients):
    method = make()
    alone = ECGBatch(ecg=patients.ecg, fs=patients.fs)
    assert torch.equal(method.embed(alone), method.embed(patients))
    assert method.embed(alone).shape == (48, SMOKE.width)
    assert torch.allclose(method.embed(patients[:5]), method.embed(patients)[:5], atol=1e-5)


def test_evaluation_leaves_the_mode_and_random_state(patients):
    method = make().train()
    state = torch.get_rng_state()
    method.embed(patients)
    assert method.training
    assert torch.equal(torch.get_rng_state(), state)


def test_constant_tokens_give_constant_local_embeddings(patients):
    method = make().eval()
    tokens = torch.ones(48, method.ecg_encoder.tokens, 1) * torch.arange(SMOKE.width)
    local, valid = method._local_ecg(tokens, patients, torch.zeros(48, dtype=torch.int64))
    assert bool(valid.all())
    assert torch.allclose(local, torch.arange(float(SMOKE.width)).expand_as(local), atol=1e-4)


def test_heart_rate_alone_hardly_moves_local_embeddings():
    """Tokens that depend only on phase: the same 13 phases at 50 and at 75 beats per minute."""
    method = make(phase_exact=True)
    local = {}
    for beat in (120, 80):  # samples between R peaks at 100 Hz
        peaks = torch.arange(15, 500, beat)
        centre = torch.arange(50) * 10 + 4.5
        phase = ((centre - 15) % beat) / beat * 2 * torch.pi
        tokens = torch.stack([phase.cos(), phase.sin()], 1)[None]
        batch = ECGBatch(ecg=torch.zeros(1, 12, 500), fs=100, r_peaks=peaks[None])
        local[beat] = method._local_ecg(tokens, batch, torch.zeros(1, dtype=torch.int64))[0][0]
    cosine = (normalize(local[120], dim=1) * normalize(local[80], dim=1)).sum(1)
    assert float(cosine.min()) > 0.95


def test_records_without_beats_are_left_out(patients):
    method = make().eval()
    silent = replace(patients, r_peaks=torch.full_like(patients.r_peaks, -1))
    assert float(method.losses(silent)["local"].detach()) == 0
    assert not bool(method.local(silent)[2].any())
    half = patients.r_peaks.clone()
    half[24:] = -1
    mixed = method.losses(replace(patients, r_peaks=half))["local"]
    assert torch.allclose(mixed, method.losses(patients[:24])["local"], atol=1e-5)


def test_fifty_frames_are_resampled_to_thirteen_steps(patients):
    method = make(frames=26, segments=7)
    assert method.local(patients)[1].shape == (48, 7, SMOKE.width)


@pytest.mark.parametrize("modality", ["ecg", "cine"])
def test_stage_1_trains_the_encoder_in_place(patients, modality):
    method = make()
    stage = PTACLPretraining(method, modality)
    before = method.embed(patients), method.embed_cine(patients)
    history = fit(stage, patients, epochs=4, batch_size=16, progress=False)
    assert history.curve()[-1] < history.curve()[0]
    after = method.embed(patients), method.embed_cine(patients)
    changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [modality == "ecg", modality == "cine"]


def test_stage_3_learns_and_slows_early_layers(patients):
    method = make()
    tuned = PTACLRegression(method, patients.phenotypes, layer_decay=0.5)
    scales = {id(p): one.lr_scale for one in tuned.objectives() for p in one.parameters}
    assert len({one.losses for one in tuned.objectives()}) == 1
    assert len(scales) == len(list(tuned.parameters()))
    assert scales[id(tuned.readout.weight)] == 1
    assert scales[id(tuned.encoder.get_parameter("blocks.layers.0.up.weight"))] == 0.25
    assert scales[id(tuned.encoder.embed.weight)] == 0.125
    history = fit(tuned, patients, epochs=8, batch_size=16, progress=False)
    assert history.curve()[-1] < history.curve()[0]
    assert tuned.predict(patients).mean(0).tolist() == pytest.approx(
        patients.phenotypes.mean(0).tolist(), rel=0.25
    )


def test_stage_3_predicts_the_same_twice(patients):
    tuned = PTACLRegression(make(), patients.phenotypes, drop_path=0.9)
    first = tuned.predict(patients)
    assert torch.equal(tuned.predict(patients), first)
    assert tuned.training
    assert torch.allclose(tuned.predict(patients[:5]), first[:5], rtol=1e-4)


@pytest.mark.parametrize("name", ["stage 1", "joint"])
def test_joint_training_changes_cines_in_more_ways_than_stage_1(patients, monkeypatch, name):
    """Only crop and flip while the encoder learns to fill in; all changes afterwards."""
    asked = []

    def watch(*args, first_stage=False, **more):
        asked.append(first_stage)
        return cine_frames(*args, first_stage=first_stage, **more)

    monkeypatch.setattr(ptacl, "cine_frames", watch)
    method = make(augmented=True)
    stage = PTACLPretraining(method, "cine") if name == "stage 1" else method
    stage.losses(patients[:8], torch.Generator().manual_seed(0))
    assert asked == [name == "stage 1"]


def test_cosine_ablation_has_no_negatives(patients):
    method = make(local="cosine").eval()
    ecg, cine, valid = method.local(patients)
    expected = 1 - alignment_maps(ecg, cine).diagonal(dim1=1, dim2=2)[valid].mean()
    assert float(method.losses(patients)["local"].detach()) == pytest.approx(
        float(expected), abs=1e-5
    )


def test_presets_and_bad_input(patients):
    assert {PTACLConfig.preset(n).width for n in ("paper", "class", "smoke")} == {512, 64, 32}
    with pytest.raises(ValueError, match="presets paper, class, smoke"):
        PTACLConfig.preset("huge")
    with pytest.raises(ValueError, match="needs cine"):
        make().losses(ECGBatch(ecg=patients.ecg, fs=100))
    with pytest.raises(ValueError, match="needs r_peaks"):
        make().losses(replace(patients, r_peaks=None))
    with pytest.raises(ValueError, match="reads 100 Hz and the batch has 500 Hz"):
        make().embed(replace(patients, fs=500))


def test_local_loss_raises_the_diagonal():
    """Property 32, on patients that were not trained on."""
    batch = ECGBatch.from_cohort(simulate(320, seed=1), peaks="true")
    train, test = batch[:256], batch[256:]
    contrast = {}
    for beta in (0.0, 1.0):
        method = make(beta=beta, width=32, frozen_layers=0)
        fit(method, train, epochs=10, batch_size=32, progress=False)
        ecg, cine, valid = method.local(test)
        contrast[beta] = float(diagonal_contrast(alignment_maps(ecg, cine)[valid]).mean())
    assert contrast[1.0] > contrast[0.0] + 0.03
