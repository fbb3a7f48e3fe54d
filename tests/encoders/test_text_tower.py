"""The text side shared by methods: a frozen model behind a head, and pieces of records."""

from typing import Any

import pytest
import torch
from torch import nn

from ecglearn.data.batch import ECGBatch
from ecglearn.encoders import pretrained
from ecglearn.encoders.inference import map_batches, pieces_of
from ecglearn.encoders.text_encoder import ReportError
from ecglearn.encoders.text_tower import TextTower, same_reports
from ecglearn.registry import create

REPORTS = ["sinus rhythm.", "atrial fibrillation with a rapid response.", "sinus rhythm."]


def test_tower_is_the_head_of_the_mean_word():
    tower = TextTower("embedded", 64, 8).eval()
    encoded = tower.encode(REPORTS)
    by_hand = torch.stack(
        [
            torch.stack([t for t, is_word in zip(tokens, mask, strict=True) if is_word]).mean(0)
            for tokens, mask in zip(encoded.tokens, encoded.mask, strict=True)
        ]
    )
    torch.testing.assert_close(encoded.mean(), by_hand)
    torch.testing.assert_close(tower(encoded), tower.head(by_hand))


def test_frozen_model_is_no_part_of_the_tower():
    tower = TextTower("embedded", 64, 8)
    tower.encode(REPORTS)
    assert {name.split(".")[0] for name, _ in tower.named_parameters()} == {"head"}
    assert {name.split(".")[0] for name in tower.state_dict()} == {"head"}


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_never_asks_the_hub(there, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(pretrained, "hub_answers", lambda: asked.append(1) or there)
    assert pretrained.locate("embedded", tmp_path) == (str(tmp_path), True)
    assert pretrained.locate(str(tmp_path), tmp_path / "other") == (str(tmp_path), True)
    assert asked == []
    assert pretrained.locate("a/model", tmp_path) == ("a/model", not there)
    assert asked == [1]


def test_width_must_agree():
    with pytest.raises(ReportError, match="has 64 features; set text_width to this number"):
        _ = TextTower("embedded", 768, 8).model


def test_same_reports_are_found_by_their_text():
    same = same_reports(REPORTS, torch.device("cpu"))
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]


@pytest.mark.parametrize("training", [True, False])
def test_pieces_cover_every_record_once_and_leave_the_mode(training):
    batch = ECGBatch(ecg=torch.randn(7, 12, 10), fs=100)
    module = nn.Sequential(nn.Flatten(), nn.Linear(120, 3), nn.Dropout(0.5)).train(training)
    parts = map_batches(module, batch, lambda part: module(part.ecg), size=3)
    assert [len(part) for part in parts] == [3, 3, 1]
    assert module.training is training
    assert not torch.cat(parts).requires_grad
    torch.testing.assert_close(torch.cat(parts), module.eval()(batch.ecg).detach())


def test_pieces_are_small_on_a_processor():
    batch, module = ECGBatch(ecg=torch.randn(70, 12, 10), fs=100), nn.Linear(2, 2)
    assert map_batches(module, batch, len) == [32, 32, 6]
    with pieces_of(40):
        assert map_batches(module, batch, len) == [40, 30]
        with pieces_of(None):
            assert map_batches(module, batch, len) == [40, 30]
    assert map_batches(module, batch, len) == [32, 32, 6]


def test_mode_is_restored_after_an_error():
    module = nn.Linear(2, 2).train()
    with pytest.raises(ZeroDivisionError):
        map_batches(module, ECGBatch(ecg=torch.randn(2, 12, 10), fs=100), lambda part: 1 / 0)
    assert module.training


def test_a_lone_string_is_one_text():
    for name in ("merl", "deri", "scar", "tamer"):
        method: Any = create(name, "smoke").eval()
        assert torch.equal(method.embed_text("LBBB"), method.embed_text(["LBBB"]))
        assert method.embed_text("LBBB").shape[0] == 1
