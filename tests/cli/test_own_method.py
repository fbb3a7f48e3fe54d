"""`ecglearn train my_module:LabCLIP`: a class in a file, like any other method."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import ecglearn
from ecglearn.checkpoint import load as load_tensors
from ecglearn.cli import main
from ecglearn.method import REGISTERED
from tests.cli.test_commands import refusal

FILE = Path(__file__).with_name("lab_clip.py")
WORDS = ("--data", "cohort:80", "--preset", "smoke", "--epochs", "2", "--batch-size", "16")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A researcher's folder with one module, as the present one."""
    shutil.copy(FILE, tmp_path / "my_module.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(REGISTERED)
    yield tmp_path
    sys.modules.pop("my_module", None)
    for name in set(REGISTERED) - known:
        del REGISTERED[name]


def test_it_runs_saves_resumes_embeds_and_evaluates(folder, capsys):
    own = ("--own.method", "my_module:LabCLIP")
    main(["train", "my_module:LabCLIP", *WORDS, "--out", "run", "--model.width", "8"])
    assert "lab-clip, joint: 55 records on cpu; epochs 2, batch_size 16" in capsys.readouterr().err
    tensors, about = load_tensors("run/weights.safetensors")
    assert (about["method"], about["config"]["width"]) == ("lab-clip", 8)
    Path("run/weights.safetensors").unlink()
    main(["train", "my_module:LabCLIP", *WORDS, "--out", "run", "--model.width", "8"])
    again = load_tensors("run/weights.safetensors")[0]
    assert all(torch.equal(again[name], value) for name, value in tensors.items())
    words = ["run/weights.safetensors", "--data", "cohort:80", *own]
    main(["embed", *words, "--out", "e.parquet"])
    assert len(pd.read_parquet("e.parquet")["embedding"][0]) == 8
    main(["evaluate", *words, "--label-fractions", "1", "--least-cases", "2", "--out", "t.csv"])
    assert list(pd.read_csv("t.csv")["encoder"]) == ["lab-clip", "random encoder", "age and sex"]
    main(["export", "run/weights.safetensors", *own, "--out", "g.pt2"])
    assert Path("g.pt2").exists()


def test_a_new_process_needs_its_name(folder):
    main(["train", "my_module:LabCLIP", *WORDS, "--out", "run"])
    command = [sys.executable, "-m", "ecglearn", "embed", "run/weights.safetensors"]
    command += ["--data", "cohort:4", "--out", "e.parquet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "'lab-clip', which is not installed here; a class of yours is named as" in done.stderr
    done = subprocess.run([*command, "--own.method", "my_module:LabCLIP"], capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_encoder_of_its_user(folder):
    words = ["--encoder", "my_module:CNN", "--model.width", "16"]
    main(["train", "merl", *WORDS, "--out", "run", *words])
    embed = ("embed", "run/weights.safetensors", "--data", "cohort:4", "--out", "e.parquet")
    assert "give it, as `encoder=` or on the command line as --own.encoder" in refusal(*embed)
    main([*embed, "--own.encoder", "my_module:CNN"])
    assert len(pd.read_parquet("e.parquet")) == 4
    main(["train", "ptacl", *WORDS, "--out", "two", "--encoder", "my_module:CNN"])
    assert sorted(p.name for p in Path("two").iterdir() if p.is_dir()) == ["cine", "joint"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere:LabCLIP", "there is no module 'nowhere' on the path or in"),
        (":LabCLIP", "is no MODULE:CLASS"),
        ("my_module:Other", "has no 'Other'; name a class that it defines"),
        ("my_module:NUMBER", "is no subclass of ecglearn.method.Method"),
        ("my_module:CNN", "is no subclass of ecglearn.method.Method"),
        ("my_module:NoLosses", "does not define losses, which every method has"),
        ("my_module:Sizes", "the config_class of my_module:Sizes is no dataclass"),
        ("my_module:NoEncoder", "NoEncoder has no module `ecg_encoder`"),
        ("my_module:Shapes", r"Shapes.features gives (2, 12, 1000) for 2 records"),
        ("my_module:Terms", r"the term 'contrast' of Terms.losses is (3,), not a tensor of one"),
        ("my_module:Bare", "Bare.losses gives Tensor, not named terms in a dict"),
    ],
)
def test_what_breaks_the_contract_is_one_sentence(folder, name, said):
    assert said in refusal("train", name, *WORDS, "--out", "run")


def test_a_name_that_is_taken_is_refused(folder):
    main(["train", "my_module:LabCLIP", *WORDS, "--out", "run"])
    text = refusal("train", "my_module:NoTitle", *WORDS, "--out", "other")
    assert "a method 'lab-clip' is there already" in text


def test_in_python(folder):
    batch = ecglearn.ECGBatch.from_cohort(ecglearn.simulate(20, seed=0))
    method = ecglearn.create("my_module:LabCLIP", "smoke", width=4)
    assert ecglearn.embed(method, batch).shape == (20, 4)
    assert "lab-clip" in ecglearn.list_methods()
