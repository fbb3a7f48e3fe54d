"""Records whose header is legal and whose content is not to be believed.

Rules: what no heart, chest, electrode or electrocardiograph makes is noted, and amplitudes that
cannot be are not called calibrated; the limb leads that are there are checked against each other;
a channel name that is no lead is said to be one; the reason of a refusal is the true one.
"""

import os
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.millivolt import to_millivolt
from ecglearn.data.wfdb.reader import open_record
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.leads import LEADS
from tests.data.wfdb_writer import counts, write

DIGITAL = counts(1000)
MANY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    lead=st.integers(0, 11),
    gain=st.sampled_from(["3/mV", "1e12/mV", "1000/V", "1000(5000000)/mV", "1000/nV"]),
)
@MANY
def test_amplitudes_that_no_body_makes_are_noted(tmp_path, lead, gain):
    gains = ["1000/mV"] * 12
    gains[lead] = gain
    record = read_record(write(tmp_path, DIGITAL, gain=gains))
    assert not record.calibrated
    said = "; ".join(record.notes)
    assert LEADS[lead] in said or "integers used" in said


def test_all_leads_wrong_alike_are_noted_too(tmp_path):
    for gain in ("0.5/mV", "1e9/mV", "1000(-7000000)/mV", "1000/nV"):
        record = read_record(write(tmp_path, DIGITAL, gain=gain))
        assert not record.calibrated
        assert len([note for note in record.notes if "cannot be right" in note]) == 12


def test_an_artefact_says_nothing_about_the_gain(tmp_path):
    digital = DIGITAL.copy()
    digital[:400, 7] += 32_000 - digital[:, 7].max()  # an electrode off for less than half of it
    record = read_record(write(tmp_path, digital))
    assert (record.calibrated, record.notes) == (True, ())
    few = DIGITAL.copy()
    few[:, 7] = np.arange(1000) % 2  # one microvolt of nothing
    assert read_record(write(tmp_path, few)).calibrated


@pytest.mark.parametrize("rate", ["1", "49.9", "20001", "100000", "99999.999"])
def test_rates_of_no_electrocardiograph_are_noted(tmp_path, rate):
    record = read_record(write(tmp_path, DIGITAL, fs=rate))
    assert record.fs == float(rate)
    assert "no electrocardiograph writes so" in record.notes[0]
    assert record.calibrated


@pytest.mark.parametrize("rate", ["50", "61", "100", "257", "1000", "16384", "20000"])
def test_rates_of_some_electrocardiograph_are_not(tmp_path, rate):
    assert read_record(write(tmp_path, DIGITAL, fs=rate)).notes == ()


# the limb leads that are there


@given(
    hurt=st.sets(st.sampled_from(["III", "aVR", "aVL", "aVF"]), min_size=0, max_size=3),
    mark=st.sampled_from(["~", "\x7f", "x", "-", "\xb0"]),
)
@MANY
def test_damaged_names_do_not_switch_off_the_check_of_gains(tmp_path, hurt, mark):
    spans = [f"{np.ptp(DIGITAL[:, k])}({k})/mV" for k in range(12)]
    names = tuple(mark + lead if lead in hurt else lead for lead in LEADS)
    record = read_record(write(tmp_path, DIGITAL, gain=spans, leads=LEADS))
    header = tmp_path / "rec.hea"
    text = header.read_text()
    for lead, name in zip(LEADS, names, strict=True):
        text = re.sub(rf" {lead}$", f" {name}", text, flags=re.MULTILINE)
    header.write_text(text)
    record = read_record(tmp_path / "rec")
    assert not record.calibrated
    np.testing.assert_allclose(record.signal, DIGITAL.T / 1000, atol=2e-3)
    said = "; ".join(record.notes)
    assert "stored integers keep it" in said
    assert "not in the file" not in said
    for lead in hurt:
        assert f"{mark}{lead}" in said


