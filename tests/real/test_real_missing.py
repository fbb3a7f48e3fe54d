"""Real records with leads that are off, and real records whose leads we hide."""

import numpy as np
import pytest
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import clean_ecg
from ecglearn.data.wfdb.find import find_records
from ecglearn.data.wfdb.record import read_record
from ecglearn.evaluate import (
    apply_missing,
    mean_auroc,
    missingness_table,
    random_keep_masks,
    zero_shot,
)
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.signals.fill import recover_limb_leads
from ecglearn.signals.filters import zscore

pytestmark = pytest.mark.real


def read(headers):
    records = [read_record(header, fs=100) for header in headers]
    raw = np.stack([r.signal[:, :1000] for r in records])
    observed = torch.from_numpy(np.stack([r.observed[:, :1000] for r in records]))
    clean = torch.from_numpy(clean_ecg(raw, 100, fs=100)).float()
    return clean, observed


@pytest.fixture(scope="module")
def method():
    torch.manual_seed(0)
    return SCAR(SCARConfig.preset("smoke")).eval()


def test_flat_chest_leads_are_not_read(real_data, method):
    folder = real_data / "cinc-mini" / "cinc2021"
    clean, observed = read([folder / "JS20004", folder / "JS20008"])
    assert not observed[:, [7, 9, 11]].any()
    batch = ECGBatch(zscore(clean, per="record", keep=observed), fs=100, keep=observed)
    alpha = method.encode(batch).alpha.unflatten(1, (12, 4))
    assert (alpha[:, [7, 9, 11]] == 0).all()
    other = clean.clone()
    other[:, [7, 9, 11]] = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(0))
    noisy = ECGBatch(zscore(other, per="record", keep=observed), fs=100, keep=observed)
    assert torch.equal(method.embed(noisy), method.embed(batch))
    as_measured = ECGBatch(zscore(other, per="record"), fs=100)
    assert not torch.allclose(method.embed(as_measured), method.embed(batch))


def test_limb_leads_of_real_records_are_recovered(real_data):
    headers = find_records(real_data / "ptbxl-mini" / "records500")[:20]
    clean, _ = read(headers)
    keep = torch.ones(20, 12, 4, dtype=torch.bool)
    keep[:, [0, 2, 3, 5]] = False
    found, there = recover_limb_leads(clean, keep)
    assert there.all()
    strength = clean[:, :6].std()
    assert float((found - clean).abs().max()) < 0.15 * float(strength)
    assert float((found - clean)[:, :6].std()) < 0.01 * float(strength)


def test_the_evaluation_takes_real_records(real_data, method):
    headers = find_records(real_data / "ptbxl-mini" / "records500")[:40]
    clean, observed = read(headers)
    batch = ECGBatch(zscore(clean, per="record", keep=observed), fs=100, keep=observed)
    views = random_keep_masks(40, segments=4)
    rng = np.random.default_rng(0)
    labels = rng.random((40, 3)) < 0.4
    prompts = {name: name for name in ("sinus rhythm", "myocardial infarction", "hypertrophy")}
    table = missingness_table({"m": method}, batch, prompts, labels, views, n_resamples=10)
    for name, value in zip(table["view"], table["auroc"], strict=True):
        shown = batch if name == "full" else apply_missing(batch, views[name])
        said = zero_shot(method, shown, prompts).to_numpy()
        assert np.isfinite(said).all()
        assert value == pytest.approx(mean_auroc(labels, said))
    hidden = apply_missing(batch, views["severe"])
    assert hidden.ecg.isfinite().all()
    assert hidden.keep is not None
    assert float(hidden.keep.float().mean()) <= 0.126
