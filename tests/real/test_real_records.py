"""Every real recording at hand is read, or refused with a sentence."""

import csv

import numpy as np
import pytest

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.find import find_records
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.filters import preprocess, resample
from ecglearn.signals.leads import LEADS, limb_residuals

pytestmark = pytest.mark.real

FOLDERS = {
    "ptbxl-mini/records500": 190,
    "ptbxl-mini/records100": 80,
    "ludb/data": 134,
    "cinc-mini/cinc2021": 28,
    "cinc-mini/cpsc_extra": 15,
    "cinc-mini/cpsc2018": 7,
    "ptbdb-sample": 1,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_12_lead_record_is_read(real_data, folder):
    headers = find_records(real_data / folder)
    assert len(headers) == FOLDERS[folder]
    for header in headers:
        record = read_record(header)
        assert record.leads == LEADS
        assert record.signal.dtype == np.float32
        assert record.signal.shape == record.observed.shape
        assert np.isfinite(record.signal).all()
        seconds = record.signal.shape[1] / record.fs
        assert 9.9 < seconds < 60
        alive = [k for k, lead in enumerate(LEADS) if lead not in record.missing]
        spread = record.signal[alive].std(-1)
        assert 0.005 < np.median(spread) < 2  # millivolt, or something like it
        strength = np.sqrt(record.signal[:6].var(-1).mean())
        rules = limb_residuals(record.signal).std(-1).max() / strength
        assert rules < 0.03 or any("break their rules" in note for note in record.notes)


def test_two_lead_records_are_refused_with_a_sentence(real_data):
    headers = find_records(real_data / "mitdb-mini")
    assert len(headers) == 4
    for header in headers:
        with pytest.raises(RecordError, match=r"not found among MLII, V1.*choose one") as caught:
            read_record(header)
        assert str(header) in str(caught.value)


def test_age_sex_and_diagnosis_of_known_records(real_data):
    ptb = read_record(real_data / "ptbdb-sample" / "s0010_re")
    assert (ptb.age, ptb.sex, ptb.fs, ptb.signal.shape) == (81, "female", 1000, (12, 38400))
    assert "Acute infarction (localization): infero-latera" in ptb.text
    ludb = read_record(real_data / "ludb" / "data" / "1")
    assert (ludb.age, ludb.sex) == (51, "female")
    assert ludb.text.splitlines()[0] == "Rhythm: Sinus bradycardia."
    georgia = read_record(real_data / "cinc-mini" / "cinc2021" / "E07511")
    assert (georgia.age, georgia.sex, georgia.text) == (55, "female", "Dx: 426783006")
    blank = read_record(real_data / "cinc-mini" / "cpsc2018" / "A0001")
    assert (blank.age, blank.sex, blank.text) == (74, "male", "")


def test_ages_and_sexes_of_ludb_match_its_table(real_data):
    with (real_data / "ludb" / "ludb.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 134
    for row in rows:
        record = read_record(real_data / "ludb" / "data" / row["ID"])
        assert record.sex == {"M": "male", "F": "female"}[row["Sex"].strip()]
        if row["Age"].strip().isdigit():
            assert record.age == int(row["Age"])


def test_first_sample_of_ptb_is_what_the_header_says(real_data):
    ptb = read_record(real_data / "ptbdb-sample" / "s0010_re")
    initial = [-489, -458, 31, 474, -260, -214, -88, -241, -112, 212, 393, 390]
    np.testing.assert_allclose(ptb.signal[:, 0], np.array(initial) / 2000, atol=1e-6)


def test_ludb_after_reading_obeys_the_limb_rule_exactly(real_data):
    headers = list(find_records(real_data / "ludb" / "data"))
    assert len(headers) == 134
    for header in headers:
        record = read_record(header)
        assert np.abs(limb_residuals(record.signal)[0]).max() < 1e-5
        assert not record.calibrated
        assert "the size in mV is an estimate" in record.notes[0]


def test_ludb_sizes_on_the_common_scale_are_those_of_ptb_xl(real_data):
    """Why 1 microvolt a count: chest leads of two hospitals' patients then have alike heights."""

    def height(folder: str) -> np.ndarray:
        spans = [np.ptp(read_record(h).signal[6:], -1) for h in find_records(real_data / folder)]
        return np.median(spans, 0)

    ratio = height("ludb/data") / height("ptbxl-mini/records500")
    assert (ratio > 0.75).all()
    assert (ratio < 1.35).all()


@pytest.mark.parametrize("name", ["JS20004", "JS20008"])
def test_flat_chest_leads_are_noted_and_stay_zero(real_data, name):
    record = read_record(real_data / "cinc-mini" / "cinc2021" / name)
    assert record.missing == ("V2", "V4", "V6")
    assert [note for note in record.notes if "flat" in note] == [
        "lead V2 is flat",
        "lead V4 is flat",
        "lead V6 is flat",
    ]
    z = preprocess(record.signal, record.fs, keep=record.observed)
    flat = [LEADS.index(lead) for lead in record.missing]
    assert (z[flat] == 0).all()
    np.testing.assert_allclose(np.delete(z, flat, 0).std(-1), 1, atol=1e-3)


def test_ptb_xl_at_100_hz_is_our_resampling_of_its_500_hz(real_data):
    low = find_records(real_data / "ptbxl-mini" / "records100")
    plain, shifted = [], []
    for header in low:
        name = header.stem.replace("_lr", "_hr") + ".hea"
        high = read_record(real_data / "ptbxl-mini" / "records500" / "00000" / name)
        official = read_record(header).signal
        ours = resample(high.signal, 500, 100)
        assert ours.shape == official.shape == (12, 1000)
        ahead = resample(np.roll(high.signal, -1, -1), 500, 100)  # PTB-XL's runs 2 ms early
        for made, scores in ((ours, plain), (ahead, shifted)):
            scores.append(np.corrcoef(made[:, 20:-20].ravel(), official[:, 20:-20].ravel())[0, 1])
    assert np.median(plain) > 0.99
    assert np.median(shifted) > 0.997
    assert np.median(shifted) > np.median(plain)


@pytest.mark.parametrize(
    "path", ["ptbdb-sample/s0010_re", "cinc-mini/cpsc_extra/Q0017", "ptbxl-mini/records100/00000"]
)
def test_the_default_chain_takes_any_rate_and_length(real_data, path):
    where = real_data / path
    record = read_record(find_records(where)[0] if where.is_dir() else where)
    z = preprocess(record.signal, record.fs)
    assert z.shape == (12, -(-record.signal.shape[1] * 500 // int(record.fs)))
    np.testing.assert_allclose(z.mean(-1), 0, atol=1e-3)
    np.testing.assert_allclose(z.std(-1), 1, atol=1e-3)
