"""Anybody's model: all that evaluation needs is `embed`, and `embed_text` to be asked in words."""

import numpy as np
import pytest
import torch
from torch import nn

import ecglearn
from ecglearn.abilities import Embeds, EmbedsCine, EmbedsText, LocalTokens, Scores
from ecglearn.cohort import FINDINGS
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import (
    Probed,
    Split,
    apply_missing,
    fit_probe,
    missingness_table,
    random_keep_masks,
    untrained,
)


class Foreign(nn.Module):
    """A module that knows nothing of this library; its vectors are an array."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 6)

    def embed(self, batch):
        with torch.no_grad():
            return self.layer(batch.ecg.abs().mean(2)).numpy()


class Reader(Foreign):
    def embed_text(self, texts):
        return np.stack([np.random.default_rng(len(text)).normal(size=6) for text in texts])


@pytest.fixture(scope="module")
def cohort():
    return ecglearn.simulate(120, seed=0)


@pytest.fixture(scope="module")
def batch(cohort):
    return ECGBatch.from_cohort(cohort)


def test_abilities_are_told_by_what_a_model_can_do():
    assert isinstance(Foreign(), Embeds)
    assert not isinstance(Foreign(), EmbedsText | LocalTokens | EmbedsCine | Scores)
    assert isinstance(Reader(), EmbedsText)
    ptacl = ecglearn.create("ptacl", "smoke")
    assert isinstance(ptacl, EmbedsCine)
    assert isinstance(ptacl, LocalTokens)
    assert not isinstance(ptacl, EmbedsText)


def test_compare_asks_it_and_has_no_untrained_twin_of_it(cohort):
    table = ecglearn.compare(
        {"foreign": Foreign()},
        cohort,
        label_fractions=[1.0],
        n_resamples=5,
        tasks=["probe", "phase"],
    )
    assert set(table["model"]) == {"foreign", "age and sex"}
    assert table.loc[table["model"] == "foreign", "task"].unique().tolist() == ["probe 100%"]
    assert table.loc[table["model"] == "foreign", "gain"].isna().all()


def test_a_reader_is_asked_in_words_and_others_refuse(batch):
    prompts = {"AF": "atrial fibrillation", "normal": ["normal ECG", "nothing found"]}
    scores = ecglearn.zero_shot(Reader(), batch, prompts)
    assert scores.shape == (120, 2)
    with pytest.raises(ValueError, match="Foreign reads no text"):
        ecglearn.zero_shot(Foreign(), batch, prompts)
    with pytest.raises(ValueError, match="at least one class"):
        ecglearn.zero_shot(Reader(), batch, {})


def test_probe_and_missing_leads(batch):
    assert batch.findings is not None
    labels = batch.findings.numpy().astype(float)[:, :4]
    parts = [slice(0, 60), slice(60, 90), slice(90, None)]
    model = Foreign()
    features = Split(*(model.embed(batch[part]) for part in parts))
    probe = fit_probe(features, Split(*(labels[part] for part in parts)), Cs=[1.0])
    test = batch[parts[2]]
    views = {"some": random_keep_masks(len(test), segments=4, seed=0)["mild"]}
    names = {name: name for name in FINDINGS[:4]}
    table = missingness_table(
        {"probed": Probed(model, probe), "reader": Reader()},
        test,
        names,
        labels[parts[2]],
        views,
        n_resamples=5,
    )
    assert table[["model", "view"]].to_numpy().tolist() == [
        [name, view] for name in ("probed", "reader") for view in ("full", "some")
    ]
    by_hand = Probed(model, probe).score(apply_missing(test, views["some"]))
    assert by_hand.shape == (30, 4)


def test_records_need_a_method_that_says_what_it_reads():
    record = ecglearn.data.ECGRecord(
        signal=np.random.default_rng(0).normal(size=(12, 5000)).astype(np.float32),
        fs=500,
        leads=ecglearn.signals.LEADS,
        age=None,
        sex=None,
        text="",
        source="made.hea",
        observed=np.ones((12, 5000), bool),
    )
    method = ecglearn.create("merl", "smoke").eval()
    one = ecglearn.embed(method, record)
    assert one.shape == (1, 32)
    torch.testing.assert_close(ecglearn.embed(method, [record, record])[1:], one)
    with pytest.raises(ValueError, match="Foreign does not say what rate"):
        ecglearn.embed(Foreign(), record)
    with pytest.raises(ValueError, match="no record"):
        ecglearn.embed(method, ECGBatch.from_cohort(ecglearn.simulate(2, seed=0))[:0])


def test_a_replaced_encoder_has_no_untrained_twin():
    """Its gain would be one over another network."""
    method = ecglearn.create("merl", "smoke")
    assert untrained(method) is not method
    method.ecg_encoder = torch.nn.Sequential(torch.nn.Conv1d(12, 8, 3))
    with pytest.raises(ValueError, match="other parts than its configuration makes"):
        untrained(method)
