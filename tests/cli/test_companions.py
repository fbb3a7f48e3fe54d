"""`ecglearn join`, then the methods that learn from companions, trained on that store."""

import shutil
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import torch

from ecglearn.cli import main
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.method import Method
from ecglearn.methods.clinical_transfer import ClinicalTransfer, ClinicalTransferConfig
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.registry import load
from ecglearn.train import fit
from tests.data import layouts
from tests.data.constructed import constructed_pairs

COUNT = 60
SMOKE = ("--preset", "smoke", "--epochs", "1", "--batch-size", "16")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Sixty ECGs with films and values of other simulated patients: constructed pairs."""
    folder = tmp_path_factory.mktemp("companions")
    main(constructed_pairs(folder, COUNT))
    return folder / "out"


def trained(store, name, out, *more):
    main(["train", name, "--data", str(store), "--out", str(out), *SMOKE, *more])
    return out / "weights.safetensors"


def test_join_says_what_it_did(store, capsys):
    with pytest.raises(SystemExit, match="has companions already"):
        main(["join", str(store), "--films", str(store.parent / "films.csv")])
    with pytest.raises(SystemExit, match="nothing to join"):
        main(["join", str(store)])
    words = ["--films", str(store.parent / "films.csv"), "--size", "999", "--overwrite"]
    with pytest.raises(SystemExit, match="no film of 26 phases and 999 pixels"):
        main(["join", str(store), *words, "--workers", "1"])
    main(["check", str(store), "--full"])
    assert "as written" in capsys.readouterr().out


def test_ptacl_learns_from_films_of_a_store(store, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    model = load(trained(store, "ptacl", tmp_path, "--best"))
    said = capsys.readouterr().err
    training = open_store(store).split("train")
    without = int((~training.has_film).sum())
    assert without > 0
    assert f"left out: {without} records without a film" in said
    assert f"ptacl, joint: {len(training) - without} records" in said
    films = training.with_films()
    assert isinstance(model, PTACL)
    ecg, cine = model.project(films[:4])
    assert ecg.shape == cine.shape
    assert torch.isfinite(cine).all()


def test_clinical_transfer_learns_from_any_columns(store, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    model = load(trained(store, "clinical-transfer", tmp_path, "--workers", "1"))
    said = capsys.readouterr().err
    assert "missing: " in said
    assert "laboratory values; 0 of" in said
    config = model.config
    assert isinstance(config, ClinicalTransferConfig)
    assert (config.flags, config.columns, config.categories) == (6, 2, (2,))
    assert config.diagnoses == 5
    batch = open_store(store)[:4]
    assert isinstance(model, ClinicalTransfer)
    diagnoses, flags = model.predict(batch)
    assert diagnoses.shape == (4, 5)
    assert flags.shape == (4, 6)


def test_the_same_run_in_python(store, tmp_path):
    """`fit` on the store is what the command does: the same weights."""
    weights = trained(store, "clinical-transfer", tmp_path)
    records = open_store(store).split("train")
    torch.manual_seed(0)
    config = ClinicalTransferConfig.preset("smoke").for_data(records[slice(0, 1)])
    method: Method = ClinicalTransfer(config)
    recipes = ClinicalTransfer.recipe("smoke")
    for (_, stage), recipe in zip(method.stages(), recipes, strict=True):
        numbers: Any = recipe.arguments() | {"epochs": 1, "batch_size": 16}
        fit(stage, records, seed=0, **numbers)
    for key, value in load(weights).state_dict().items():
        torch.testing.assert_close(method.state_dict()[key], value)


def test_ptacl_in_python_reads_films_itself(store):
    records = open_store(store).split("train")
    method = PTACL(PTACLConfig.preset("smoke"))
    before = {k: v.clone() for k, v in method.state_dict().items()}
    history = fit(method, records, epochs=1, batch_size=16, progress="none")
    assert history.steps == int(records.has_film.sum()) // 16
    after = method.state_dict()
    assert any(not torch.equal(before[k], after[k]) for k in before if "cine_encoder" in k)


def test_films_that_a_configuration_cannot_read(store):
    some = open_store(store).with_films()[:2]
    config = PTACLConfig.preset("smoke")
    assert config.for_data(some) == config
    assert some.cine is not None
    few = replace(some, cine=some.cine[:, ::5])
    assert config.for_data(few).frames == 6
    with pytest.raises(ValueError, match=r"films of 3 phases .* cine_patch to \(1, 21, 21\)"):
        config.for_data(replace(some, cine=some.cine[:, :3]))
    with pytest.raises(ValueError, match="40 x 40 pixels and this configuration reads 42"):
        config.for_data(replace(some, cine=some.cine[..., :40, :40]))


def test_several_stores_train_as_one(store, tmp_path, capsys, monkeypatch):
    """Records of a second store, which has reports, labels and no films."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    layouts.ptbxl(tmp_path / "in", 80, [layouts.ptbxl_row(k) for k in range(1, 81)])
    other = tmp_path / "other"
    prepare("ptbxl-100", tmp_path / "in", other, workers=1, progress=False)
    words = ["train", "merl", "--out", str(tmp_path / "run"), *SMOKE]
    shutil.copytree(store, tmp_path / "copy")
    with pytest.raises(SystemExit, match="a store is there twice among out, copy"):
        main([*words, "--data", f"{store},{tmp_path / 'copy'}"])
    main([*words, "--data", f"{store}=2,{other}"])
    said = capsys.readouterr().err
    training = [list(open_store(s).index["split"]).count("train") for s in (store, other)]
    assert f"out: {training[0]} records, each 2 times an epoch" in said
    assert f"other: {training[1]} records, each 1 times an epoch" in said
    assert f"merl, joint: {2 * training[0] + training[1]} records" in said
    ptacl = ["train", "ptacl", "--out", str(tmp_path / "films"), *SMOKE]
    main([*ptacl, "--data", f"{store},{other}"])  # films of one are enough
    clinical = ["train", "clinical-transfer", "--out", str(tmp_path / "labs"), *SMOKE]
    with pytest.raises(SystemExit, match="vital signs of these stores differ"):
        main([*clinical, "--data", f"{store},{other}"])
    words = ["--data", f"{store}=2,{other}", "--out", str(tmp_path / "x.parquet")]
    with pytest.raises(SystemExit, match="weights are for training"):
        main(["embed", str(tmp_path / "run" / "weights.safetensors"), *words])
    words[1] = f"{store},{other}"
    main(["embed", str(tmp_path / "run" / "weights.safetensors"), *words])
    names = pd.read_parquet(tmp_path / "x.parquet")["record"].tolist()
    assert names[0] == "out/1"
    assert len(names) == COUNT + 80
