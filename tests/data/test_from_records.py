"""Records straight to a batch: the same as through a store, whatever rate, length and gaps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.preprocess import CleanRecord, clean_records, flat_leads, observed_at
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.signals.filters import zscore
from ecglearn.signals.leads import LEADS
from tests.data import layouts

INVALID = -32768
NAMES = ("whole", "flat", "gap", "short", "long", "slow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("mine")
    digital = layouts.signals(5)
    digital[1][:, 7] = 0
    digital[2][1000:1500, 6] = INVALID
    digital[2][:250, 0] = INVALID
    longer = np.concatenate([digital[4], digital[4]])
    text = b"#Age: 61\n#Sex: Female\n#Rhythm:  Sinus **rhythm**\n"
    for name, counts in zip(NAMES, (*digital[:3], digital[3][:4000], longer), strict=False):
        layouts.write(place, counts, name=name, comments=b"" if name == "flat" else text)
    layouts.write(place, layouts.signals(1, 100)[0], name="slow", fs="100")
    layouts.table(place / "mine.csv", ("record",), [[name] for name in NAMES])
    return place


@pytest.fixture(scope="module")
def records(folder) -> list[ECGRecord]:
    return [read_record(folder / name) for name in NAMES]


@pytest.mark.parametrize("options", [{}, {"fs": 250, "seconds": None}, {"fs": 500, "seconds": 8}])
def test_the_same_batch_as_through_a_store(folder, records, tmp_path, options):
    source = folder_dataset(Columns("mine.csv"))
    prepare(source, folder, tmp_path / "out", workers=1, progress=False, **options)
    stored, ours = open_store(tmp_path / "out")[:], ECGBatch.from_records(records, **options)
    assert (ours.names, ours.fs, ours.leads) == (stored.names, stored.fs, stored.leads)
    assert ours.reports == stored.reports
    np.testing.assert_array_equal(ours.table, stored.table)
    np.testing.assert_array_equal(ours.r_peaks, stored.r_peaks)
    np.testing.assert_array_equal(ours.keep, stored.keep)
    np.testing.assert_allclose(ours.ecg, stored.ecg, atol=1e-4)
    done = clean_records(records, fs=ours.fs, seconds=options.get("seconds", 10))
    for row, record in enumerate(done):
        there = record.signal[record.observed]
        samples = record.signal.shape[1]
        restored = stored.ecg[row, :, :samples].numpy() * there.std() + there.mean()
        np.testing.assert_allclose(restored[record.observed], there, atol=1e-3)


def test_fields_come_from_the_header_unless_given(records):
    batch = ECGBatch.from_records(records[:2])
    assert batch.reports == ["Rhythm: Sinus rhythm", ""]
    assert batch.names == ["whole", "flat"]
    assert batch.leads == LEADS
    assert batch.table is not None
    assert batch.table[0, [0, -1]].tolist() == [61, 0]
    assert batch.table[1].isnan().all()
    assert batch.findings is None
    assert batch.label_names is None
    labelled = ECGBatch.from_records(
        records[:2], reports=["a", "b"], findings=[[1, 0, 0], [0, 1, 1]], label_names="xyz"
    )
    assert labelled.reports == ["a", "b"]
    assert labelled.label_names == ("x", "y", "z")
    assert labelled.findings is not None
    assert labelled.findings.tolist() == [[True, False, False], [False, True, True]]


def test_rows_select_lists_and_keep_the_names_of_columns(records):
    labels = torch.eye(6, dtype=torch.bool)
    batch = ECGBatch.from_records(records, findings=labels, label_names=NAMES)
    some = batch[torch.tensor([4, 0])]
    assert some.names == ["long", "whole"]
    assert (some.label_names, some.leads) == (NAMES, LEADS)
    assert batch.to("cpu").label_names == NAMES
    cohort = ECGBatch.from_cohort(simulate(2, seed=5))
    assert (cohort.label_names, cohort.names) == (FINDINGS, None)


def test_one_record_needs_no_list(records):
    one, listed = ECGBatch.from_records(records[0]), ECGBatch.from_records(records[:1])
    assert torch.equal(one.ecg, listed.ecg)
    assert one.keep is None


def test_order_and_company_do_not_matter(records):
    whole = ECGBatch.from_records(records)
    for row, record in enumerate(records):
        alone = ECGBatch.from_records(record)
        assert torch.equal(alone.ecg[0], whole.ecg[row])
        keep = torch.ones(12, 1000).bool() if alone.keep is None else alone.keep[0]
        assert whole.keep is not None
        assert torch.equal(keep, whole.keep[row])


def test_gaps_fill_and_missing_leads_are_marked_and_zero(records):
    batch = ECGBatch.from_records(records)
    keep = batch.keep
    assert keep is not None
    assert not keep[1, 7].any()
    assert not keep[2, 6, 200:300].any()
    assert not keep[2, 0, :50].any()
    assert keep[3, :, :800].all()
    assert not keep[3, :, 800:].any()
    assert (batch.ecg[~keep] == 0).all()
    for row in range(len(batch)):
        seen = batch.ecg[row][keep[row]]
        assert abs(float(seen.mean())) < 1e-4
        assert float(seen.std(unbiased=False)) == pytest.approx(1, abs=1e-3)
    per_lead = ECGBatch.from_records(records[2], per="lead")
    assert per_lead.keep is not None
    lead = per_lead.ecg[0, 0][per_lead.keep[0, 0]]
    assert float(lead.std(unbiased=False)) == pytest.approx(1, abs=1e-3)


def test_a_lead_of_which_the_filter_leaves_nothing_is_not_observed(records):
    drifting = records[0].signal.copy()
    drifting[8] = 1.0 + 1e-6 * np.arange(5000)
    record = replace(records[0], signal=drifting)
    (done,) = clean_records([record], fs=100, seconds=10)
    assert isinstance(done, CleanRecord)
    assert done.note == "nothing is left of V3 after filtering"
    batch = ECGBatch.from_records(record)
    assert batch.keep is not None
    assert (~batch.keep).sum() == 1000
    assert not batch.keep[0, 8].any()


def test_what_cannot_be_is_refused_in_one_sentence(records):
    cut = {name: getattr(records[0], name)[:, :3000] for name in ("signal", "observed")}
    short = replace(records[0], source="a/tiny.hea", **cut)
    with pytest.raises(ValueError, match="needs one record or more; give what read_record"):
        ECGBatch.from_records([])
    with pytest.raises(RecordError, match=r"a/tiny\.hea: 6\.0 s are too short for the filter"):
        ECGBatch.from_records([records[0], short])
    large = replace(records[0], signal=100 * records[0].signal)
    with pytest.raises(RecordError, match=r"whole\.hea: samples beyond 32\.767 mV"):
        ECGBatch.from_records([records[1], large, records[2]])
    dead = replace(records[0], observed=np.zeros_like(records[0].observed))
    with pytest.raises(RecordError, match=r"whole\.hea: no lead holds a signal"):
        ECGBatch.from_records(dead)
    for labels, names in (([[1, 0]], None), ([[1], [0]], ("a", "b")), ([1, 0], None), (None, "a")):
        with pytest.raises(ValueError, match=r"labels are .* one row for each record"):
            ECGBatch.from_records(records[:2], findings=labels, label_names=names)
    with pytest.raises(ValueError, match="true or false; leave out"):
        ECGBatch.from_records(records[0], findings=[[0.5]])
    with pytest.raises(ValueError, match="1 reports for 2 records"):
        ECGBatch.from_records(records[:2], reports=["a"])
    for fs, seconds in ((50, 10), (100, 1)):
        with pytest.raises(ValueError, match="R peaks need 61 samples per second and 2 s"):
            ECGBatch.from_records(records[0], fs=fs, seconds=seconds)


def test_what_was_observed_follows_the_rate():
    seen = np.ones((1, 10), bool)
    seen[0, 4:6] = False
    assert observed_at(seen, 100, fs=50, samples=5).tolist() == [[True, True, False, True, True]]
    up = observed_at(seen, 100, fs=200, samples=20)
    assert np.flatnonzero(~up[0]).tolist() == [8, 9, 10, 11]
    assert observed_at(np.ones((1, 4), bool), 100, fs=200, samples=8).all()


def test_flat_leads_are_those_that_zscore_makes_zero():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(5, 200))
    signal[1] = 3.0
    signal[2, 50:] = -1.0
    signal[3] = 5 + 1e-7 * signal[3]
    seen = np.ones(signal.shape, bool)
    seen[2, :50] = False
    seen[4] = False
    zero = (zscore(signal, keep=seen) == 0).all(1) & seen.any(1)
    assert flat_leads(signal, seen).tolist() == zero.tolist() == [False, True, True, True, False]
