"""Whatever happens in one record is its refusal, listed; only the disk and the user stop a run."""

import csv
import errno
import os
from pathlib import Path

import pytest

from ecglearn.data.datasets.csv_rows import LONGEST_CELL
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.store import shards
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import Prepared, prepare
from ecglearn.data.wfdb import reader
from ecglearn.errors import MissingGroupError
from tests.data import layouts

COLUMNS = Columns("records.csv", path="path", report="report")


def data_set(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Good records `a`, `b`, `c`, and a table of them and of other rows."""
    folder.mkdir()
    for name, signal in zip("abc", layouts.signals(3, 100), strict=True):
        layouts.write(folder, signal, name=name, fs="100")
    with (folder / "records.csv").open("w", newline="", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, ["record", "path", "report"], restval="")
        writer.writeheader()
        writer.writerows([{"record": name, "path": name} for name in "ab"])
        writer.writerows(rows)
        writer.writerow({"record": "c", "path": "c"})
    return folder


def made(folder: Path, out: Path) -> tuple[Prepared, dict[str, str]]:
    """What was done, and the reason of each refused record."""
    done = prepare(folder_dataset(COLUMNS), folder, out, workers=1, progress=False)
    with (out / "refused.csv").open(newline="") as file:
        told = {row["record"]: row["reason"] for row in csv.DictReader(file)}
    kept = set(open_store(out).index["record"])
    assert not kept & told.keys()
    assert {"a", "b", "c"} <= kept | told.keys()
    return done, told


def test_a_name_or_a_cell_costs_its_own_record(tmp_path):
    rows = [
        {"record": "long", "path": "x" * 300},
        {"record": "long folder", "path": "y" * 300 + "/a"},
        {"record": "bytes", "path": "a\udcff"},
        {"record": "two\nlines", "path": "a"},
        {"record": "zero", "path": "a\0"},
        {"record": "report", "path": "a", "report": "word " * 28_000},
        {"record": "quoted", "path": "a", "report": 'a "word"\n' * 20_000},
        {"record": "z" * 140_000, "path": "a"},
        {"record": "ends", "path": "a", "report": "x" * LONGEST_CELL},
    ]
    done, told = made(data_set(tmp_path / "data", rows), tmp_path / "out")
    assert done.records == 4
    assert len(told) == 8
    assert "a name of 304 letters" in told["long"]
    assert "long folder" in told
    assert "path is not UTF-8" in told["row 5"]
    assert "not one line of UTF-8 text" in told["two\\nlines"]
    assert "report has 140,000 letters and 100,000 are read" in told["row 8"]
    assert "report has 180,000 letters" in told["row 9"]
    assert "record has 140,000 letters" in told["row 10"]
    assert csv.field_size_limit() == 131_072


def test_names_on_the_disk_may_be_any_bytes(tmp_path):
    folder = data_set(tmp_path / "training", [])
    (folder / "records.csv").unlink()
    for suffix in (".hea", ".dat"):
        source = folder / f"a{suffix}"
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe" + suffix.encode())).write_bytes(
            source.read_bytes()
        )
    done = prepare("challenge", folder, tmp_path / "out", workers=1, progress=False)
    assert (done.records, done.refused) == (3, 1)
    told = (tmp_path / "out" / "refused.csv").read_text()
    assert "\\udcff\\udcfe" in told
    assert "rename it" in told


def header_of(folder: Path, name: str, old: str, new: str) -> None:
    place = folder / f"{name}.hea"
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))


def test_a_header_costs_its_own_record(tmp_path):
    folder = data_set(tmp_path / "data", [])
    header_of(folder, "a", "12 100", "12 99999.999")
    text = (folder / "b.hea").read_text().splitlines()
    words = text[5].split(" ")
    text[5] = " ".join([*words[:6], "1", *words[7:8]])  # no name, another checksum
    (folder / "b.hea").write_text("\n".join(text) + "\n")
    done, told = made(folder, tmp_path / "out")
    assert done.records == 1
    assert "too short" in told["a"]
    assert "channel 5 do not match their checksum" in told["b"]


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("two\nlines"), MemoryError(), OSError(5, "I/O")]
)
@pytest.mark.parametrize("where", ["read_record", "clean_ecg", "finish_record"])
def test_an_unforeseen_error_costs_its_own_record(tmp_path, monkeypatch, error, where):
    folder = data_set(tmp_path / "data", [])
    whole, calls = getattr(shards, where), []

    def fails(*given, **options):
        calls.append(where)
        one = where != "clean_ecg" or len(given[0]) == 1
        if one and len(calls) == {"read_record": 2, "clean_ecg": 3, "finish_record": 2}[where]:
            raise error
        if not one:  # the group that holds the bad one
            raise error
        return whole(*given, **options)

    monkeypatch.setattr(shards, where, fails)
    done, told = made(folder, tmp_path / "out")
    assert done.records == 2
    assert list(told) == ["b"]
    assert f"cannot be read ({type(error).__name__}" in told["b"]
    assert "\n" not in told["b"]


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        MissingGroupError("reading needs wfdb: pip install"),
    ],
)
def test_the_user_the_disk_and_a_missing_package_stop_a_run(tmp_path, monkeypatch, error):
    folder = data_set(tmp_path / "data", [])

    def fails(*_given, **_options):
        raise error

    monkeypatch.setattr(reader, "plain_signal", fails)
    with pytest.raises(type(error)):
        made(folder, tmp_path / "out")