def test_a_lead_that_is_there_is_not_computed(tmp_path):
    digital = DIGITAL.copy()
    digital[:, 5] += np.random.default_rng(0).integers(-4, 5, len(digital))  # aVF, its own noise
    path = write(tmp_path, digital)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace(" aVL\n", " a~L\n"))
    record = read_record(path)
    np.testing.assert_allclose(record.signal[5], digital[:, 5] / 1000, atol=1e-6)
    np.testing.assert_allclose(record.signal[4], DIGITAL[:, 4] / 1000, atol=2e-3)
    assert record.notes == (
        "no channel is named aVL: computed from I and II; channels whose names are no leads: a~L",
    )


def test_a_name_that_is_no_lead_is_said_to_be_one(tmp_path):
    path = write(tmp_path, DIGITAL)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace(" V3\n", " V\xb3\n"))
    with pytest.raises(RecordError, match=r"V3 not found among .* \(V\xb3 are names of no lead\)"):
        read_record(path)


def test_blocks_do_not_show(tmp_path, monkeypatch):
    digital = counts(5000)
    digital[:70, 2] = -32768
    for gain in ("1000(3)/mV", [f"{np.ptp(row)}/mV" for row in digital.T]):
        path = write(tmp_path, digital, gain=gain)
        whole = read_record(path)
        with monkeypatch.context() as patch:
            patch.setattr(f"{to_millivolt.__module__}._BLOCK", 64)
            parts = read_record(path)
        np.testing.assert_array_equal(whole.signal, parts.signal)
        np.testing.assert_array_equal(whole.observed, parts.observed)
        assert (whole.notes, whole.calibrated) == (parts.notes, parts.calibrated)


# true reasons


def test_what_stands_in_the_place_of_a_file_is_named(tmp_path):
    path = write(tmp_path)
    for suffix in (".dat", ".hea"):
        place = path.with_suffix(suffix)
        content = place.read_bytes()
        place.unlink()
        for make, words in (
            (lambda place=place: None, r"is missing|there is no file"),
            (place.mkdir, "is a folder"),
            (lambda place=place: os.mkfifo(place), "is a pipe"),
            (lambda place=place: place.symlink_to("/dev/null"), "is a device"),
            (lambda place=place: place.symlink_to("absent"), "is a link that leads nowhere"),
            (lambda place=place: place.symlink_to(place), "is a link that leads to itself"),
        ):
            make()
            with pytest.raises(RecordError, match=words) as caught:
                read_record(path)
            assert ("missing" in str(caught.value)) <= ("missing" in words)
            if place.is_symlink() or place.exists():
                place.rmdir() if place.is_dir() else place.unlink()
        place.write_bytes(content)
    with pytest.raises(RecordError, match="a name of 304 letters, more than a file can have"):
        read_record(tmp_path / ("a" * 300))
    with pytest.raises(RecordError, match="a name that no file can have"):
        read_record(tmp_path / "a\0b")


def test_a_file_has_one_format_and_one_offset(tmp_path):
    path = write(tmp_path, checksums=False)
    header = path.with_suffix(".hea")
    whole = header.read_text()
    for word, what in (("61", "format, 16, 61"), ("16+2", "byte offset, 0, 2")):
        header.write_text(whole.replace("rec.dat 16 ", f"rec.dat {word} ", 1))
        with pytest.raises(RecordError, match=f"more than one {what}"):
            read_record(path)


def test_what_is_left_in_a_file_is_noted(tmp_path):
    path = write(tmp_path, checksums=False)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace("rec 12 500 1000\n", "rec 12 500 100\n"))
    record = read_record(path)
    assert record.signal.shape == (12, 100)
    assert record.notes[0].startswith("rec.dat holds 1,000 samples, of which the header promises")


@pytest.mark.parametrize("end", [b"\x85", b"\x0b", b"\x0c", "\u2028".encode(), b"\x1c", b"\r"])
def test_only_line_feeds_end_a_line(tmp_path, end):
    path = write(tmp_path, comments=b"# Dx: 1" + end + b"V9 more\n")
    assert read_record(path).text.startswith("Dx: 1")
    assert len(open_record(path).comments) == 1
