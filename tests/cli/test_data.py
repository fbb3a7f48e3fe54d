"""What `--data` names: simulated patients of a seed, and who they are."""

from dataclasses import replace
from sys import modules

import numpy as np
import pytest
import torch

from ecglearn.cli.data import MOST, open_data
from ecglearn.cohort import FINDINGS, simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import SEX
from ecglearn.data.splits import split_of
from ecglearn.errors import InputError


@pytest.mark.parametrize(("text", "seed"), [("cohort:6", 0), ("cohort:6:5", 5)])
def test_simulated_patients_are_those_of_the_seed(text, seed):
    found = open_data(text, fs=100)
    cohort = simulate(6, seed=seed)
    batch = ECGBatch.from_cohort(cohort)
    torch.testing.assert_close(found.records.ecg, batch.ecg, rtol=0, atol=0)
    assert found.classes == FINDINGS
    np.testing.assert_array_equal(found.labels, cohort.findings)
    assert found.names.tolist() == [f"simulated-{seed}-{k}" for k in range(6)]
    assert found.patients is found.names
    assert found.splits.tolist() == [split_of(name) for name in found.names]
    assert batch.table is not None
    columns = [batch.table_names.index(name) for name in ("age", SEX)]
    np.testing.assert_array_equal(found.demographics, batch.table[:, columns].double())
    assert set(found.demographics[:, 1]) <= {0.0, 1.0}
    assert (found.demographics[:, 0] > 17).all()
    assert found.prompts == "cohort"
    assert found.weights == {}


def test_they_are_read_as_the_configuration_asks():
    found = open_data("cohort:3:1", fs=250, preprocess="minmax").records
    wanted = ECGBatch.from_cohort(simulate(3, seed=1, fs=250), preprocess="minmax")
    torch.testing.assert_close(found.ecg, wanted.ecg, rtol=0, atol=0)
    assert found.fs == 250


def test_r_peaks_are_looked_for_where_they_are_needed():
    cohort = simulate(6)
    wanted = {
        (): ECGBatch.from_cohort(cohort, peaks="true"),
        ("ecg", "r_peaks"): ECGBatch.from_cohort(cohort),
    }
    for needs, batch in wanted.items():
        found = open_data("cohort:6", fs=100, needs=needs).records
        torch.testing.assert_close(found.r_peaks, batch.r_peaks, rtol=0, atol=0)
    true, detected = (batch.r_peaks for batch in wanted.values())
    assert true is not None
    assert detected is not None
    assert not torch.equal(true, detected)


def test_how_many_and_which_seed(monkeypatch):
    asked, one = [], open_data("cohort:1", fs=100)

    def made(count, seed, *reads):
        asked.append((count, seed))
        return one

    monkeypatch.setattr(modules["ecglearn.cli.data"], "_cohort", made)
    for text in ("cohort:1", f"cohort:{MOST}:{2**63 - 1}"):
        open_data(text, fs=100)
    assert asked == [(1, 0), (MOST, 2**63 - 1)]
    for text in ("cohort:0", f"cohort:{MOST + 1}", f"cohort:5:{2**63}"):
        with pytest.raises(InputError, match="from 1 to 20,000, and a seed below 2\\*\\*63"):
            open_data(text, fs=100)
    assert len(asked) == 2


def test_parts_and_fields():
    data = open_data("cohort:40", fs=100)
    rows = {part: data.rows(part) for part in ("train", "validation", "test")}
    assert sorted(np.concatenate(list(rows.values()))) == list(range(40))
    assert all((data.splits[own] == part).all() for part, own in rows.items())
    torch.testing.assert_close(data.part(rows["test"]).ecg, data.records.ecg[rows["test"]])
    with pytest.raises(InputError, match="no record is in the part 'middle'"):
        data.rows("middle")
    assert data.lacks(("cine", "labs", "reports")) == []
    deaf = replace(data, records=replace(data.records, cine=None))
    assert deaf.lacks(("cine", "labs", "reports")) == ["cine"]


def test_vectors_come_in_pieces_in_the_order_asked(monkeypatch):
    class Numbers:
        def embed(self, batch):
            return batch.index[:, None].to(torch.float64)

    monkeypatch.setattr(modules["ecglearn.cli.data"], "PIECE", 3)
    data = open_data("cohort:8", fs=100)
    rows = np.array([7, 0, 5, 2, 3, 1, 6])
    pieces = list(data.embedded(Numbers(), rows))
    assert [len(one) for one in pieces] == [3, 3, 1]
    assert all(one.dtype == torch.float32 for one in pieces)
    assert torch.cat(pieces)[:, 0].tolist() == data.records.index[rows].tolist()
