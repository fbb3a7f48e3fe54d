"""Checkpoints: whole or not at all, and never a silent mismatch."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

import ecglearn
from ecglearn import checkpoint, create
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


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (torch.tensor(3.5), 3.5),
        ((np.int64(1), [np.float64(2)]), [1, [2]]),
    ],
)
def test_numbers_of_numpy_are_stored_as_the_numbers_that_they_are(tmp_path, value, kept):
    save(tmp_path / "a", {}, about={"x": value})
    found = load(tmp_path / "a")[1]["x"]
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.arange(3), lambda: 0])
def test_what_a_file_cannot_hold_is_refused_and_leaves_nothing(tmp_path, value):
    with pytest.raises(CheckpointError, match="cannot hold exactly"):
        save(tmp_path / "a", {}, about={"x": value})
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_with_numbers_of_numpy_comes_back_equal(tmp_path):
    method = create("merl", "smoke", temperature=np.float64(0.2), width=np.int64(32))
    method.save(tmp_path / "w")
    again = ecglearn.load(tmp_path / "w")
    assert again.config == method.config
    assert type(again.config.width) is int


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    """A run writes its state anew after every epoch, and somebody looks in between."""
    path = tmp_path / "x.safetensors"
    save(path, {"x": torch.zeros(3)}, about={"k": 0})
    digest, replaced = checkpoint._digest, []

    def half_old_half_new(tensors, about):
        if replaced:
            return digest(tensors, about)
        replaced.append(True)
        save(path, {"x": torch.ones(3)}, about={"k": 1})
        return "0" * 64

    monkeypatch.setattr(checkpoint, "_digest", half_old_half_new)
    tensors, about = load(path)
    assert about == {"k": 1}
    assert torch.equal(tensors["x"], torch.ones(3))
    monkeypatch.setattr(checkpoint, "_digest", lambda *_: "0" * 64)
    with pytest.raises(CheckpointError, match="damaged"):
        load(path)
