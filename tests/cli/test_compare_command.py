"""`ecglearn compare`: trained weights, a store, and the table that `compare` makes of them."""

import json

import numpy as np
import pandas as pd
import pytest

from ecglearn import compare, load
from ecglearn.cli import main
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from tests.data import layouts

SMOKE = ("--preset", "smoke", "--epochs", "1", "--batch-size", "16")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store in the layout of PTB-XL, half of it normal, and two runs of one method."""
    folder = tmp_path_factory.mktemp("compare")
    rows = []
    for k in range(1, 121):
        normal = (k // 20) % 2
        codes = "{'NORM': 100.0}" if normal else "{'_AVB': 100.0}"
        text = "normal ecg" if normal else "av block"
        rows.append(layouts.ptbxl_row(k, scp_codes=codes, report=text))
    layouts.ptbxl(folder / "in", len(rows), rows)
    prepare("ptbxl-100", folder / "in", folder / "store", workers=1, progress=False)
    for seed in ("0", "1"):
        words = ["--data", str(folder / "store"), "--out", str(folder / f"run{seed}"), *SMOKE]
        main(["train", "merl", *words, "--seed", seed])
    return folder


def test_the_table_is_that_of_compare(place, capsys):
    weights = [str(place / f"run{seed}" / "weights.safetensors") for seed in (0, 1)]
    words = ["--data", str(place / "store"), "--least-cases", "2", "--n-resamples", "10"]
    out = place / "table.csv"
    tasks = ["--tasks", "probe", "zero-shot", "--label-fractions", "1.0"]
    main(["compare", *weights, *words, *tasks, "--out", str(out)])
    said = capsys.readouterr().out
    assert "MERL, untrained" in said
    assert "probe 100%" in said
    found = pd.read_csv(out)
    wanted = compare(
        {"MERL": [load(path) for path in weights]},
        open_store(place / "store"),
        tasks=("probe", "zero-shot"),
        label_fractions=(1.0,),
        least_cases=2,
        n_resamples=10,
    )
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True), check_exact=False)
    assert set(found["seeds"]) == {1, 2}  # age and sex alone are asked once


def test_wordings_of_yours(place, tmp_path):
    words = ["--data", str(place / "store"), "--least-cases", "2", "--n-resamples", "2"]
    weights = str(place / "run0" / "weights.safetensors")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"classes": {"NORM": "nothing", "CD": "slow wires"}}))
    out = tmp_path / "table.parquet"
    asked = ["--tasks", "zero-shot", "--prompts", str(path), "--out", str(out)]
    main(["compare", weights, *words, *asked])
    table = pd.read_parquet(out)
    assert {"NORM", "CD"} < set(table["name"])
    assert np.isfinite(table["value"]).any()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "cohort:40"], "no parts of which one could judge"),
        (["--tasks", "phenotypes", "--least-cases", "2"], "no answer to phenotypes"),
        (["--tasks", "magic"], "no task magic"),
        (["--out", "table.txt"], "written as .csv or .parquet"),
        (["--least-cases", "99"], "no class has 99 cases"),
    ],
)
def test_one_sentence_for_what_cannot_be_asked(place, words, said):
    data = [] if "--data" in words else ["--data", str(place / "store")]
    with pytest.raises(SystemExit, match=said):
        main(["compare", str(place / "run0" / "weights.safetensors"), *data, *words])
