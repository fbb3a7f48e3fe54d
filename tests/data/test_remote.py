"""A store in an object store, by the memory file system of fsspec: the same records."""

import numpy as np
import pandas as pd
import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem

from ecglearn.cli import main
from ecglearn.data.store.format import StoreError
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.errors import MissingGroupError
from ecglearn.registry import create
from ecglearn.train import fit
from tests.data import layouts


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ptbxl")
    rows = [layouts.ptbxl_row(k, report=f"sinus rhythm, report {k}") for k in range(1, 25)]
    layouts.ptbxl(folder / "in", 24, rows)
    prepare("ptbxl-100", folder / "in", folder / "out", workers=1, progress=False)
    return folder / "out"


@pytest.fixture
def system(local):
    memory = MemoryFileSystem()
    memory.put(str(local), "/bucket/store", recursive=True)
    yield memory
    memory.rm("/bucket", recursive=True)


def test_records_are_the_same(local, system):
    here, there = open_store(local), open_store("memory://bucket/store")
    assert there.label_sets == here.label_sets
    rows = np.array([7, 2, 2, 19])
    assert torch.equal(here[rows].ecg, there[rows].ecg)
    assert here[rows].names == there[rows].names
    assert torch.equal(there.split("test")[:].ecg, here.split("test")[:].ecg)
    assert there.damaged() == []


def test_only_what_is_needed_is_read(system, monkeypatch):
    asked = []
    ranges = MemoryFileSystem.cat_ranges

    def counted(self, paths, starts, ends, **more):
        asked.extend(b - a for a, b in zip(starts, ends, strict=True))
        return ranges(self, paths, starts, ends, **more)

    monkeypatch.setattr(MemoryFileSystem, "cat_ranges", counted)
    store = open_store("memory://bucket/store")
    assert asked == []
    store[[3, 5]]
    assert asked == [24_000, 24_000]


def test_methods_train_and_embed_from_there(local, system, tmp_path):
    found = []
    for place in (local, "memory://bucket/store"):
        torch.manual_seed(0)
        method = create("merl", "smoke")
        fit(method, open_store(place), epochs=1, batch_size=8, progress=False)
        found.append(method.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    method.save(tmp_path / "w")
    words = ["embed", str(tmp_path / "w"), "--data", "memory://bucket/store"]
    main([*words, "--out", str(tmp_path / "e.parquet")])
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 24


def test_what_is_not_there_or_damaged_is_one_sentence(system):
    with pytest.raises(StoreError, match=r"no store memory://bucket/nothing that can be read"):
        open_store("memory://bucket/nothing")
    with pytest.raises(MissingGroupError, match="needs another package"):
        open_store("abfs://bucket/store")
    whole = system.cat_file("/bucket/store/signals")
    system.pipe_file("/bucket/store/signals", whole[:-2])
    with pytest.raises(StoreError, match="do not belong together"):
        open_store("memory://bucket/store")
    system.pipe_file("/bucket/store/signals", whole)
    store = open_store("memory://bucket/store")
    system.pipe_file("/bucket/store/signals", b"\x55" + whole[1:])
    with pytest.raises(StoreError, match="not what was written"):
        store[[0]]
    system.pipe_file("/bucket/store/signals", whole[:100])
    with pytest.raises(StoreError, match="shorter than its index says"):
        store[[1]]
    system.rm("/bucket/store/signals")
    with pytest.raises(StoreError, match=r"cannot be read .*: look at the network"):
        store[[2]]
