"""The patients of a page: simulated ones, or those of the store in its first cell."""

import json

import numpy as np
import pytest

from ecglearn.cohort import FINDINGS, simulate
from ecglearn.course import page_patients
from ecglearn.data import open_store, prepare
from ecglearn.data.store.together import open_stores
from ecglearn.errors import InputError
from ecglearn.evaluate import load_prompts
from ecglearn.evaluate.prompts import PromptError
from ecglearn.train import titles
from tests.data import layouts


@pytest.fixture(scope="module")
def cohort():
    return simulate(30, seed=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Sixty records in PTB-XL's layout; every third has a block, every fifth no report."""
    folder = tmp_path_factory.mktemp("page")
    rows = [
        layouts.ptbxl_row(
            k,
            scp_codes="{'_AVB': 100.0}" if k % 3 == 0 else "{'NORM': 100.0}",
            report=" " if k % 5 == 0 else f"sinus rhythm {k}",
        )
        for k in range(1, 61)
    ]
    layouts.ptbxl(folder / "in", 60, rows)
    prepare("ptbxl-100", folder / "in", folder / "out", workers=1, progress=False)
    return folder / "out"


def test_of_a_cohort_the_first_teach(cohort):
    found = page_patients(None, cohort, 20)
    assert found.simulated
    assert (len(found.train), len(found.test)) == (20, 10)
    assert found.names == FINDINGS
    truth = found.truth(found.test)
    np.testing.assert_array_equal(truth.to_numpy(), cohort.findings[20:])
    assert list(truth) == list(FINDINGS)
    assert found.prompts == load_prompts(classes=FINDINGS)
    assert found.compared == {"cohort": cohort, "train": 20}
    assert found.methods == titles()
    own = page_patients(None, cohort, 20, prompts="mine.json")
    assert own.compared == {"cohort": cohort, "train": 20, "prompts": "mine.json"}


def test_of_a_store_its_parts_with_a_report(cohort, store):
    whole = open_store(store, labels="ptbxl-super").with_reports()
    train, test = whole.split("train"), whole.split("test")
    found = page_patients(store, cohort, 12, needs=["reports", "findings"], labels="ptbxl-super")
    assert not found.simulated
    assert found.origin == whole.about["data set"]
    assert found.train.names == train.names[:12]
    assert found.test.names == test.names[:10]
    assert set(found.names) == {"NORM", "CD"}  # nobody has the other three
    columns = [whole.label_names.index(name) for name in found.names]
    np.testing.assert_array_equal(found.truth(found.test).to_numpy(), test.labels[:10][:, columns])
    assert found.prompts == load_prompts("ecg", classes=found.names)
    assert set(titles()) - set(found.methods) == {"PTACL", "clinical transfer"}
    assert len(found.compared["cohort"]) == len(whole)
    assert found.compared["least_cases"] == 1  # ten patients judge
    assert not set(range(5, 61, 5)) & {int(name) for name in found.train.names or []}


def test_own_prompts_need_all_classes(cohort, store, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"classes": {"NORM": "nothing to see", "CD": ["a block"]}}))
    asked = {"needs": ["findings"], "labels": "ptbxl-super", "prompts": mine}
    found = page_patients(store, cohort, 12, **asked)
    assert found.prompts["CD"] == ["a block"]
    mine.write_text(json.dumps({"classes": {"NORM": "nothing to see"}}))
    with pytest.raises(PromptError, match="CD"):
        _ = page_patients(store, cohort, 12, **asked).prompts


def test_several_stores_are_one(cohort, store, tmp_path):
    other = tmp_path / "other"
    layouts.ptbxl(other / "in", 30)
    prepare("ptbxl-100", other / "in", other / "second", workers=1, progress=False)
    both = f"{store},{other / 'second'}"
    found = page_patients(both, cohort, 20, labels="ptbxl-super")
    train = open_stores(both, labels="ptbxl-super", weighted=False)[0].split("train")
    assert found.train.names == train.names[:20]
    assert found.origin.count("PTB-XL") == 2
    with pytest.raises(InputError, match="weights are for training: leave out the =2"):
        page_patients(f"{store}=2,{other / 'second'}", cohort, 20, labels="ptbxl-super")


def test_a_folder_that_is_no_store_is_said_to_be_none(cohort, tmp_path, capsys):
    assert page_patients(tmp_path, cohort, 20).simulated
    assert f"{tmp_path} is no store" in capsys.readouterr().out
    page_patients(None, cohort, 20)
    assert capsys.readouterr().out == ""


def test_what_a_page_needs_is_there_or_refused(cohort, store):
    with pytest.raises(InputError, match="no record here has a film"):
        page_patients(store, cohort, 12, needs=["cine"])
    with pytest.raises(InputError, match="lacks labs"):
        page_patients(store, cohort, 12, needs=["labs"])
    with pytest.raises(InputError, match="no label set 'mine'"):
        page_patients(store, cohort, 12, labels="mine")


def test_one_class_for_all_cannot_be_judged(cohort, tmp_path):
    layouts.ptbxl(tmp_path / "in", 20, [layouts.ptbxl_row(k) for k in range(1, 21)])
    prepare("ptbxl-100", tmp_path / "in", tmp_path / "out", workers=1, progress=False)
    with pytest.raises(InputError, match="no class has cases and others"):
        page_patients(tmp_path / "out", cohort, 12, needs=["findings"], labels="ptbxl-super")
