"""What a command was told is what is done: each flag arrives, and no more is printed than fits."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from sys import modules
from typing import Any

import pandas as pd
import pytest
import torch

from ecglearn.cli import main
from ecglearn.data.store.companions import NOT_JOINED
from ecglearn.data.store.format import REFUSED
from ecglearn.evaluate.benchmark.compare import TASKS
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.registry import load as load_model


@dataclass
class Done:
    """What the work behind a command has to say."""

    refused: int = 0
    faults: int = 0
    records: int = 0

    def __str__(self) -> str:
        return "done"


@pytest.fixture
def called(monkeypatch) -> Callable[[str, str, Any], list[Any]]:
    """Put something in the place of the work; the list gets the arguments of each call."""

    def put(command: str, name: str, answer: Any) -> list[Any]:
        calls: list[Any] = []

        def work(*given: Any, **named: Any) -> Any:
            calls.append((given, named))
            return answer

        monkeypatch.setattr(modules[f"ecglearn.cli.{command}"], name, work)
        return calls

    return put


def listed(path: Path, rows: int, *more: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("record", *more, "reason"))
        table.writerows((f"r{k}", *more, "broken") for k in range(rows))


def test_prepare(called, tmp_path, capsys):
    calls = called("prepare", "run", Done(refused=7))
    listed(tmp_path / REFUSED, 7)
    folder, out = str(tmp_path / "in"), str(tmp_path)
    words = ["--fs", "250", "--seconds", "5", "--validation", "0.1", "--test", "0.3"]
    words += ["--seed", "4", "--workers", "3", "--preprocess", "minmax"]
    main(["prepare", "ptbxl", folder, out, *words])
    said = capsys.readouterr().out.splitlines()
    assert said == ["done", *(f"  r{k}: broken" for k in range(5)), "  and 2 more"]
    main(["prepare", "ptbxl", folder, out])
    listed(tmp_path / REFUSED, 5)
    calls_of_five = called("prepare", "run", Done(refused=5))
    capsys.readouterr()
    main(["prepare", "folder", folder, out, "--columns.patient", "who", "--columns.table", "t.csv"])
    assert capsys.readouterr().out.splitlines()[-1] == "  r4: broken"
    told = {"fs": 250.0, "seconds": 5.0, "validation": 0.1, "test": 0.3, "seed": 4, "workers": 3}
    assert calls[0] == (
        ("ptbxl", tmp_path / "in", tmp_path),
        told | {"preprocess": "minmax"},
    )
    usual = {"fs": 100, "seconds": 10, "validation": 0.08, "test": 0.2, "seed": 0, "workers": -1}
    assert calls[1][1] == usual | {"preprocess": "standard"}
    assert calls_of_five[0][0][0].name == "folder"


def test_join(called, tmp_path, capsys):
    calls = called("join", "run", Done(faults=6))
    listed(tmp_path / NOT_JOINED, 6, "companion")
    words = ["--films", "f.csv", "--values", "v.csv", "--schema", "s.toml", "--splits", "p.csv"]
    words += ["--phases", "20", "--size", "64", "--overwrite", "--workers", "2"]
    main(["join", str(tmp_path), *words])
    said = capsys.readouterr().out.splitlines()
    assert said == ["done", *(f"  r{k}, companion: broken" for k in range(5)), "  and 1 more"]
    listed(tmp_path / NOT_JOINED, 5, "companion")
    five = called("join", "run", Done(faults=5))
    main(["join", str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[-1] == "  r4, companion: broken"
    assert calls[0] == (
        (tmp_path,),
        {
            "films": Path("f.csv"),
            "values": Path("v.csv"),
            "schema": Path("s.toml"),
            "splits": Path("p.csv"),
            "phases": 20,
            "size": 64,
            "overwrite": True,
            "workers": 2,
        },
    )
    nothing = dict.fromkeys(("films", "values", "schema", "splits", "phases", "size"))
    assert five[0][1] == nothing | {"overwrite": False, "workers": -1}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Three runs: two of one configuration, one of another."""
    folder = tmp_path_factory.mktemp("weights")
    for name, dropout in (("a", 0.1), ("b", 0.1), ("c", 0.2)):
        (folder / name).mkdir()
        torch.manual_seed(ord(name))
        config = replace(MERLConfig.preset("smoke"), dropout=dropout)
        MERL(config).save(folder / name / "weights.safetensors")
    return [folder / name / "weights.safetensors" for name in "abc"]


def test_compare(called, weights, tmp_path, capsys):
    row = {"model": "m", "task": "t", "measure": "x", "value": 0.12345, "low": 0.0, "high": 1.0}
    row |= {"gain": 0.5, "gain_low": 0.25, "gain_high": 0.75, "patients": 7, "seeds": 2}
    table = pd.DataFrame([row | {"name": name, "left_out": 0} for name in ("all", "AF")])
    calls = called("compare", "ask", table)
    stores = called("compare", "open_named", "what is named")
    out = tmp_path / "t.csv"
    words = ["--labels", "l", "--prompts", "p", "--tasks", "probe", "labs", "--seed", "5"]
    words += ["--label-fractions", "0.5", "--least-cases", "3", "--n-resamples", "9"]
    paths = [str(path) for path in weights]
    main(["compare", *paths, "--data", "s", "--external", "a,b", *words, "--out", str(out)])
    said = capsys.readouterr().out.splitlines()
    head = ["model", "task", "measure", "value", "low", "high", "gain", "patients", "left_out"]
    assert said[0].split() == head
    assert said[1].split() == ["m", "t", "x", "0.123", "0.000", "1.000", "0.500", "7", "0"]
    assert len(said) == 2
    pd.testing.assert_frame_equal(pd.read_csv(out), table)
    (models, store), asked = calls[0]
    assert store == "what is named"
    assert asked == {
        "external": "what is named",
        "prompts": "p",
        "tasks": ("probe", "labs"),
        "seed": 5,
        "label_fractions": (0.5,),
        "least_cases": 3,
        "n_resamples": 9,
    }
    assert stores == [(("s",), {"labels": "l"}), (("a,b",), {"labels": "l"})]
    assert {name: len(runs) for name, runs in models.items()} == {"MERL, a": 2, "MERL, c": 1}
    for run, path in zip([*models["MERL, a"], *models["MERL, c"]], weights, strict=True):
        theirs = load_model(path).state_dict()
        assert all(torch.equal(value, theirs[key]) for key, value in run.state_dict().items())
    main(["compare", paths[2], "--data", "s"])
    (models, _), asked = calls[1]
    assert list(models) == ["MERL"]
    assert asked["tasks"] == tuple(TASKS)
    assert (asked["external"], asked["prompts"], asked["seed"]) == (None, None, 0)
    assert (asked["least_cases"], asked["n_resamples"]) == (10, 200)
    assert asked["label_fractions"] == (0.01, 0.1, 1.0)


def test_compare_refuses_patients_without_parts_at_either_site(weights):
    for place in (["--data", "s", "--external", "cohort:40"], ["--data", "cohort:40:2"]):
        with pytest.raises(SystemExit, match="no parts of which one could judge"):
            main(["compare", str(weights[0]), *place])
    with pytest.raises(SystemExit, match="give the weights of one model or more"):
        main(["compare", "--data", "s"])
