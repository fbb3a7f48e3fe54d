"""Laboratory values of real patients; the ECG times are constructed, as no ECG is there."""

from typing import Any

import pandas as pd
import pytest

from ecglearn.data.clinical.mimic_iv import demographics_at, diagnoses_of, nearest_labs
from ecglearn.data.clinical.nearest_in_time import REASONS

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "mimic-iv-demo-labs"


@pytest.fixture(scope="module")
def constructed(folder):
    """ECGs placed 20 minutes after every tenth potassium: constructed times of real patients."""
    events = pd.read_csv(folder / "hosp" / "labevents.csv.gz")
    chosen = events[events["itemid"] == 50971].iloc[::10]
    times = pd.to_datetime(chosen["charttime"]) + pd.Timedelta(minutes=20)
    return pd.DataFrame({"patient": chosen["subject_id"], "time": times}).reset_index(drop=True)


def test_values_are_plausible_and_every_refusal_is_counted(folder, constructed):
    values: Any
    report: Any
    values, report = nearest_labs(constructed, folder)
    assert values.shape == (233, 9)
    middle: Any = values.median()
    assert 3.8 < middle["potassium"] < 4.6
    assert 134 < middle["sodium"] < 142
    assert 60 < middle["creatinine"] < 150  # umol/L; the file has mg/dL
    assert 1.9 < middle["calcium"] < 2.5  # mmol/L; the file has mg/dL
    assert values["potassium"].notna().mean() > 0.95
    assert report["events"].sum() == 14_129
    assert report.loc["troponin_t", "no number"] > 50  # written as text: below the limit
    assert report["no number"].drop("troponin_t").sum() <= 3
    refused: Any = report[["no time", "unknown unit", "impossible value"]]
    assert refused.to_numpy().sum() == 0
    assert list(REASONS) == [name for name in report if name in REASONS]


def test_pieces_do_not_matter(folder, constructed):
    whole = nearest_labs(constructed, folder, chunk=100_000)
    pieces = nearest_labs(constructed, folder, chunk=7_001)
    pd.testing.assert_frame_equal(whole[0], pieces[0])
    pd.testing.assert_frame_equal(whole[1], pieces[1])


def test_patients_have_age_and_sex_and_some_a_size(folder, constructed):
    table: Any
    report: Any
    table, report = demographics_at(constructed, folder)
    assert table["age"].between(18, 100).all()
    assert set(table["male"]) == {0.0, 1.0}
    assert 150 < table["height"].median() < 185
    assert 50 < table["weight"].median() < 110
    assert report.loc["weight", "events"] == 601


def test_admissions_and_their_diagnoses(folder, constructed):
    labels: Any
    report: Any
    labels, known, report = diagnoses_of(constructed, folder)
    assert known.sum() > 20
    assert "I10" in labels or "I50" in labels
    assert labels[known].to_numpy().any()
    assert not labels[~known].to_numpy().any()
    assert (labels.sum() >= 10).all()
    assert report.iloc[:3].sum() == len(constructed)
    assert report["admissions that end before they begin"] == 0
