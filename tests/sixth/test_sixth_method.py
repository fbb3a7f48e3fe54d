"""A sixth method: one file outside the package gets everything, with no other file touched."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from two_processes import SCRIPTS, TORCHRUN

import ecglearn
from ecglearn.checkpoint import load as load_tensors
from ecglearn.cli import main
from ecglearn.data.batch import ECGBatch
from ecglearn.method import REGISTERED
from ecglearn.train import trained

FILE = Path(__file__).with_name("sixth.py")
ENTRY = "[ecglearn.methods]\nsixth = sixth:Sixth\n"
SMOKE = ["--preset", "smoke", "--epochs", "1", "--batch-size", "16"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """What `pip install` of such a package leaves behind."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sixth.py").write_text(FILE.read_text())
    about = folder / "sixth-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sixth\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(ENTRY)
    return folder


@pytest.fixture
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield site
    REGISTERED.pop("sixth", None)
    sys.modules.pop("sixth", None)


def test_it_is_one_short_file():
    assert len(FILE.read_text().splitlines()) <= 80


def test_it_is_listed_only_where_it_is_installed():
    assert "sixth" not in ecglearn.list_methods()


def test_create_fit_save_load_embed_cite(installed, tmp_path):
    assert ecglearn.list_methods()[-1] == "sixth"
    batch = ECGBatch.from_cohort(ecglearn.simulate(32, seed=0))
    method = ecglearn.create("sixth", "smoke", temperature=0.2)
    assert (method.config.width, method.config.temperature) == (8, 0.2)
    history = ecglearn.fit(method, batch, epochs=2, batch_size=16, progress=False)
    assert history.curve("contrast")[1] < history.curve("contrast")[0]
    method.save(tmp_path / "w.safetensors")
    again = ecglearn.load(tmp_path / "w.safetensors")
    assert again.config == method.config
    assert torch.equal(again.embed(batch), method.embed(batch))
    assert ecglearn.embed(again, batch).shape == (32, 8)
    scores = ecglearn.zero_shot(again, batch, {"fast": "sinus tachycardia", "slow": "bradycardia"})
    assert list(scores) == ["fast", "slow"]
    assert "sixth2026" in ecglearn.cite(method) == ecglearn.cite("sixth")


def test_compare_with_its_control(installed):
    cohort = ecglearn.simulate(90, seed=0)
    table = ecglearn.compare(
        {"Sixth": ecglearn.create("sixth", "smoke").eval()},
        cohort,
        tasks=["probe", "zero-shot", "retrieval"],
        label_fractions=[1.0],
        n_resamples=5,
    )
    assert {"Sixth", "Sixth, untrained", "age and sex"} == set(table["model"])
    assert {"own report", "zero-shot", "probe 100%"} <= set(table["task"])


def test_recipe_of_the_book(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path))
    batch = ECGBatch.from_cohort(ecglearn.simulate(96, seed=0))
    assert not trained("sixth", batch, preset="smoke").loaded
    assert trained("Sixth", batch, preset="smoke").loaded


def test_commands(installed, tmp_path, capsys):
    words = ["--data", "cohort:80"]
    main(["train", "sixth", *words, "--out", str(tmp_path), *SMOKE, "--model.temperature", "0.3"])
    weights = str(tmp_path / "weights.safetensors")
    assert load_tensors(weights)[1]["config"]["temperature"] == 0.3
    main(
        [
            "evaluate",
            weights,
            *words,
            "--label-fractions",
            "1",
            "--least-cases",
            "1",
            "--out",
            str(tmp_path / "t.csv"),
        ]
    )
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["encoder"].tolist() == ["sixth", "random encoder", "age and sex", "sixth"]
    main(["embed", weights, *words, "--out", str(tmp_path / "e.parquet")])
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 80
    main(["train"])
    assert "merl, sixth" in capsys.readouterr().out


def test_two_processes_equal_one(site, tmp_path):
    """The script of all methods finds it by its entry point."""
    found = []
    environment = os.environ | {"PYTHONPATH": str(site)}
    for name, start in (("one", ()), ("two", TORCHRUN)):
        path = tmp_path / f"{name}.safetensors"
        command = [sys.executable, *start, str(SCRIPTS / "methods.py"), str(path), "sixth, joint"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(load_tensors(path)[0])
    one, two = found
    assert one.keys() == two.keys()
    assert any(name.startswith("sixth, joint/2/gradient/") for name in one)
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-9, rtol=1e-6, msg=name)
