"""Preparing: complete, resumable after a kill, the same bytes every time, refusals listed."""

import csv
from pathlib import Path

import joblib
import pytest

from ecglearn.data import prepare as preparing
from ecglearn.data.prepare import prepare
from ecglearn.data.store import open_store
from tests.data import layouts

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
