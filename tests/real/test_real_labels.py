"""Label sets against the label files of real records; real reports through the text model."""

import csv
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecglearn.data.wfdb.record import read_record
from ecglearn.encoders.text_encoder import text_encoder
from ecglearn.evaluate import label_set, snomed_labels

pytestmark = pytest.mark.real
FILES = {
    "ptbxl-super": "super_class",
    "ptbxl-sub": "sub_class",
    "ptbxl-form": "form",
    "ptbxl-rhythm": "rhythm",
}


@pytest.mark.parametrize("name", FILES)
def test_columns_are_those_of_the_label_files(name, real_data):
    path = real_data / "ptbxl-mini" / "merl_labels" / f"{FILES[name]}.csv"
    with path.open() as file:
        header = next(csv.reader(file))
    assert set(label_set(name)) == set(header[header.index("filename_hr") + 2 :])
    labels = pd.read_csv(path)[list(label_set(name))]
    assert set(labels.to_numpy().ravel()) <= {0, 1}
    assert labels.to_numpy().any(1).all()


def mapping(real_data) -> dict[str, dict[str, Any]]:
    """SNOMED code -> its row in the tables of the Challenge: name, records of each source."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("scored", "unscored"):
        with (real_data / "cinc-mini" / f"dx_mapping_{name}.csv").open() as file:
            found |= {row["SNOMEDCTCode"]: dict(row) for row in csv.DictReader(file)}
    return found


def used_by(known, *sources):
    return [code for code, row in known.items() if any(int(row[s]) > 0 for s in sources)]


TOTALS = {
    "AFIB": 1221,
    "VPC": 700,
    "NORM": 918,
    "1AVB": 722,
    "CRBBB": 1857,
    "STE": 220,
    "PAC": 616,
    "CLBBB": 236,
    "STD": 869,
}


def test_cpsc2018_classes_are_the_codes_it_uses(real_data):
    known = mapping(real_data)
    used = used_by(known, "CPSC")
    labels = snomed_labels("cpsc2018", [[code] for code in used]).to_numpy()
    np.testing.assert_array_equal(labels.sum(0), 1)
    np.testing.assert_array_equal(labels.sum(1), 1)
    names = [label_set("cpsc2018")[k] for k in labels.argmax(1)]
    assert {n: int(known[c]["CPSC"]) for n, c in zip(names, used, strict=True)} == TOTALS


def test_cpsc2018_reference_labels_have_their_class(real_data):
    """Nine numbers in the file of the challenge; the words beside them name the class."""
    table = pd.read_csv(real_data / "cinc-mini" / "cpsc2018" / "labels.csv")
    known = mapping(real_data)
    codes = {known[code]["Dx"]: code for code in used_by(known, "CPSC")}
    codes["right bundle branch block"] = "59118001"
    codes |= {
        "premature ventricular contraction": "164884008",
        "st-segment depression": "429622005",
    }
    labels = snomed_labels("cpsc2018", [[codes[text]] for text in table["reference_text"]])
    here = {"RBBB": "CRBBB", "AF": "AFIB", "PVC": "VPC", "STD": "STD"}
    found = [label_set("cpsc2018")[k] for k in labels.to_numpy().argmax(1)]
    assert found == [here[label] for label in table["label"]]


def test_csn_classes_are_codes_of_chapman_and_ningbo(real_data):
    known = mapping(real_data)
    used = used_by(known, "Chapman_Shaoxing", "Ningbo")
    labels = snomed_labels("csn", [[code] for code in used]).to_numpy()
    assert labels.any(0).all()
    named = {
        name: {known[used[i]]["Dx"] for i in np.flatnonzero(labels[:, k])}
        for k, name in enumerate(label_set("csn"))
    }
    assert named["AF"] == {"atrial flutter"}  # not fibrillation
    assert named["ST"] == {"sinus tachycardia"}  # not the ST segment
    assert named["SA"] == {"sinus arrhythmia"}
    assert named["VB"] == {"ventricular bigeminy"}
    assert named["CR"] == {"clockwise rotation"}
    assert named["2AVB1"] == {"mobitz type i wenckebach atrioventricular block"}
    assert named["STDD"] == {"st depression"}


def test_codes_of_real_headers(real_data):
    headers = sorted((real_data / "cinc-mini" / "cinc2021").glob("JS*.hea"))
    texts = [read_record(path).text for path in headers]
    codes = [text.removeprefix("Dx: ").split(",") for text in texts]
    labels = snomed_labels("csn", codes)
    assert len(labels) == 13
    counts = dict(zip(labels.columns, labels.to_numpy().sum(0), strict=True))
    assert (counts["APB"], counts["ST"], counts["SA"], counts["RVH"]) == (13, 12, 1, 1)
    assert (counts["SR"], counts["AF"], counts["STTC"]) == (0, 0, 3)


def test_real_reports_need_no_unknown_piece(real_data):
    table = pd.read_csv(real_data / "ptbxl-mini" / "ptbxl_database.csv")
    encoder = text_encoder()
    reports = [text for text in table["report"].dropna() if text.strip()]
    assert len(reports) > 100
    unknown = [text for text in reports if "[UNK]" in encoder.pieces(text)]
    assert unknown == []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ reports are German")
        out = encoder.encode(reports[:16])
    assert out.tokens.shape[0] == 16
