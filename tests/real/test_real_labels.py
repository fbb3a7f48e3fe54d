"""Label sets against the label files of real records; real reports through the text model."""

import csv

import pandas as pd
import pytest

from ecglearn.encoders.report_text import report_encoder
from ecglearn.evaluate import label_set

pytestmark = pytest.mark.real
FILES = {"ptbxl-super": "super_class", "ptbxl-sub": "sub_class", "ptbxl-form": "form",
         "ptbxl-rhythm": "rhythm"}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_columns_are_those_of_the_label_files(name, real_data):
    path = real_data / "ptbxl-mini" / "merl_labels" / f"{FILES[name]}.csv"
    with path.open() as file:
        header = next(csv.reader(file))
    assert set(label_set(name)) == set(header[header.index("filename_hr") + 2 :])
    labels = pd.read_csv(path)[list(label_set(name))]
    assert set(labels.to_numpy().ravel()) <= {0, 1}
    assert labels.to_numpy().any(1).all()


def test_real_reports_need_no_unknown_piece(real_data):
    table = pd.read_csv(real_data / "ptbxl-mini" / "ptbxl_database.csv")
    encoder = report_encoder()
    reports = [text for text in table["report"].dropna() if text.strip()]
    assert len(reports) > 100
    unknown = [text for text in reports if "[UNK]" in encoder.pieces(text)]
    assert unknown == []
    out = encoder.encode(reports[:16])
    assert out.tokens.shape[0] == 16
