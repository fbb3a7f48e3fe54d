"""Preparing: complete, resumable after a kill, the same bytes every time, refusals listed."""

import csv
import errno
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from sys import modules
from typing import Any

import joblib
import pytest

from ecglearn.data.datasets.base import SkippedRecord
from ecglearn.data.datasets.csv_rows import TableError
from ecglearn.data.datasets.registry import DATASETS
from ecglearn.data.store import shards
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.files import DiskError, holding
from tests.data import layouts

# the function of the same name stands for it in the room
preparing: Any = import_module("ecglearn.data.store.prepare")
FILES = ("store.json", "index.parquet", "signals", "refused.csv")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(preparing, "SHARD", 2)


@pytest.fixture(scope="module")
def ptbxl(tmp_path_factory) -> Path:
    return layouts.ptbxl(tmp_path_factory.mktemp("ptbxl"), 7)


def made(folder, out, **options):
    return prepare("ptbxl-100", folder, out, **{"workers": 1, "progress": False} | options)


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def refused(out: Path) -> dict[str, str]:
    with (out / "refused.csv").open(newline="", encoding="utf-8") as file:
        return {row["record"]: row["reason"] for row in csv.DictReader(file)}


def test_every_record_is_in_the_store_or_refused(ptbxl, tmp_path):
    done = made(ptbxl, tmp_path / "out")
    assert (done.records, done.refused) == (7, 0)
    assert set(content(tmp_path / "out")) == set(FILES)
    store = open_store(tmp_path / "out")
    assert store.index["record"].tolist() == [str(k) for k in range(1, 8)]


def test_same_bytes_for_any_number_of_workers_and_backend(ptbxl, tmp_path):
    made(ptbxl, tmp_path / "one")
    with joblib.parallel_config(backend="threading"):
        made(ptbxl, tmp_path / "threads", workers=3)
    made(ptbxl, tmp_path / "processes", workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "threads")
    assert content(tmp_path / "one") == content(tmp_path / "processes")


def test_the_same_call_runs_on_a_dask_cluster(ptbxl, tmp_path):
    distributed = pytest.importorskip("distributed")
    made(ptbxl, tmp_path / "one")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        made(ptbxl, tmp_path / "dask", workers=-1)
    assert content(tmp_path / "one") == content(tmp_path / "dask")


KILLED = """
import sys, time
from importlib import import_module
from ecglearn.data.store import shards
preparing = import_module("ecglearn.data.store.prepare")
preparing.SHARD = 2
write = shards.write_shard

def slowly(*arguments):
    done = write(*arguments)
    time.sleep(0.3)
    return done

preparing.write_shard = slowly
preparing.prepare("ptbxl-100", sys.argv[1], sys.argv[2], workers=1, progress=False)
"""


