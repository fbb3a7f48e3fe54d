"""Checkpoints: whole or not at all, and never a silent mismatch."""

import pickle

import pytest
import torch
from torch import nn

from ecglearn.checkpoint import CheckpointError, cache_file, load, load_weights, save


def test_round_trip(tmp_path):
    layer = nn.Linear(3, 2)
    path = tmp_path / "deep" / "a.safetensors"
    save(path, layer.state_dict(), about={"n": 3, "list": [1, 2]})
    tensors, about = load(path)
    assert about == {"n": 3, "list": [1, 2]}
    other = nn.Linear(3, 2)
    load_weights(other, tensors, source=path)
    assert torch.equal(other.weight, layer.weight)
    assert [p.name for p in path.parent.iterdir()] == ["a.safetensors"]


def test_shared_tensors_can_be_saved(tmp_path):
    x = torch.ones(3)
    save(tmp_path / "x", {"a": x, "b": x}, about={})
    assert set(load(tmp_path / "x")[0]) == {"a", "b"}


def test_mismatch_lists_both_sides():
    tensors = {"weight": torch.ones(2, 4), "extra": torch.ones(1)}
    with pytest.raises(CheckpointError) as error:
        load_weights(nn.Linear(3, 2), tensors, source="some file")
    text = str(error.value)
    for part in ("some file", "weight (2, 3)", "bias (2,)", "weight (2, 4)", "extra (1,)"):
        assert part in text


def test_damaged_foreign_and_pickled_files_are_refused(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load(path)
    for content in (b"", b"garbage" * 40, pickle.dumps({"a": 1})):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a readable checkpoint"):
            load(path)
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match="no description"):
        load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    save(path, {"a": torch.ones(1)}, about={})
    with pytest.raises(TypeError):
        save(path, {"a": torch.zeros(1)}, about={1j: object})  # pyright: ignore[reportArgumentType]
    assert float(load(path)[0]["a"]) == 1


def test_cache_key_depends_on_every_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path))
    names = {cache_file("a", seed=s, lr=lr) for s in (0, 1) for lr in (0.1, 0.2)}
    assert len(names) == 4
    assert cache_file("a", seed=0, lr=0.1) == cache_file("a", lr=0.1, seed=0)
    assert all(name.parent == tmp_path for name in names)
