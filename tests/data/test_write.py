"""What is written comes back: through our reader, through the package wfdb, byte by byte."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglearn.cohort import simulate
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.record import read_record
from ecglearn.data.wfdb.write import write_counts, write_record
from ecglearn.signals.leads import LEADS

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 under pandas 3.1
    import wfdb


@pytest.fixture(scope="module")
def ecg() -> np.ndarray:
    return simulate(1, seed=5, fs=500, frames=2).ecg[0]


def test_a_record_comes_back(tmp_path, ecg):
    path = write_record(tmp_path / "a-b_1", ecg, 500, comments=["Age: 63", "#Sex: Female", "Dx: é"])
    assert path == tmp_path / "a-b_1"
    record = read_record(path)
    assert (record.fs, record.age, record.sex, record.text) == (500, 63, "female", "Dx: é")
    assert (record.notes, record.calibrated) == ((), True)
    np.testing.assert_allclose(record.signal, ecg, atol=0.51e-3)
    assert write_record(tmp_path / "a-b_1.hea", ecg, 500) == path


def test_the_bytes_are_these(tmp_path):
    path = write_record(tmp_path / "r", np.array([[1.0, -0.5], [np.nan, 2.0]]), 128.5, leads="XY")
    assert path.with_suffix(".hea").read_bytes() == (
        b"r 2 128.5 2\nr.dat 16 1000/mV 16 0 1000 500 0 X\nr.dat 16 1000/mV 16 0 -32768 34768 0 Y\n"
    )
    stored = np.frombuffer(path.with_suffix(".dat").read_bytes(), "<i2")
    assert stored.tolist() == [1000, -32768, -500, 2000]


def test_the_package_wfdb_reads_the_same(tmp_path, ecg):
    gains = [1000.0, 200.5, *[4000] * 10]
    ecg = ecg.astype(np.float64)
    ecg[3, 100:200] = np.nan
    path = write_record(tmp_path / "rec", ecg, 257, gain=gains, comments=["Age: 40"])
    theirs = wfdb.rdrecord(str(path))
    assert isinstance(theirs, wfdb.Record)
    assert (theirs.fs, theirs.sig_name, theirs.units) == (257, [*LEADS], ["mV"] * 12)
    assert theirs.adc_gain == gains
    assert theirs.comments == ["Age: 40"]
    assert theirs.p_signal is not None
    for row, gain, original in zip(theirs.p_signal.T, gains, ecg, strict=True):
        np.testing.assert_allclose(row, original, atol=0.5001 / gain)
    digital = wfdb.rdrecord(str(path), physical=False)
    assert isinstance(digital, wfdb.Record)
    assert theirs.checksum == digital.calc_checksum()
    record = read_record(path)
    np.testing.assert_array_equal(~record.observed, np.isnan(ecg))
    np.testing.assert_allclose(
        record.signal[record.observed], theirs.p_signal.T[record.observed], atol=1e-6
    )


@given(
    st.lists(st.lists(st.integers(-32_768, 32_767), min_size=3, max_size=3), min_size=1, max_size=4)
)
@settings(max_examples=30)
def test_counts_come_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("counts") / "c"
    names = [f"lead {k}" for k in range(len(rows))]
    write_counts(path, np.array(rows), 100, leads=names, gain=12345.678)
    found = wfdb.rdrecord(str(path), physical=False)
    assert isinstance(found, wfdb.Record)
    assert found.d_signal is not None
    assert found.d_signal.T.tolist() == rows
    assert found.adc_gain == [12345.678] * len(rows)
    assert found.sig_name == names
    assert found.checksum == found.calc_checksum()


def test_gains_may_say_something_else_than_the_counts(tmp_path, ecg):
    counts = np.rint(1000 * ecg)
    write_counts(tmp_path / "liar", counts, 500, gain=np.ptp(counts, axis=1).tolist())
    record = read_record(tmp_path / "liar")
    assert not record.calibrated
    np.testing.assert_allclose(record.signal, ecg, atol=0.51e-3)


def test_what_the_format_cannot_hold_is_refused(tmp_path, ecg):
    def refused(words, *given, write=write_record, **options):
        with pytest.raises(RecordError, match=words) as caught:
            write(*given, **options)
        assert "\n" not in str(caught.value)
        assert not list(tmp_path.iterdir())

    place, tall, endless = tmp_path / "r", ecg.copy(), ecg.copy()
    tall[6, 3], endless[1, 0] = 40, np.inf
    refused(r"V1 reaches 40 mV and format 16 holds 32\.767 mV at 1000 counts", place, tall, 500)
    refused("II reaches inf mV", place, endless, 500)
    refused("letters, digits, - and _ only", tmp_path / "a b", ecg, 500)
    refused("there is no folder", tmp_path / "absent" / "r", ecg, 500)
    refused("does not fit 12 leads", place, ecg[:8], 500)
    refused("one sample or more", place, ecg[:, :0], 500)
    refused(r"'V1\\n' is no name", place, ecg[:1], 500, leads=["V1\n"])
    refused("0 samples per second cannot be", place, ecg, 0)
    refused("nan samples per second", place, ecg, float("nan"))
    refused("a gain is above 0", place, ecg, 500, gain=-1)
    refused("one for each of 12", place, ecg, 500, gain=[1, 2])
    refused("more than one line", place, ecg, 500, comments=["a\nb"])
    refused("whole numbers from -32,768", place, ecg, 500, write=write_counts)
    refused("whole numbers", place, np.full((12, 2), 32_768), 500, write=write_counts)
