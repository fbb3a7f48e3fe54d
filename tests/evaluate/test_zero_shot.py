"""Macro AUROC, intervals, label sets, overlaps, prompts."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ecglearn.cohort import FINDINGS
from ecglearn.data.label_sets import _codes
from ecglearn.evaluate import (
    LABEL_SETS,
    PromptError,
    auroc_intervals,
    class_overlap,
    cohort_labels,
    cross_domain,
    label_set,
    load_prompts,
    macro_auroc,
    snomed_labels,
)

COUNTS = {
    "ptbxl-super": 5,
    "ptbxl-sub": 23,
    "ptbxl-form": 19,
    "ptbxl-rhythm": 12,
    "cpsc2018": 9,
    "csn": 38,
}


@pytest.fixture
def tables():
    rng = np.random.default_rng(0)
    labels = pd.DataFrame(rng.random((80, 3)) < 0.3, columns=["a", "b", "c"])
    return labels + rng.normal(size=(80, 3)), labels.assign(d=False)


def test_macro_auroc_is_the_mean_over_judged_classes(tables):
    scores, labels = tables
    scores["d"] = 0.0
    result = macro_auroc(scores[["d", "c", "a", "b"]], labels)
    expected = [roc_auc_score(labels[c], scores[c]) for c in "abc"]
    assert result.value == pytest.approx(np.mean(expected))
    assert result.per_class[["a", "b", "c"]].tolist() == pytest.approx(expected)
    assert result.left_out == ["d"]
    assert np.isnan(result.per_class["d"])


def test_arrays_and_tensors_do_too(tables):
    scores, labels = tables
    by_name = macro_auroc(scores, labels[["a", "b", "c"]])
    array = macro_auroc(scores.to_numpy(), labels[["a", "b", "c"]].to_numpy())
    tensor = macro_auroc(
        torch.tensor(scores.to_numpy()), torch.tensor(labels[["a", "b", "c"]].to_numpy())
    )
    assert by_name.value == array.value == tensor.value
    assert list(array.per_class.index) == [0, 1, 2]


def test_disagreeing_tables(tables):
    scores, labels = tables
    with pytest.raises(ValueError, match="no scores for d"):
        macro_auroc(scores, labels)
    with pytest.raises(ValueError, match="80 records with scores and 79 with labels"):
        macro_auroc(scores, labels[1:])
    with pytest.raises(ValueError, match="scores are"):
        macro_auroc(scores.to_numpy(), labels.to_numpy())


def test_intervals_hold_the_value_and_shrink(tables):
    scores, labels = tables
    table = auroc_intervals(scores, labels[["a", "b", "c"]], n_resamples=100)
    assert list(table.index) == ["a", "b", "c", "macro"]
    low, value, high = (table[c].to_numpy() for c in ("low", "value", "high"))
    assert bool(((low < value) & (value < high)).all())
    assert table.loc["macro", "value"] == pytest.approx(
        macro_auroc(scores, labels[list("abc")]).value
    )
    assert (high - low)[3] < (high - low)[:3].max()
    twice = pd.concat([scores, scores]), pd.concat([labels, labels])
    same = auroc_intervals(
        *(t[["a", "b", "c"]] for t in twice), n_resamples=100, patients=[*range(80), *range(80)]
    )
    pd.testing.assert_frame_equal(same.drop(columns="cases"), table.drop(columns="cases"))


@pytest.mark.parametrize("name", LABEL_SETS)
def test_label_sets_are_complete_and_have_prompts(name):
    classes = label_set(name)
    assert len(classes) == len(set(classes)) == COUNTS[name]
    prompts = load_prompts("ecg", classes=classes)
    assert list(prompts) == list(classes)
    assert all(len(set(wordings)) >= 2 for wordings in prompts.values())


def test_every_prompt_belongs_to_a_class():
    known = {c for name in LABEL_SETS for c in label_set(name)}
    assert set(load_prompts("ecg")) == known
    german = load_prompts("ecg-de")
    assert set(german) == {c for name in LABEL_SETS if "ptbxl" in name for c in label_set(name)}
    assert not {t for words in german.values() for t in words} & {
        t for words in load_prompts("ecg").values() for t in words
    }
    assert list(load_prompts()) == list(FINDINGS)


def test_overlaps_name_known_classes_both_ways():
    for source, target in (
        ("ptbxl-super", "cpsc2018"),
        ("ptbxl-super", "csn"),
        ("cpsc2018", "csn"),
    ):
        for a, b in ((source, target), (target, source)):
            for name, found in class_overlap(a, b).items():
                assert name in label_set(a)
                assert set(found) <= set(label_set(b))
    assert class_overlap("csn", "cpsc2018")["STE"] == ("STE", "STD")
    with pytest.raises(ValueError, match="no map from"):
        class_overlap("csn", "ptbxl-form")
    with pytest.raises(ValueError, match="no label set 'mitdb'"):
        label_set("mitdb")


def test_cross_domain_averages_the_shared_classes():
    names = label_set("cpsc2018")
    labels = pd.DataFrame(np.eye(9, dtype=bool).repeat(4, 0), columns=names)
    scores = labels.astype(float)
    scores["PAC"] *= -1
    assert cross_domain(scores, labels, "ptbxl-super", "cpsc2018", n_resamples=5) == (1, 1, 1)
    assert cross_domain(scores, labels, "csn", "cpsc2018", n_resamples=5).value == pytest.approx(
        8 / 9
    )
    assert cross_domain(
        scores, labels, "cpsc2018", "cpsc2018", n_resamples=5
    ).value == pytest.approx(8 / 9)
    only = pd.DataFrame({"PAC": scores["PAC"]})
    with pytest.raises(ValueError, match="no labelled class of 'cpsc2018' is known to"):
        cross_domain(only, only > 0, "ptbxl-super", "cpsc2018")


def test_codes_are_compared_whole():
    labels = snomed_labels("csn", [["427084000"], ["429622005", "1"], ["4270840001"], []])
    assert list(labels.columns) == list(label_set("csn"))
    assert labels.columns[labels.loc[0]].tolist() == ["ST"]  # the released file adds STDD's cases
    assert labels.columns[labels.loc[1]].tolist() == ["STDD"]
    assert not labels.loc[2:].to_numpy().any()
    with pytest.raises(ValueError, match="no SNOMED codes for 'ptbxl-form'"):
        snomed_labels("ptbxl-form", [])


@pytest.mark.parametrize(("name", "left"), [("sub", 19), ("rhythm", 7), ("form", 15)])
def test_clean_sets_are_the_usual_ones_without_rare_classes(name, left):
    clean, whole = label_set(f"ptbxl-{name}-clean"), label_set(f"ptbxl-{name}")
    assert len(clean) == left
    assert clean == tuple(c for c in whole if c in clean)
    assert "AFLT" not in clean
    with pytest.raises(ValueError, match="no label set 'csn-clean'"):
        label_set("csn-clean")


@pytest.mark.parametrize("name", ["csn", "cpsc2018", "cinc2021"])
def test_names_that_share_a_code_are_one_class(name):
    """The name table of CSN gives one code to LBBB, LBBBB and LFBBB, and to MI and four others."""
    codes = [code for found in _codes(name).values() for code in found]
    assert len(set(codes)) == len(codes)
    if name == "csn":
        labels = snomed_labels("csn", [["164909002"], ["164865005"]])
        assert [labels.columns[row].tolist() for _, row in labels.iterrows()] == [["LBBB"], ["MI"]]


def test_released_labels_find_names_inside_names():
    """Each mistake that the published file has, and no other."""
    # ST depression, Mobitz I, atrial fibrillation, counterclockwise rotation, sinus rhythm; and
    # names of no class: low voltage in all leads, complete block, Mobitz II, sinus bradycardia
    rows = [["429622005"], ["54016002"], ["164889003"], ["251199005"], ["426783006"]]
    rows += [["251146004"], ["27885002"], ["28189009"], ["426177001"]]
    exact, released = (snomed_labels("csn", rows, labels=kind) for kind in ("exact", "released"))
    more = [
        set(released.columns[line & ~has])
        for line, has in zip(released.to_numpy(), exact.to_numpy(), strict=True)
    ]
    assert more == [
        {"ST"},
        {"2AVB", "AVB", "VB"},
        {"AF"},
        {"CR"},
        set(),
        {"SA"},
        {"AVB", "VB"},
        {"2AVB", "AVB", "VB"},
        set(),
    ]
    with pytest.raises(ValueError, match="released labels are those of csn"):
        snomed_labels("cpsc2018", rows, labels="released")


def test_released_labels_of_public_rows():
    """Rows of the published file, as they stand there."""
    codes = {"SB": "426177001", "APB": "284470004", "AF": "164890007", "TWO": "59931005"}
    codes |= {"LVQRSAL": "251146004", "1AVB": "270492004", "STTC": "428750005", "IDC": "698252002"}
    codes |= {"STE": "164930006", "ERV": "428417006", "AFIB": "164889003", "SR": "426783006"}
    rows = {
        "SB,APB,LVQRSAL": {"SA", "APB"},
        "AF,LVQRSAL,TWO": {"SA", "TWO", "AF"},
        "SB,1AVB,STTC": {"VB", "STTC", "AVB", "1AVB", "ST"},
        "SB,STE,ERV": {"STE", "ERV", "ST"},
        "AFIB,IDC": {"AF", "AFIB"},
        "SR,LVQRSAL": {"SR", "SA"},
    }
    found = snomed_labels(
        "csn", [[codes[n] for n in r.split(",")] for r in rows], labels="released"
    )
    for line, wanted in zip(found.to_numpy(), rows.values(), strict=True):
        assert set(found.columns[line]) == wanted


@pytest.mark.parametrize("name", ["ptbxl-super", "cpsc2018", "csn"])
def test_cohort_labels_are_the_union_of_findings(name):
    rng = np.random.default_rng(0)
    findings = pd.DataFrame(rng.random((40, len(FINDINGS))) < 0.2, columns=list(FINDINGS)[::-1])
    labels = cohort_labels(name, findings)
    assert set(labels.columns) <= set(label_set(name))
    normal = {"ptbxl-super": "NORM", "cpsc2018": "NORM", "csn": "SR"}[name]
    assert labels[normal].tolist() == findings["normal ECG"].tolist()
    raised = findings["anterior ST elevation"] | findings["inferior ST elevation"]
    wide = "MI" if name == "ptbxl-super" else "STE"
    assert bool((labels[wide] >= raised).all())
    with pytest.raises(ValueError, match="no findings for 'ptbxl-rhythm'"):
        cohort_labels("ptbxl-rhythm", findings)


def test_bad_prompt_files(tmp_path):
    path = tmp_path / "mine.json"
    with pytest.raises(PromptError, match="is no prompt file"):
        load_prompts(path)
    path.write_text(json.dumps({"classes": {"AFIB": "atrial fibrillation", "NORM": []}}))
    with pytest.raises(PromptError, match="no words for NORM"):
        load_prompts(path)
    with pytest.raises(PromptError, match="no prompt for AFLT; it has AFIB, NORM"):
        load_prompts(path, classes=["AFIB", "AFLT"])
    assert load_prompts(path, classes=["AFIB"]) == {"AFIB": ["atrial fibrillation"]}
