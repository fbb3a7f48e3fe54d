"""From real records to embeddings by the command line alone."""

import pandas as pd
import pytest

from ecglearn.cli import main
from ecglearn.encoders.text_encoder import text_encoder

pytestmark = pytest.mark.real


def test_prepare_train_evaluate_embed(real_data, tmp_path, capsys):
    """PTB-XL, with its official folds and its reports in several languages."""
    store, run = tmp_path / "store", tmp_path / "run"
    main(["prepare", "ptbxl-100", str(real_data / "ptbxl-mini"), str(store), "--workers", "1"])
    words = ["--preset", "smoke", "--epochs", "1", "--batch-size", "16"]
    text_encoder.cache_clear()  # which warns once
    with pytest.warns(UserWarning, match="reports are German, and embedded .* reads English"):
        main(["train", "merl", "--data", str(store), "--out", str(run), *words])
    weights = str(run / "weights.safetensors")
    main(
        [
            "evaluate",
            weights,
            "--data",
            str(store),
            "--label-fractions",
            "1",
            "--least-cases",
            "2",
            "--out",
            str(run / "t.csv"),
        ]
    )
    table = pd.read_csv(run / "t.csv")
    assert list(table["encoder"]) == ["merl", "random encoder", "age and sex", "merl"]
    assert table["value"].between(0, 1).all()
    # a folder that is no store: the same records, embedded without their table
    folder = str(real_data / "ptbxl-mini" / "records100")
    for data, name in ((str(store), "store"), (folder, "folder")):
        out = tmp_path / f"{name}.parquet"
        main(["embed", weights, "--data", data, "--out", str(out)])
    one, two = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("store", "folder"))
    assert len(one) == len(two) > 50
    assert sorted(map(tuple, one["embedding"])) == sorted(map(tuple, two["embedding"]))
