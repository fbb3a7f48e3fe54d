"""Hostile and damaged files: a record or one sentence, never anything else."""

import ast
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecglearn.data
from ecglearn.data.datasets.base import RecordMeta, SkippedRecord
from ecglearn.data.datasets.csv_rows import TableError
from ecglearn.data.datasets.ptbxl import list_records
from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.header import Header
from ecglearn.data.wfdb.reader import open_record
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.signals.leads import LEADS
from tests.data import layouts
from tests.data.wfdb_writer import counts, write

SMALL = counts(300)
FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4)


def changed(content: bytes, flips: list[tuple[float, int]], cut: float) -> bytes:
    """Some bytes differ in some bits, and the end is missing."""
    damaged = bytearray(content)
    for place, bits in flips:
        damaged[int(place * len(damaged))] ^= bits
    return bytes(damaged[: int(cut * len(damaged))])


def outcome(path: Path, **options) -> ECGRecord | str:
    """The record, or the sentence of its refusal; anything else fails the test."""
    try:
        return read_record(path, **options)
    except RecordError as refusal:
        return str(refusal)


@given(
    header=FLIPS,
    data=FLIPS,
    cuts=st.tuples(*[st.sampled_from([1, 1, 1, 0.9, 0.3, 0])] * 2),
    verify=st.booleans(),
)
@settings(max_examples=150)
def test_flipped_and_missing_bytes_give_a_record_or_a_sentence(header, data, cuts, verify):
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name), SMALL, comments=b"# Age: 61\n# Dx: 426783006\n")
        for suffix, flips, cut in ((".hea", header, cuts[0]), (".dat", data, cuts[1])):
            file = path.with_suffix(suffix)
            file.write_bytes(changed(file.read_bytes(), flips, cut))
        found = outcome(path, verify=verify, root=name)
    if isinstance(found, str):
        assert "\n" not in found
        assert len(found) < 1000
    else:
        assert found.signal.shape == found.observed.shape
        assert found.signal.shape[0] == 12
        assert np.isfinite(found.signal).all()
        assert found.leads == LEADS


WORDS = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "12",
        "500",
        "1e9",
        "nan",
        "16",
        "212",
        "16+24",
        "16x2",
        "16:3",
        "1000/mV",
        "200(0)/mV",
        "1000.0(-3)/uV",
        "0/mV",
        "~",
        ".",
        "..",
        "rec.dat",
        "/dev/zero",
        "../rec.dat",
        "rec",
        "I",
        "II",
        "99999999999999999999",
        "é",
        "\0",
    ]
)


@given(edits=st.lists(st.tuples(st.integers(0, 110), WORDS), min_size=1, max_size=3))
@settings(max_examples=150)
def test_words_replaced_in_a_header_give_a_record_or_a_sentence(edits):
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name), SMALL)
        header = path.with_suffix(".hea")
        words = header.read_text().split(" ")
        for place, word in edits:
            words[place % len(words)] = word
        header.write_text(" ".join(words))
        found = outcome(path, root=name)
    assert "\n" not in found if isinstance(found, str) else np.isfinite(found.signal).all()


GAINS = st.sampled_from(["1000/mV", "200(5)/mV", "1000.0(0)/mv", "0.5/uV", "1000", "4.88(-7)/uV"])
RATES = st.sampled_from(["500", "257", "128.5", "1000 300 12:00:00", "500 300 1:02:03 01/02/1999"])


@given(gain=GAINS, rate=RATES, gap=st.integers(0, 299), offset=st.sampled_from([0, 24]))
@settings(max_examples=25)
def test_the_direct_parser_reads_what_wfdb_reads(gain, rate, gap, offset):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        digital = SMALL.copy()
        digital[gap, 3] = -32768
        path = write(Path(name), digital, gain=gain)
        header, file = path.with_suffix(".hea"), path.with_suffix(".dat")
        first, *rest = header.read_text().splitlines()
        text = "\n".join([" ".join(["rec 12", rate, *([] if " " in rate else ["300"])]), *rest])
        header.write_text(text.replace("rec.dat 16 ", f"rec.dat 16+{offset} "))
        file.write_bytes(bytes(offset) + file.read_bytes())
        assert first.endswith(" 300")
        direct = open_record(path)
        patch.setattr(Header, "plain", False)
        general = open_record(path)
    np.testing.assert_array_equal(direct.counts, general.counts)
    np.testing.assert_array_equal(direct.physical, general.physical)
    assert (direct.fs, direct.names, direct.units) == (general.fs, general.names, general.units)


@pytest.fixture(scope="module")
def ptbxl_tables(tmp_path_factory) -> Path:
    rows = [layouts.ptbxl_row(number) for number in range(1, 5)]
    return layouts.ptbxl(tmp_path_factory.mktemp("tables"), 1, rows)


@given(flips=FLIPS, cut=st.sampled_from([1, 1, 0.9, 0.5]), which=st.booleans())
@settings(max_examples=150)
def test_damaged_tables_give_entries_refusals_or_a_sentence(ptbxl_tables, flips, cut, which):
    table = ptbxl_tables / ("ptbxl_database.csv" if which else "scp_statements.csv")
    whole, told = table.read_bytes(), ""
    try:
        table.write_bytes(changed(whole, flips, cut))
        for entry in list_records(ptbxl_tables, rate=100):
            assert isinstance(entry, RecordMeta | SkippedRecord)
            assert entry.record
    except TableError as refusal:
        told = str(refusal)
    finally:
        table.write_bytes(whole)
    assert "\n" not in told


def test_links_are_followed_only_inside_the_folder(tmp_path):
    inside, outside = tmp_path / "data", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    path = write(outside)
    (inside / "rec.hea").symlink_to(path.with_suffix(".hea"))
    with pytest.raises(RecordError, match=r"rec\.hea is a link to a place outside"):
        read_record(inside / "rec", root=inside)
    (inside / "rec.hea").unlink()
    write(inside)
    (inside / "rec.dat").unlink()
    (inside / "rec.dat").symlink_to(path.with_suffix(".dat"))
    with pytest.raises(RecordError, match=r"rec\.dat is a link to a place outside"):
        read_record(inside / "rec", root=inside)
    assert read_record(inside / "rec").signal.shape == (12, 1000)
    (inside / "rec.dat").unlink()
    (inside / "store").mkdir()
    path.with_suffix(".dat").rename(inside / "store" / "rec.dat")
    (inside / "rec.dat").symlink_to(inside / "store" / "rec.dat")
    assert read_record(inside / "rec", root=inside).signal.shape == (12, 1000)


def test_nothing_is_unpickled_on_the_way_in():
    """No module of the room imports pickle, or asks numpy or torch to."""
    room = Path(ecglearn.data.__path__[0])
    files = list(room.rglob("*.py"))
    assert {path.parent for path in files} > {room, room / "store", room / "wfdb"}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "shelve", "marshal", "dill", "cloudpickle"} & set(names)
            if isinstance(node, ast.Attribute):
                known = ("json.load", "np.load", "nibabel.load")
                assert node.attr not in ("read_pickle", "load") or ast.unparse(node) in known
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                assert "allow_pickle=False" in map(ast.unparse, node.keywords), path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert ast.unparse(node.value) == "False", path