def test_killed_and_called_again_nothing_is_lost_or_doubled(ptbxl, tmp_path, monkeypatch):
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(ptbxl), str(out)])
    deadline = time.monotonic() + 60
    while not list(out.glob("shards/0*.arrow")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ready = {path.name: path.stat().st_mtime_ns for path in out.glob("shards/0*.arrow")}
    assert 0 < len(ready) < 4
    with pytest.raises(StoreError, match="call prepare again"):
        open_store(out)
    written = []
    monkeypatch.setattr(
        preparing,
        "write_shard",
        lambda *given: written.append(given[2].name) or preparing_write(*given),
    )
    made(ptbxl, out)
    assert not set(written) & ready.keys()
    assert len(written) + len(ready) == 4
    monkeypatch.undo()
    monkeypatch.setattr(preparing, "SHARD", 2)
    made(ptbxl, tmp_path / "undisturbed")
    assert content(out) == content(tmp_path / "undisturbed")


preparing_write = preparing.write_shard


def test_shards_of_other_settings_or_tables_are_not_taken(ptbxl, tmp_path, monkeypatch):
    out, other = tmp_path / "out", tmp_path / "other"
    monkeypatch.setattr(
        preparing, "join_shards", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        made(ptbxl, out, seconds=8)
    monkeypatch.undo()
    monkeypatch.setattr(preparing, "SHARD", 2)
    assert len(list(out.glob("shards/*.arrow"))) == 4
    made(ptbxl, out)
    made(ptbxl, other)
    assert content(out) == content(other)
    assert not (out / "shards").exists()


def test_killed_while_the_shards_are_joined_it_goes_on_too(ptbxl, tmp_path, monkeypatch):
    out = tmp_path / "out"
    move, moved = Path.replace, []

    def interrupted(self, target):
        if Path(target).parent == out:
            moved.append(target)
            if len(moved) == 3:
                raise KeyboardInterrupt
        return move(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(ptbxl, out)
    monkeypatch.undo()
    monkeypatch.setattr(preparing, "SHARD", 2)
    assert (out / "signals").exists()
    made(ptbxl, out)
    made(ptbxl, tmp_path / "undisturbed")
    assert content(out) == content(tmp_path / "undisturbed")


def test_how_many_are_filtered_together_does_not_show(ptbxl, tmp_path, monkeypatch):
    made(ptbxl, tmp_path / "many")
    monkeypatch.setattr(shards, "TOGETHER", 1)
    made(ptbxl, tmp_path / "alone")
    assert content(tmp_path / "many") == content(tmp_path / "alone")


def broken(folder: Path) -> Path:
    """Ten records: two whole, and one for each way in which a record can be wrong."""
    rows = [layouts.ptbxl_row(number) for number in range(1, 14)]
    rows[2]["filename_lr"] = "../secret"
    rows[3]["filename_lr"] = "/etc/passwd"
    rows[4]["ecg_id"] = "1"
    rows[5]["scp_codes"] = "__import__('os').system('true')"
    rows[6]["strat_fold"] = "11"
    rows[7]["filename_lr"] = "records100/00000/absent"
    rows[11] |= {"patient_id": "0.0", "strat_fold": "10"}  # patient 0 is in fold 1
    layouts.ptbxl(folder, 13, rows)
    place = folder / "records100" / "00000"
    dat = place / "00009_lr.dat"
    dat.write_bytes(dat.read_bytes()[:-100])
    header = place / "00010_lr.hea"
    header.write_text(header.read_text().replace(" 1000\n", " 99999999999\n"))
    header = place / "00011_lr.hea"
    header.write_text(header.read_text().replace("00011_lr.dat", "sub/00011_lr.dat"))
    (folder / "outside.dat").write_bytes((place / "00013_lr.dat").read_bytes())
    (folder / "outside.dat").rename(folder.parent / "outside.dat")
    (place / "00013_lr.dat").unlink()
    (place / "00013_lr.dat").symlink_to(folder.parent / "outside.dat")
    return folder


def test_each_refusal_is_listed_with_its_reason_and_the_rest_goes_on(tmp_path):
    folder = broken(tmp_path / "ptbxl")
    done = made(folder, tmp_path / "out")
    told = refused(tmp_path / "out")
    assert (done.records, done.refused) == (2, 11)
    for record, words in {
        "3": "'../secret' leaves the folder",
        "4": "'/etc/passwd' leaves the folder",
        "1": "the name comes twice",
        "6": "scp_codes are",
        "7": "strat_fold is '11'",
        "8": "there is no file absent.hea",
        "9": "is cut short",
        "10": "too many to hold",
        "11": "'sub/00011_lr.dat' is not beside the header",
        "12": "patient 0 is in train already",
        "13": "link to a place outside",
    }.items():
        assert words in told[record]
        assert "\n" not in told[record]
    assert str(tmp_path) not in "".join(told.values()).replace(f"outside {folder}", "")
    assert open_store(tmp_path / "out").index["record"].tolist() == ["1", "2"]


def test_tables_that_cannot_be_used_are_named(tmp_path):
    folder = layouts.ptbxl(tmp_path / "ptbxl", 2)
    table = folder / "ptbxl_database.csv"
    whole = table.read_bytes()
    table.write_bytes(whole.replace(b"strat_fold", b"fold"))
    with pytest.raises(TableError, match="no column strat_fold"):
        made(folder, tmp_path / "out")
    table.write_bytes(whole + b'3,"')
    with pytest.raises(TableError, match="cannot be read"):
        made(folder, tmp_path / "out")
    lines = whole.splitlines(keepends=True)
    latin = lines[1].replace(b"sinusrhythmus", "überleitung".encode("latin-1"))
    strange = lines[2].replace(b"records100", b"rec\xfcrds100")
    table.write_bytes(lines[0] + latin + b"2,3\n" + strange)
    done = made(folder, tmp_path / "out")
    assert (done.records, done.refused) == (1, 2)
    index = open_store(tmp_path / "out").index
    assert "\ufffdberleitung" in index["report"][0]  # damage in free text costs no record
    assert "characters of the report are lost" in index["notes"][0]
    assert "too few fields" in refused(tmp_path / "out")["row 2"]
    assert "filename_lr is not UTF-8" in refused(tmp_path / "out")["row 3"]
    table.write_bytes(lines[0].replace(b"age", b"sex,age") + lines[1])
    with pytest.raises(TableError, match="more than one column sex"):
        made(folder, tmp_path / "twice")
    table.unlink()
    with pytest.raises(TableError, match=r"no ptbxl_database\.csv"):
        made(folder, tmp_path / "other")


def test_what_cannot_be_is_refused_before_the_work(ptbxl, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(StoreError, match="no data set 'ptb'; there are ptbxl"):
        prepare("ptb", ptbxl, out)
    with pytest.raises(StoreError, match="there is no folder"):
        made(tmp_path / "absent", out)
    for wrong in ({"fs": 10}, {"fs": float("nan")}, {"seconds": 1}, {"test": -0.1}, {"test": 0.95}):
        with pytest.raises(StoreError, match=r"samples per second|2 s|no shares"):
            made(ptbxl, out, **wrong)
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="holds other files"):
        made(ptbxl, out)
    (out / "thesis.txt").unlink()
    made(ptbxl, out)
    with pytest.raises(StoreError, match="already holds a store"):
        made(ptbxl, out)


def test_records_too_short_too_large_or_empty_are_refused(tmp_path):
    folder = layouts.ptbxl(tmp_path / "ptbxl", 3)
    place = folder / "records100" / "00000"
    layouts.write(place, layouts.signals(1, 100)[0][:600], name="00001_lr", fs="100")
    layouts.write(place, 0 * layouts.signals(1, 100)[0], name="00002_lr", fs="100")
    spike = layouts.signals(1, 100)[0]
    layouts.write(place, spike, name="00003_lr", fs="100", gain="1/mV")
    done = made(folder, tmp_path / "out")
    assert done.records == 0
    told = refused(tmp_path / "out")
    assert "6.0 s are too short for the filter, which needs 7.0 s at 100 Hz" in told["1"]
    assert "no lead holds a signal" in told["2"]
    assert "mV" in told["3"]
    assert len(open_store(tmp_path / "out")) == 0


def test_the_command_prints_what_was_done(ptbxl, tmp_path, capsys):
    from ecglearn.cli import main

    main(["prepare", "ptbxl-100", str(ptbxl), str(tmp_path / "out"), "--workers", "1"])
    assert "7 records in" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="already holds a store"):
        main(["prepare", "ptbxl-100", str(ptbxl), str(tmp_path / "out"), "--workers", "1"])


def test_every_source_says_what_a_reader_needs():
    for name, source in DATASETS.items():
        assert source.name == name
        for text in (source.title, source.licence, source.citation, *source.download):
            assert text.strip()
        assert source.files
        assert source.caveats


def interrupted(ptbxl, out, monkeypatch) -> list[Path]:
    """Shards of a call that was stopped before they were joined."""
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "join_shards", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            made(ptbxl, out)
    return sorted(out.glob("shards/*.arrow"))


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "another"])
def test_a_damaged_shard_is_named_and_made_anew(ptbxl, tmp_path, monkeypatch, damage):
    shards_ = interrupted(ptbxl, tmp_path / "out", monkeypatch)
    whole = shards_[1].read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    shards_[1].write_bytes(
        {"empty": b"", "cut": whole[:-7], "one bit": bytes(flipped)}.get(
            damage, shards_[2].read_bytes()
        )
    )
    done = made(ptbxl, tmp_path / "out")
    assert done.remade == (shards_[1].name,)
    assert f"made anew: {shards_[1].name}" in str(done)
    made(ptbxl, tmp_path / "undisturbed")
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


