"""Records read from files made for the purpose: what is read right, and what is refused."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.find import find_records, first_record
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.leads import EIGHT, LEADS, limb_residuals
from tests.data.wfdb_writer import counts, write

INVALID = -32768  # how format 16 writes "no sample"


def _refused(path, *words: str, **options) -> str:
    with pytest.raises(RecordError) as caught:
        read_record(path, **options)
    message = str(caught.value)
    assert Path(path).name.removesuffix(".hea") in message
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_a_plain_record(tmp_path):
    digital = counts()
    path = write(tmp_path, digital, comments=b"# Age: 61\n# Sex: Male\n# Dx: 426783006\n")
    record = read_record(path)
    assert record.signal.dtype == np.float32
    np.testing.assert_allclose(record.signal, digital.T / 1000, atol=1e-6)
    assert (record.fs, record.leads, record.source) == (500, LEADS, f"{path}.hea")
    assert (record.age, record.sex, record.text) == (61, "male", "Dx: 426783006")
    assert record.observed.all()
    assert (record.missing, record.notes, record.calibrated) == ((), (), True)
    np.testing.assert_array_equal(read_record(f"{path}.hea").signal, record.signal)
    np.testing.assert_array_equal(read_record(str(path)).signal, record.signal)


def test_any_order_spelling_and_further_channels(tmp_path):
    digital = counts()
    order = np.random.default_rng(1).permutation(12)
    names = [f"lead {LEADS[k].lower()}" if k % 2 else LEADS[k].upper() for k in order]
    other = np.random.default_rng(2).integers(-500, 500, (len(digital), 2))
    mixed = np.concatenate([other[:, :1], digital[:, order], other[:, 1:]], 1)
    path = write(tmp_path, mixed, leads=("vx", *names, "RESP"))
    np.testing.assert_allclose(read_record(path).signal, digital.T / 1000, atol=1e-6)


@pytest.mark.parametrize(
    ("gain", "factor"),
    [
        ("1000.0(0)/mv", 1e-3),
        ("1000", 1e-3),
        ("1/uV", 1e-3),
        ("1/µV", 1e-3),
        ("0.001/nV", 1e-3),
        ("1000000/V", 1e-3),
        ("500(20)/mV", 2e-3),
    ],
)
def test_units_and_gains_give_millivolt(tmp_path, gain, factor):
    digital = counts()
    record = read_record(write(tmp_path, digital, gain=gain))
    offset = 20 if "(20)" in gain else 0
    np.testing.assert_allclose(record.signal, (digital.T - offset) * factor, rtol=1e-5, atol=1e-6)
    assert record.calibrated


def test_a_header_without_gain_is_read_but_flagged(tmp_path):
    digital = counts()
    record = read_record(write(tmp_path, digital, gain="0"))
    np.testing.assert_allclose(record.signal, digital.T / 200, rtol=1e-5)
    assert not record.calibrated
    assert "no gain" in record.notes[0]


def test_gains_that_break_the_limb_rules_are_replaced_by_one_scale(tmp_path):
    digital = counts()
    spans = [f"{np.ptp(digital[:, k])}({k})/mV" for k in range(12)]  # every lead spans one "mV"
    record = read_record(write(tmp_path, digital, gain=spans))
    np.testing.assert_allclose(record.signal, digital.T / 1000, atol=1e-6)
    assert abs(limb_residuals(record.signal)[0]).max() < 1e-6
    assert not record.calibrated
    assert "stored integers keep it" in record.notes[0]


def test_a_sample_that_is_not_there_hides_no_wrong_gain(tmp_path):
    digital = counts()
    spans = [f"{np.ptp(digital[:, k])}({k})/mV" for k in range(12)]
    digital[40, 0] = INVALID
    record = read_record(write(tmp_path, digital, gain=spans))
    assert not record.calibrated
    assert "stored integers keep it" in record.notes[0]
    assert not record.observed[0, 40]
    seen = record.observed
    np.testing.assert_allclose(record.signal[seen], digital.T[seen] / 1000, atol=1e-6)


def test_a_sample_that_is_not_there_has_no_size(tmp_path):
    """Its mark would be 328 mV at this gain, which no heart makes."""
    digital = counts() // 10
    digital[40, 7] = INVALID
    record = read_record(write(tmp_path, digital, gain="100"))
    assert record.calibrated
    assert not record.observed[7, 40]


def test_true_gains_that_differ_between_leads_are_left_alone(tmp_path):
    digital = counts()
    gain = np.array([1000, 500, 1000, 500, 2000, 1000] + [1000] * 6)
    stored = digital * gain // 1000
    record = read_record(write(tmp_path, stored, gain=[f"{g}/mV" for g in gain]))
    np.testing.assert_allclose(record.signal, digital.T / 1000, atol=2e-3)
    assert record.calibrated


def test_limb_leads_that_cannot_be_right_either_way_are_noted(tmp_path):
    digital = counts()[:, [0, 2, 1, *range(3, 12)]]
    record = read_record(write(tmp_path, digital))
    assert "swapped" in record.notes[0]
    np.testing.assert_allclose(record.signal, digital.T / 1000, atol=1e-6)


def test_missing_samples_are_bridged_and_remembered(tmp_path):
    digital = counts()
    digital[100:120, 7] = INVALID
    digital[:5, 8] = INVALID
    record = read_record(write(tmp_path, digital))
    assert np.isfinite(record.signal).all()
    assert not record.observed[7, 100:120].any()
    assert record.observed.sum() == record.observed.size - 25
    line = np.interp(np.arange(100, 120), [99, 120], record.signal[7, [99, 120]])
    np.testing.assert_allclose(record.signal[7, 100:120], line, atol=1e-6)
    assert record.missing == ()
    assert record.notes == (
        "lead V2: 20 samples are not finite, bridged",
        "lead V3: 5 samples are not finite, bridged",
    )


def test_limb_rules_are_checked_where_all_limb_leads_are_there(tmp_path):
    digital = counts()
    digital[100:120, 0] = INVALID
    record = read_record(write(tmp_path, digital))
    assert record.notes == ("lead I: 20 samples are not finite, bridged",)
    assert record.calibrated
    swapped = digital[:, [0, 2, 1, *range(3, 12)]]
    record = read_record(write(tmp_path, swapped))
    assert "swapped" in record.notes[0]
    assert "nan" not in record.notes[0]


def test_leads_without_information_are_listed(tmp_path):
    digital = counts()
    digital[:, 7] = 0
    digital[:, 9] = 314
    digital[:, 11] = INVALID
    record = read_record(write(tmp_path, digital), fs=250)
    assert record.missing == ("V2", "V4", "V6")
    assert record.notes == ("lead V2 is flat", "lead V4 is flat", "lead V6 holds no signal")
    assert not record.observed[[7, 9, 11]].any()
    assert record.observed[[0, 6, 8, 10]].all()
    assert np.isfinite(record.signal).all()
    np.testing.assert_allclose(record.signal[9], 0.314, atol=1e-4)


def test_eight_leads_are_completed(tmp_path):
    digital = counts()
    at = [LEADS.index(lead) for lead in EIGHT]
    path = write(tmp_path, digital[:, at], leads=EIGHT)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, digital.T / 1000, atol=1e-3)
    assert "computed from I and II" in record.notes[0]
    digital[50:60, 1] = INVALID
    gap = read_record(write(tmp_path, digital[:, at], leads=EIGHT))
    assert not gap.observed[1:6, 50:60].any()
    assert gap.observed[0].all()


@pytest.mark.parametrize("wanted", [100, 250, 1000])
def test_another_rate_on_request(tmp_path, wanted):
    t = np.arange(5000) / 500
    digital = (1000 * np.sin(2 * np.pi * 3 * t))[:, None] * np.ones(12)
    digital = np.round(digital * [1, 1, 0, -1, 0.5, 0.5, *[1] * 6]).astype(int)
    digital[2500:3000, 6] = INVALID
    record = read_record(write(tmp_path, digital), fs=wanted)
    assert (record.fs, record.signal.shape) == (wanted, (12, 10 * wanted))
    tone = np.sin(2 * np.pi * 3 * np.arange(10 * wanted) / wanted)
    np.testing.assert_allclose(record.signal[1, wanted:-wanted], tone[wanted:-wanted], atol=0.01)
    assert not record.observed[6, 5 * wanted : 6 * wanted].any()
    assert record.observed[6].sum() == 9 * wanted


def test_text_that_is_not_ascii_arrives_whole(tmp_path):
    utf8 = read_record(write(tmp_path, comments="# Dx: linkstyp, Übergang\n".encode()))
    assert utf8.text == "Dx: linkstyp, Übergang"
    assert utf8.notes == ()
    latin = read_record(write(tmp_path, comments="# Dx: linkstyp, Übergang\n".encode("latin-1")))
    assert latin.text == "Dx: linkstyp, Übergang"
    assert "Latin-1" in latin.notes[0]


def test_what_is_not_there_is_said(tmp_path):
    _refused(tmp_path / "absent", "there is no file absent.hea")
    path = write(tmp_path)
    path.with_suffix(".dat").unlink()
    _refused(path, "rec.dat is missing")
    with pytest.raises(RecordError, match="no such folder"):
        find_records(tmp_path / "nowhere")


def test_the_first_record_of_a_folder_says_what_it_passed_over(tmp_path):
    (tmp_path / "aaa.hea").write_text("aaa 2 500 10\n")
    path = write(tmp_path)
    found = first_record(tmp_path)
    assert "passed over" in found.notes[0]
    assert "aaa.hea" in found.notes[0]
    assert found.source == first_record(path).source
    assert first_record(path).notes == ()
    path.with_suffix(".hea").unlink()
    with pytest.raises(RecordError, match=r"no 12-lead record .* the first of 1 .* another path"):
        first_record(tmp_path)
    (tmp_path / "aaa.hea").unlink()
    with pytest.raises(RecordError, match="no 12-lead record below this folder; give"):
        first_record(tmp_path)


def test_fewer_than_twelve_leads_are_refused_by_name(tmp_path):
    path = write(tmp_path, counts()[:, [1, 6]], leads=("MLII", "V1"))
    _refused(path, "not a 12-lead record", "I, V2, V3, V4, V5, V6 not found among MLII, V1", "wfdb")
    doubled = write(tmp_path, counts()[:, [*range(12), 1]], leads=(*LEADS, "MLII"))
    _refused(doubled, "more than one channel is named II")


def test_damage_is_refused(tmp_path):
    path = write(tmp_path)
    dat = path.with_suffix(".dat")
    whole = dat.read_bytes()
    dat.write_bytes(whole[:-1])
    _refused(path, "cut short, 23,999 of 24,000 bytes")
    dat.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    _refused(path, "do not match their checksum", "verify=False")
    assert read_record(path, verify=False).signal.shape == (12, 1000)
    read_record(write(tmp_path, checksums=False))  # zeros stand for "not computed"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b" 1000\n", b" 99999999999\n", "too many to hold"),
        (b" 1000\n", b" 20000000\n", "cut short"),
        (b"rec 12 500", b"rec 13 500", "13 channels are promised but 12 described"),
        (b"rec 12 500", b"rec 0 500", "no signals"),
        (b"rec 12 500", b"rec 12 0", "0 samples per second"),
        (b"rec 12 500", b"rec/2 12 500", "split into segments"),
        (b"rec.dat 16 ", b"../rec.dat 16 ", "'../rec.dat' is not beside the header"),
        (b"rec.dat 16 ", b"/etc/rec.dat 16 ", "'/etc/rec.dat' is not beside the header"),
        (b"rec.dat 16 ", b". 16 ", "'.' is not beside the header"),
        (b"rec.dat 16 ", b".. 16 ", "'..' is not beside the header"),
        (b"rec.dat 16 ", b"rec.dat 17 ", "signal format 17"),
        (b"rec.dat 16 ", b"rec.dat 16:5000 ", "skew"),
        (b"1000/mV", b"1000/mmHg", "mmHg is not a voltage"),
        (b"1000/mV", b"1e-5/mV", "cannot come from a body surface"),
        (b"rec 12 500", b"rec 12 5g0", "sampling rate '5g0' is no number"),
        (b"rec 12 500", b"rec 12 nan", "sampling rate 'nan'"),
        (b"rec 12 500", b"rec 12 -500", "-500 samples per second"),
        (b"rec 12 500", b"rec 12 50\xb0", "sampling rate '50°'"),
        (b"rec 12 500 1000", b"rec 12 500 1e3", "number of samples is '1e3'"),
        (b"1000/mV", b"abc", "gain of channel 1 is 'abc'"),
        (b"1000/mV", b"inf/mV", "gain of channel 1 is 'inf/mV'"),
        (b"1000/mV", b"1000(10249/mV", "gain of channel 1"),
        (b"1000/mV", b"-1000/mV", "below zero"),
    ],
)
def test_headers_that_promise_what_cannot_be(tmp_path, old, new, words):
    path = write(tmp_path)
    header = path.with_suffix(".hea")
    header.write_bytes(header.read_bytes().replace(old, new))
    _refused(path, words)


def test_long_records_are_refused_before_they_are_read(tmp_path):
    path = write(tmp_path)
    assert read_record(path, longest=2).signal.shape == (12, 1000)
    _refused(path, "2 s are more than the 1 s that are read at once", longest=1)
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace("rec 12 500 1000\n", "rec 12 500\n"))
    assert read_record(path).signal.shape == (12, 1000)  # the file decides
    _refused(path, "2 s are more than", longest=1)
    with path.with_suffix(".dat").open("r+b") as file:
        file.truncate(24 * 2**28)  # takes no room on the disk
    _refused(path, "too many to hold")


NO_LINE = "not a WFDB header, it has no line; check that this is the file"
NO_COUNT = "not a WFDB header, its number of channels is {}; check that this is the right file"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", NO_LINE),
        (b"\n\n", NO_LINE),
        (b"# only a comment\n", NO_LINE),
        (b"\x89PNG\r\n\x1a\n" * 50, NO_COUNT.format("''")),
        (b"{}", NO_COUNT.format("''")),
        (b"#" * 1_000_001, "more than 1,000,000 bytes; check that this is a header"),
    ],
)
def test_headers_that_are_no_headers(tmp_path, content, sentence):
    header = tmp_path / "rec.hea"
    header.write_bytes(content)
    assert _refused(header) == f"{header}: {sentence}"


def test_broken_headers_never_raise_anything_else(tmp_path):
    path = write(tmp_path)
    good = path.with_suffix(".hea").read_bytes()
    signal = path.with_suffix(".dat").read_bytes()
    chance = random.Random(7)
    words = [
        b"",
        b"0",
        b"-1",
        b"nan",
        b"1e30",
        b"999999999999",
        b"\xff\xfe",
        b"#",
        b"\n",
        b"16x4",
        b"508",
    ]
    outcome = {"read": 0, "refused": 0}
    messages: list[str] = []
    for _ in range(150):
        fields = good.split(b" ")
        for _ in range(chance.randint(1, 3)):
            fields[chance.randrange(len(fields))] = chance.choice(words)
        path.with_suffix(".hea").write_bytes(b" ".join(fields))
        keep = len(signal) if chance.random() < 0.8 else chance.randrange(len(signal))
        path.with_suffix(".dat").write_bytes(signal[:keep])
        try:
            record = read_record(path, verify=chance.random() < 0.5)
        except RecordError as error:
            messages.append(str(error))
            outcome["refused"] += 1
        else:
            assert np.isfinite(record.signal).all()
            outcome["read"] += 1
    assert min(outcome.values()) > 5
    assert not any("\n" in message for message in messages)


def test_find_records_looks_into_folders_and_sorts(tmp_path):
    for name in ("b", "a/2", "a/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write((tmp_path / name).parent, name=Path(name).name)
    found = [path.relative_to(tmp_path).as_posix() for path in find_records(tmp_path)]
    assert found == ["a/1.hea", "a/2.hea", "b.hea"]
    assert find_records(tmp_path / "a")[0] == tmp_path / "a" / "1.hea"


def test_without_wfdb_one_sentence_names_the_extra(tmp_path, monkeypatch):
    path = write(tmp_path)
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ecglearn\[data\]'"):
        read_record(path)


@pytest.mark.parametrize("room", ["ecglearn.signals.r_peaks", "ecglearn.data.wfdb.record"])
def test_importing_does_not_load_what_is_only_needed_later(room):
    code = (
        f"import sys, {room}, ecglearn.signals.filters, ecglearn.signals.augment\n"
        "heavy = {'pandas', 'wfdb', 'sleepecg', 'matplotlib', 'sklearn', 'plotly'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
