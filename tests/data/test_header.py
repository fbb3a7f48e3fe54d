"""Headers as the world writes them.

Rules: what decides about the samples is read by the letter or refused with field and value; what
is not needed (dates, extensions in the record line, resolutions, absent or zero counts) never costs
the record; checksums are taken over the samples as stored; absent fields get the format's default
and a note.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecglearn.data.store.prepare import prepare
from ecglearn.data.wfdb.checks import BYTES_PER_SAMPLE, RecordError
from ecglearn.data.wfdb.header import Header, parse_header
from ecglearn.data.wfdb.record import read_record
from ecglearn.signals.leads import LEADS
from tests.data.wfdb_writer import counts, write

DIGITAL = counts(1000)
RECORD = "rec 12 500 1000"
PATH = Path("rec.hea")


def changed(tmp_path, old: str, new: str):
    path = write(tmp_path, DIGITAL)
    header = path.with_suffix(".hea")
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    return path


def outcome(text: str) -> Header | str:
    """What a header says, or the sentence of its refusal."""
    try:
        return parse_header(PATH, text.encode())
    except RecordError as refusal:
        return str(refusal)


def same(record):
    np.testing.assert_allclose(record.signal, DIGITAL.T / 1000, atol=1e-6)
    return record


@pytest.mark.parametrize(
    "line",
    [
        "rec 12 500 1000 2006",
        "rec 12 500 1000 2014-05-08 05:05:15",
        "rec 12 500 1000 00:00:00 1/1/199",
        "rec 12 500 1000 08:44:00 07/23/2180",
        "rec 12 500 1000 05-May-2020 09:49:17",
        "rec 12 500 1000 yesterday, about noon",
        "rec.mat 12 500 1000",
        "E07835.mat 12 500 1000 05-May-2020",
        "rec 12 500 0",
        "rec 12 500",
        "rec 12 500 08:44:00 23/07/2180",
        "rec 12 500/1000(12.5) 1000",
        "rec\t12  500.0 1000",
    ],
)
def test_fields_that_are_not_needed_cost_nothing(tmp_path, line):
    record = same(read_record(changed(tmp_path, RECORD, line)))
    assert record.fs == 500


@given(words=st.lists(st.from_regex(r"[!-~]{1,12}", fullmatch=True), max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_follows_the_number_of_samples_costs_nothing(tmp_path, words):
    same(read_record(changed(tmp_path, RECORD, " ".join([RECORD, *words]))))


def test_an_absent_rate_is_said(tmp_path):
    record = read_record(changed(tmp_path, RECORD, "rec 12"))
    assert record.fs == 250
    assert record.notes == (
        "the header gives no sampling rate: 250 Hz assumed, as WFDB prescribes",
    )


@pytest.mark.parametrize("odd", ["x", "16.5", "1e3", "--", "999999999999999999999"])
@pytest.mark.parametrize("field", [0, 2, 4])  # resolution, initial value, block size
def test_odd_numbers_that_nothing_needs_become_a_note(tmp_path, odd, field):
    path = write(tmp_path, DIGITAL)
    header = path.with_suffix(".hea")
    first, *lines = header.read_text().splitlines()
    words = lines[3].split(" ")
    words[3 + field] = odd
    header.write_text("\n".join([first, *lines[:3], " ".join(words), *lines[4:]]) + "\n")
    record = same(read_record(path))
    assert any("channel 4" in note and "not read" in note for note in record.notes)


@given(
    rate=st.one_of(
        st.from_regex(r"[0-9a-z.+-]{1,6}", fullmatch=True),
        st.sampled_from(["nan", "inf", "", "5g0"]),
    )
)
def test_a_rate_is_the_number_that_is_written_or_refused(rate):
    text = f"rec 1 {rate} 10\nrec.dat 16 1000/mV 16 0 0 0 0 I\n"
    found = outcome(text)
    if isinstance(found, str):
        assert "rate" in found or "samples" in found
    else:  # without a rate, the next number is the rate
        assert found.fs == (float(rate) if rate else 10)


@given(gain=st.from_regex(r"[0-9a-z.()/-]{1,10}", fullmatch=True))
def test_a_gain_is_the_number_that_is_written_or_refused(gain):
    text = f"rec 1 500 10\nrec.dat 16 {gain} 16 0 0 0 0 I\n"
    found = outcome(text)
    if isinstance(found, str):
        assert "gain of channel 1" in found
        assert repr(gain) in found
    else:
        number = gain.split("/")[0].split("(")[0]
        assert found.channels[0].gain == (float(number) if number and float(number) else 200)


@given(place=st.integers(0, 4), byte=st.integers(0, 255), field=st.sampled_from(["rate", "gain"]))
def test_a_byte_too_many_never_makes_another_number_in_silence(place, byte, field):
    """Every byte of a field counts: no digits of other scripts, no rest left unread."""
    word = b"1000"[:place] + bytes([byte]) + b"1000"[place:]
    rate, gain = (word, b"1000") if field == "rate" else (b"500", word)
    text = b"rec 1 %b 10\nrec.dat 16 %b/mV 16 0 0 0 0 I\n" % (rate, gain)
    try:
        head = parse_header(PATH, text)
    except RecordError as refusal:
        found = str(refusal)
    else:
        if byte in b" \t\n/(":  # they part fields, or open the next
            return
        assert head.fs == float(rate)
        assert head.channels[0].gain == float(gain)
        return
    assert any(what in found for what in ("rate", "gain", "samples", "channels", "format"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (" 500 ", " ٥٠٠ ", "sampling rate '٥٠٠'"),
        (" 500 ", " 1e400 ", "sampling rate '1e400'"),
        ("1000/mV", "1e-400/mV", "gain of channel 1 is '1e-400/mV'"),
        ("1000/mV", "5００/mV", "gain of channel 1"),
        ("1000/mV", "(0)/mV", "gain of channel 1 is '(0)/mV'"),
        ("1000/mV", "/mV", "gain of channel 1 is '/mV'"),
        (
            "1000/mV 16 0 ",
            "1000/mV 16 x ",
            "zero of the converter of channel 1, on which",
        ),
        (" 1000\n", " 1000.5\n", "number of samples is '1000.5'"),
        (" 1000\n", " 1000-\n", "number of samples is '1000-'"),
        ("16 1000/mV 16 0 ", "8 1000/mV 16 0 x", "initial value of channel 1, on which"),
        (" 16 ", " １６ ", "format of channel 1 is '１６'"),
        ("rec 12", "rec １２", "number of channels is '１２'"),
    ],
)
def test_what_decides_is_read_to_the_last_character(tmp_path, old, new, words):
    with pytest.raises(RecordError) as caught:
        read_record(changed(tmp_path, old, new))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("1000/mV", "1000", "no unit: millivolt assumed"),
        (RECORD, "rec 12 500", "no number of samples"),
        (RECORD, "rec 12 500 0", "no number of samples"),
        (RECORD, "rec 12 500 08:44:00", "no number of samples"),
    ],
)
def test_what_is_absent_is_taken_as_the_format_says_and_noted(tmp_path, old, new, note):
    record = same(read_record(changed(tmp_path, old, new)))
    assert len(record.notes) == 1
    assert note in record.notes[0]


def test_a_zero_that_is_not_the_baseline_may_be_damaged(tmp_path):
    record = same(read_record(changed(tmp_path, "1000/mV 16 0 ", "1000(0)/mV 16 x ")))
    assert "channel 1: zero of the converter 'x' is not read" in record.notes


def test_lines_end_at_line_feeds_only():
    for other in ("\x85", "\x0b", "\x0c", "\u2028", "\x1c"):
        text = f"rec 1 500 10\nrec.dat 16 1000/mV 16 0 0 0 0 I\n# a{other}b\n"
        head = parse_header(PATH, text.encode())
        assert head.comments == (f"# a{other}b",)
    crlf = parse_header(PATH, b"rec 1 500 10\r\nrec.dat 16 1000/mV 16 0 0 0 0 I\r\n# a\r\n")
    assert (crlf.channels[0].name, crlf.comments) == ("I", ("# a",))


def test_headers_without_bound_are_refused_at_once():
    many = "rec 1 500 10\n" + "x\n" * 150_000
    for text in (many, "1" * 100_000, "rec 1 500 " + "9" * 20_000, ""):
        with pytest.raises(RecordError):
            parse_header(PATH, text.encode())


def test_spaces_inside_a_name_stay():
    head = parse_header(PATH, b"r 1 500 10\nr.dat 16 1000(0)/mV 16 0 0 0 0 lead  II of Mr. N\n")
    assert head.channels[0].name == "lead  II of Mr. N"
    short = parse_header(PATH, b"r 1 500 10\nr.dat 16 1000(0)/mV V1\n")
    assert short.channels[0].name == "V1"


def test_bytes_of_formats_are_those_of_the_package():
    from wfdb.io._signal import BYTES_PER_SAMPLE as THEIRS

    assert {
        name: pytest.approx(size) for name, size in THEIRS.items() if name in BYTES_PER_SAMPLE
    } == BYTES_PER_SAMPLE
    assert set(THEIRS) <= set(BYTES_PER_SAMPLE)


# several samples a frame, and skew


def framed(folder, rows, per_frame, fs, *, name="f", skew=0, names=(*LEADS, "RESP")):
    """Channels with several samples in each frame, with the checksums of what is stored."""
    frames = len(rows[0]) // per_frame[0]
    parts = [
        row[k * n : (k + 1) * n]
        for k in range(frames)
        for row, n in zip(rows, per_frame, strict=True)
    ]
    (folder / f"{name}.dat").write_bytes(np.concatenate(parts).astype("<i2").tobytes())
    lines = [f"{name} {len(rows)} {fs} {frames}"]
    for row, n, lead in zip(rows, per_frame, names, strict=False):
        sum_ = (int(row.sum()) + 32768) % 65536 - 32768
        late = f":{skew}" if skew and lead == "V1" else ""
        lines.append(
            f"{name}.dat 16{f'x{n}' if n > 1 else ''}{late} 1000/mV 16 0 0 {sum_} 0 {lead}"
        )
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return folder / name


@pytest.mark.parametrize(
    ("per", "other", "fs"), [(4, 1, 125), (1, 2, 500), (2, 1, 250), (1, 4, 500)]
)
def test_leads_keep_their_rate_and_their_checksums(tmp_path, per, other, fs):
    frames = 1000 // per
    resp = np.arange(frames * other) % 100
    path = framed(tmp_path, [*DIGITAL.T, resp], [per] * 12 + [other], fs)
    record = same(read_record(path))
    assert record.fs == 500
    assert record.notes == ("channels of another rate are left out: RESP",)
    data = path.with_suffix(".dat")
    raw = bytearray(data.read_bytes())
    raw[10] ^= 1
    data.write_bytes(bytes(raw))
    with pytest.raises(RecordError, match="do not match their checksum"):
        read_record(path)


def test_leads_of_unlike_rates_are_refused_with_the_rates(tmp_path):
    rows = [*DIGITAL.T[:11], DIGITAL.T[11, ::2]]
    path = framed(tmp_path, rows, [2] * 11 + [1], 250)
    with pytest.raises(RecordError, match=r"different rates \(250, 500 samples per second\)"):
        read_record(path)


def test_a_skew_is_undone_after_the_checksum_was_compared(tmp_path):
    late = DIGITAL.copy()
    late[10:, 6] = DIGITAL[:-10, 6]
    late[:10, 6] = 7
    record = read_record(framed(tmp_path, list(late.T), [1] * 12, 500, skew=10))
    np.testing.assert_allclose(record.signal[6, :-10], DIGITAL.T[6, :-10] / 1000, atol=1e-6)
    assert not record.observed[6, -10:].any()
    assert record.observed[6, :-10].all()


def test_georgia_as_first_published(tmp_path):
    """`.mat` inside the record line: the name of a record is that of its file."""
    place = tmp_path / "training" / "georgia"
    place.mkdir(parents=True)
    for name in ("E07835", "E00001"):
        path = write(place, counts(5000), name=name, comments=b"# Age: 71\n# Dx: 426783006\n")
        header = path.with_suffix(".hea")
        header.write_text(header.read_text().replace(f"{name} 12", f"{name}.mat 12", 1))
    done = prepare(
        "challenge", tmp_path / "training", tmp_path / "st", workers=1, progress=False, seconds=None
    )
    told = (tmp_path / "st" / "refused.csv").read_text() if done.refused else ""
    assert (done.records, told) == (2, "")