def test_two_calls_into_one_folder(ptbxl, tmp_path):
    out = tmp_path / "out"
    with holding(out), pytest.raises(DiskError, match=r"in use by process \d+ on .* since"):
        made(ptbxl, out)
    assert not out.exists()
    made(ptbxl, out)
    assert set(content(out)) == set(FILES)


def test_a_full_disk_is_one_sentence_and_the_same_call_goes_on(ptbxl, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        left = [2]

        def full(path):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))

        patch.setattr("ecglearn.files.sync", full)
        with pytest.raises(DiskError, match=r"No space left on device\): make room; what was "):
            made(ptbxl, out)
    assert len(list(out.glob("shards/*.arrow"))) >= 1
    assert list(out.glob("**/*.part")) == []
    made(ptbxl, out)
    made(ptbxl, tmp_path / "undisturbed")
    assert content(out) == content(tmp_path / "undisturbed")


def test_a_file_in_the_place_of_a_folder(ptbxl, tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DiskError, match="something else stands in the place"):
            made(ptbxl, out)
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("begins", list("=+-@\t\r"))
def test_no_cell_of_refused_records_is_run_by_a_spreadsheet(tmp_path, begins):
    cell = f"{begins}cmd|' /C calc'!A0"
    (tmp_path / "in").mkdir()
    mine = replace(
        DATASETS["ptbxl-100"], list_records=lambda _: iter([SkippedRecord(cell, cell)] * 2)
    )
    prepare(mine, tmp_path / "in", tmp_path / "out", workers=1, progress=False)
    with (tmp_path / "out" / "refused.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    # a carriage return is written out, so it begins nothing
    said = cell.replace("\r", "\\r") if begins == "\r" else f"'{cell}"
    assert rows[1:] == [[said, said]] * 2


@pytest.mark.parametrize(
    ("progress", "disabled", "hidden"),
    [
        (None, "", False),
        (None, "1", True),
        (True, "1", False),
        (False, "", True),
    ],
)
def test_a_bar_is_shown_unless_it_is_not_wanted(tmp_path, monkeypatch, progress, disabled, hidden):
    class SeenError(Exception):
        pass

    def look(*given):
        assert given[-1] is hidden
        raise SeenError

    layouts.ptbxl(tmp_path / "in", 1)
    monkeypatch.setenv("TQDM_DISABLE", disabled)
    monkeypatch.setattr(modules["ecglearn.data.store.prepare"], "_prepare", look)
    with pytest.raises(SeenError):
        prepare("ptbxl-100", tmp_path / "in", tmp_path / "out", progress=progress)
