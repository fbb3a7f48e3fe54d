"""Time and memory of a record are bounded by its files.

Rules: patterns are linear; a header has limits on lines, letters and numbers; lengths are compared
with the files before anything is made; a record is in memory three times at most; a rate is
changed by a ratio of small numbers, or not at all.
"""

import time
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.other_formats import other_signal
from ecglearn.data.wfdb.reader import open_record
from ecglearn.data.wfdb.record import read_record
from ecglearn.errors import InputError
from ecglearn.signals.rates import small_rates
from tests.data.wfdb_writer import counts, write
from tests.fuzz.damage import HOSTILE
from tests.fuzz.judge_samples import BITS, stored


def outcome(work, *given, **options):
    """What it gives, or the sentence of its refusal."""
    try:
        return work(*given, **options)
    except InputError as refusal:
        return str(refusal)


@pytest.mark.parametrize("line", HOSTILE)
def test_no_line_takes_long(tmp_path, line):
    path = write(tmp_path, counts(300), comments=line + b"\n# Age: 61\n")
    start = time.process_time()
    found = outcome(read_record, path)
    if isinstance(found, str):
        assert not line.startswith(b"#")  # a comment costs no record
        assert len(found) < 1000
    else:
        assert sum(map(len, found.notes)) < 5000
    assert time.process_time() - start < 1


def test_comments_beyond_the_limits_are_left_out_with_a_note(tmp_path):
    path = write(tmp_path, comments=b"# Dx: 1\n" * 1500 + b"# Dx: " + b"2" * 20_000 + b"\n")
    record = read_record(path)
    assert len(record.comments) == 1000
    assert "501 comments beyond any reason" in record.notes[0]


def long_record(tmp_path, samples: int, middle: str = "16 1000/mV"):
    """A record that is mostly a hole on the disk."""
    path = write(tmp_path, counts(1000), checksums=False)
    header = path.with_suffix(".hea")
    text = header.read_text().replace("rec 12 500 1000\n", f"rec 12 500 {samples}\n")
    header.write_text(text.replace("16 1000/mV", middle))
    with path.with_suffix(".dat").open("r+b") as file:
        file.truncate(24 * samples)
    return path


@pytest.mark.parametrize(
    ("middle", "fs"), [("16 1000/mV", None), ("16 1000/mV", 250), ("61 1000/mV", None)]
)
def test_a_record_is_in_memory_three_times_at_most(tmp_path, middle, fs):
    path = long_record(tmp_path, 2**20, middle)
    read_record(write(tmp_path / "..", counts(300), name=f"{tmp_path.name}x"), fs=fs)  # imports
    tracemalloc.start()
    record = read_record(path, fs=fs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert record.signal.shape[1] == 2**20 * (fs or 500) // 500
    assert peak < 3 * 12 * 2**20 * 4


@pytest.mark.parametrize("promised", [2**21, 2**40, 10**15 - 1])
def test_what_the_file_does_not_hold_is_never_asked_for(tmp_path, promised):
    path = write(tmp_path, counts(300))
    header = path.with_suffix(".hea")
    header.write_text(header.read_text().replace("rec 12 500 300\n", f"rec 12 500 {promised}\n"))
    with pytest.raises(RecordError):
        read_record(path)  # imports
    for middle in ("16", "212", "8", "508"):
        header.write_text(header.read_text().replace("rec.dat 16 ", f"rec.dat {middle} "))
        tracemalloc.start()
        with pytest.raises(RecordError, match=r"cut short|too many to hold"):
            read_record(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()


@pytest.mark.parametrize("fmt", sorted(BITS))
@pytest.mark.parametrize("per_frame", [1, 3])
def test_formats_read_in_pieces_are_those_of_the_manual(tmp_path, fmt, per_frame, monkeypatch):
    rng, frames = np.random.default_rng(fmt), 100
    content = rng.bytes(4 * 12 * per_frame * frames + 4)
    path = write(tmp_path, counts(frames), checksums=False)
    header = path.with_suffix(".hea")
    word = f"{fmt}x{per_frame}+4"
    header.write_text(header.read_text().replace("rec.dat 16 ", f"rec.dat {word} "))
    path.with_suffix(".dat").write_bytes(content)
    flat = stored(content[4:], fmt, 12 * per_frame * frames).reshape(frames, 12, per_frame)
    rows = flat.transpose(1, 0, 2).reshape(12, -1)
    if fmt == 8:
        initial = counts(frames)[0]
        rows = rows.cumsum(1) + initial[:, None]
    for together in (2**20, 1):
        monkeypatch.setattr(f"{other_signal.__module__}._TOGETHER", together)
        np.testing.assert_array_equal(open_record(path).counts, rows)


# rates


@given(
    fs_in=st.floats(1, 100_000, allow_nan=False),
    fs_out=st.one_of(st.floats(1, 1000, allow_nan=False), st.sampled_from([100.0, 250.0, 500.0])),
)
def test_a_ratio_of_rates_is_small_and_true_or_refused(fs_in, fs_out):
    found = outcome(small_rates, fs_in, fs_out)
    if isinstance(found, str):
        assert "do not go to" in found
    else:
        assert max(found) <= 10_000
        assert abs(found[1] / found[0] / (fs_out / fs_in) - 1) < 2e-7


@given(fs_in=st.integers(1, 2000), fs_out=st.integers(1, 2000))
def test_whole_rates_are_changed_to_the_letter(fs_in, fs_out):
    down, up = small_rates(fs_in, fs_out)
    assert Fraction(up, down) == Fraction(fs_out, fs_in)


def test_rates_of_no_small_ratio_ask_for_no_memory(tmp_path):
    for fs_in, fs_out in (("99999.999", 100), ("333.333333", 123.4567), ("99999.999", 61)):
        path = write(tmp_path, counts(1000), fs=fs_in)
        tracemalloc.start()
        found = outcome(read_record, path, fs=fs_out)
        assert not isinstance(found, str) or "do not go to" in found
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()
    slow = write(tmp_path, counts(3000), fs="1")
    with pytest.raises(RecordError, match="too many to hold; take a lower rate"):
        read_record(slow, fs=9000)
