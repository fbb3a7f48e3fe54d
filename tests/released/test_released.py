"""Checkpoints in public layouts: every tensor finds its place, and says what it said there."""

from typing import Any

import pytest
import torch
from released import public
from torch.nn.functional import normalize

import ecglearn
from ecglearn.checkpoint import CheckpointError
from ecglearn.cli import main
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.text_encoder import text_encoder
from ecglearn.evaluate import zero_shot
from ecglearn.methods import DERIConfig

W, D, SAMPLES, TOKENS = 64, 32, 400, 25  # a stem and three halvings: 400 to 25
EMBEDDED = {"text": "embedded", "samples": SAMPLES}
CASES = {
    "merl": ("merl", public.merl_resnet(W, D, TOKENS), public.merl_ecg, EMBEDDED),
    "merl, vit": ("merl", public.merl_vit(W, D), public.merl_ecg, {"text": "embedded"}),
    "deri": ("deri", public.deri(W, D, 9, 40), public.deri_ecg, EMBEDDED),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    name, shapes, embed, changes = CASES[request.param]
    tensors = public.filled(shapes)
    path = tmp_path / "checkpoint.pth"
    torch.save(tensors, path)
    return name, tensors, embed, changes, path


def ecgs(samples):
    x = torch.rand(6, 12, samples, generator=torch.Generator().manual_seed(1))
    return ECGBatch(ecg=x, fs=500, preprocess="minmax")


def test_vectors_and_zero_shot_scores_are_those_of_the_file(case):
    name, tensors, embed, changes, path = case
    method = ecglearn.load_released(path, name, **changes)
    batch = ecgs(method.config.samples)
    expected = embed(tensors, batch.ecg)
    torch.testing.assert_close(method.embed(batch), expected, atol=1e-5, rtol=1e-5)
    prompts = {"AF": "atrial fibrillation", "LBBB": "left bundle branch block"}
    pad_to = None if name == "merl" else method.config.words
    pooled = text_encoder("embedded").encode(list(prompts.values()), pad_to=pad_to).pooled
    scores = normalize(expected, dim=-1) @ public.text_vector(tensors, pooled).T
    found = torch.tensor(zero_shot(method, batch, prompts).to_numpy())
    torch.testing.assert_close(found, scores, atol=1e-5, rtol=1e-5)


def test_mixed_vectors_of_training_are_those_of_the_file(tmp_path):
    """Losses keep the norm of tokens, in evaluation mode too; padding is read like words."""
    name, shapes, _, changes = CASES["deri"]
    tensors = public.filled(shapes)
    torch.save(tensors, tmp_path / "x.pth")
    method: Any = ecglearn.load_released(tmp_path / "x.pth", name, **changes)
    batch = ecgs(SAMPLES)
    expected = public.deri_ecg(tensors, batch.ecg, training=True)
    torch.testing.assert_close(method.ecg_side(batch).mixed, expected, atol=1e-5, rtol=1e-5)
    reports = ["sinus rhythm", "atrial fibrillation with left bundle branch block"]
    read = text_encoder("embedded").encode(reports, pad_to=40)
    assert read.tokens.shape[1] == 40
    assert bool((read.tokens[:, -1] != 0).any())
    mixed = public.deri_text(tensors, read.pooled, read.tokens)
    side = method.text_side(method.text.encode(reports))
    torch.testing.assert_close(side.mixed, mixed, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("way", ["plain", "module", "with an optimiser", "safetensors"])
def test_every_way_of_saving_gives_the_same(case, way, tmp_path):
    from safetensors.torch import save_file

    name, tensors, _, changes, path = case
    first = ecglearn.load_released(path, name, **changes)
    other = tmp_path / ("other.safetensors" if way == "safetensors" else "other.pt")
    if way == "safetensors":
        save_file(tensors, other)
    else:
        torch.save(dict(public.wrapped(tensors))[way], other)
    second = ecglearn.load_released(other, name, **changes)
    assert first.config == second.config
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_it_is_saved_and_loaded_as_any_other(case, tmp_path):
    name, _, _, changes, path = case
    method = ecglearn.load_released(path, name, **changes)
    method.save(tmp_path / "ours.safetensors")
    again = ecglearn.load(tmp_path / "ours.safetensors")
    batch = ecgs(method.config.samples)
    assert torch.equal(again.embed(batch), method.embed(batch))


def test_the_command_keeps_it_as_safetensors(tmp_path, capsys):
    path = tmp_path / "checkpoint.pth"
    torch.save(public.filled(public.merl_vit(W, D)), path)
    main(["convert", str(path), "--method", "merl", "--text", "embedded"])
    assert "ecglearn.load reads it" in capsys.readouterr().out
    again = ecglearn.load(tmp_path / "checkpoint.safetensors")
    first = ecglearn.load_released(path, "merl", text="embedded")
    batch = ecgs(first.config.samples)
    assert torch.equal(again.embed(batch), first.embed(batch))


def test_what_is_missing_or_left_over_is_listed(case):
    name, tensors, _, changes, path = case
    del tensors["proj_t.0.bias"]
    tensors["proj_x.weight"] = torch.zeros(2)
    torch.save(tensors, path)
    with pytest.raises(CheckpointError, match=r"Missing: proj_t\.0\.bias\. Left over: proj_x"):
        ecglearn.load_released(path, name, **changes)
    tensors["proj_t.0.bias"] = torch.zeros(D + 1)
    del tensors["proj_x.weight"]
    torch.save(tensors, path)
    with pytest.raises(CheckpointError, match=r"text\.head\.0\.bias \(32,\)"):
        ecglearn.load_released(path, name, **changes)


class Trap:
    def __reduce__(self):
        return print, ("this was run",)


def test_nothing_in_a_file_is_run(tmp_path, capsys):
    path = tmp_path / "trap.pth"
    torch.save({"proj_t.0.weight": Trap()}, path)
    with pytest.raises(CheckpointError, match="without running"):
        ecglearn.load_released(path, "merl")
    assert capsys.readouterr().out == ""
    for content, said in (({"epoch": 3}, "no state dict"), ({}, "no state dict")):
        torch.save(content, path)
        with pytest.raises(CheckpointError, match=said):
            ecglearn.load_released(path, "merl")
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        ecglearn.load_released(path, "merl")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        ecglearn.load_released(tmp_path / "absent.pth", "merl")
    with pytest.raises(ValueError, match="no public code of TAMER is known"):
        ecglearn.load_released(path, "tamer")
    torch.save({"something.else": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"no checkpoint of DERI: .* it has something\.else"):
        ecglearn.load_released(path, "deri")


def test_networks_that_are_not_here_are_named(tmp_path):
    tensors = public.filled(public.merl_resnet(W, D, TOKENS))
    tensors["ecg_encoder.layer1.0.conv3.weight"] = torch.zeros(2)
    torch.save(tensors, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="ResNet-50 and deeper"):
        ecglearn.load_released(tmp_path / "x.pth", "merl")


def test_standard_signals_are_refused(tmp_path):
    torch.save(public.filled(CASES["merl"][1]), tmp_path / "x.pth")
    method = ecglearn.load_released(tmp_path / "x.pth", "merl", **EMBEDDED)
    with pytest.raises(ValueError, match="preprocess='minmax'"):
        method.embed(ECGBatch(ecg=torch.rand(2, 12, SAMPLES), fs=500))


def test_the_released_preset_has_as_many_trained_parameters_as_the_public_code():
    """9,023,872: 6,144 of them are biases of queries, keys and values in the decoders."""
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in ecglearn.create("deri", preset).parameters())
            for preset in ("released", "paper")
        ]
    assert counts == [9_023_872, 9_017_728]
    config = DERIConfig.preset("released")
    assert config.preprocess == "minmax"
