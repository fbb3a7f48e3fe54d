"""Numbers as models and tables give them.

Rules: a metric answers only on what has meaning: scores that are no NaN where a label is known,
labels 1, 0 or NaN, probabilities from 0 to 1, finite vectors and targets; a refusal names class and
row. Rows and columns are matched by name, or refused. Equals count as the mean over their orders.
Equal texts give 1 in every script.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglearn import evaluate
from ecglearn.evaluate import (
    Split,
    auroc_columns,
    auroc_difference,
    auroc_intervals,
    brier,
    calibration_error,
    cmrs,
    corpus_bleu,
    cosine,
    fit_probe,
    gap_closed,
    linear_probe,
    linear_probe_r2,
    macro_auroc,
    matches,
    mean_auroc,
    patient_rank,
    r2,
    reliability,
    retrieval_table,
    rouge_l,
    text_metrics,
)

RNG = np.random.default_rng(0)
Y = (RNG.random((60, 3)) < 0.4).astype(float)
S = RNG.random((60, 3)) + Y
NAMES = ["AF", "MI", "LBBB"]
RANKING = [
    lambda s, y: macro_auroc(s, y),
    lambda s, y: auroc_intervals(s, y, n_resamples=3),
    lambda s, y: auroc_difference(s, S, y, n_resamples=3),
    lambda s, y: auroc_difference(S, s, y, n_resamples=3),
    lambda s, y: gap_closed(S, s, S + 1, y, n_resamples=3),
    lambda s, y: mean_auroc(y, s),
    lambda s, y: auroc_columns(y, s),
]


@pytest.mark.parametrize("measure", RANKING)
@given(row=st.integers(0, 59), column=st.integers(0, 2))
def test_a_score_that_is_nan_is_refused_with_class_and_row(measure, row, column):
    s = S.copy()
    s[row, column] = np.nan
    with pytest.raises(ValueError, match=rf"score of (class )?{column} in row {row} is NaN"):
        measure(s, Y)


@pytest.mark.parametrize("measure", RANKING)
@pytest.mark.parametrize("value", [2, -1, 0.5, np.inf])
def test_a_label_that_is_none_is_refused_with_class_and_row(measure, value):
    y = Y.copy()
    y[7, 1] = value
    with pytest.raises(ValueError, match=r"label of (class )?1 in row 7 is"):
        measure(S, y)


def test_names_are_in_the_refusal_and_unmeasured_labels_are_no_matter():
    y, s = pd.DataFrame(Y, columns=NAMES), pd.DataFrame(S, columns=NAMES)
    s.loc[4, "MI"] = np.nan
    with pytest.raises(ValueError, match="score of MI in row 4 is NaN"):
        macro_auroc(s, y)
    y.loc[4, "MI"] = np.nan
    others = np.delete(np.arange(len(Y)), 4)
    wanted = np.append(mean_auroc(Y[others, 1:2], S[others, 1:2]), auroc_columns(Y, S)[[0, 2]])
    assert NAMES[1] == "MI"
    assert macro_auroc(s, y).value == pytest.approx(wanted.mean())
    with pytest.raises(ValueError, match="is infinite"):
        macro_auroc(np.where(S > 1, np.inf, S), Y)


@pytest.mark.parametrize("measure", [brier, calibration_error, reliability])
def test_probabilities_and_their_labels(measure):
    for p, y in ((S, Y), (np.full_like(Y, np.nan), Y)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            measure(p, y)
    with pytest.raises(ValueError, match="label of class 0 in row 0 is 3"):
        measure(np.full_like(Y, 0.5), np.full_like(Y, 3))


def test_vectors_and_targets_are_finite():
    x, y = torch.randn(20, 4), torch.randn(20, 2)
    bad, missing = x.clone(), y.clone()
    bad[3, 1], missing[5, 1] = torch.inf, torch.nan
    for ask in (
        lambda: cosine(bad, x),
        lambda: cosine(x, bad),
        lambda: linear_probe(bad, y, x),
        lambda: linear_probe(x, y, bad),
        lambda: linear_probe_r2(x, y, bad, y),
        lambda: fit_probe(Split(bad, x, x), Split(*[np.eye(20)[:, :2]] * 3)),
    ):
        with pytest.raises(ValueError, match="row 3 has NaN or infinity"):
            ask()
    for ask in (
        lambda: linear_probe(x, missing, x),
        lambda: r2(y, missing),
        lambda: matches(cosine(x, x), missing),
        lambda: retrieval_table(cosine(x, x), missing, ks=(1,)),
    ):
        with pytest.raises(ValueError, match=r"1 is missing in row 5 \(1 values in all\)"):
            ask()
    broken = S.copy()
    broken[2, 0] = np.nan
    with pytest.raises(ValueError, match="score of class 0 in row 2 is NaN"):
        cmrs(broken, S, Y)


# rows and columns by name


def test_rows_are_matched_by_their_names():
    index = [f"r{k}" for k in range(60)]
    y, s = (pd.DataFrame(x, columns=NAMES, index=index) for x in (Y, S))
    right = macro_auroc(s, y).value
    assert macro_auroc(s, y.sample(frac=1, random_state=1)).value == right
    assert macro_auroc(s.sample(frac=1, random_state=2), y[NAMES[::-1]]).value == right
    assert macro_auroc(s.reset_index(drop=True), y).value == right  # one side has no names
    with pytest.raises(ValueError, match="no scores for the record strange"):
        macro_auroc(s, y.rename(index={"r5": "strange"}))
    with pytest.raises(ValueError, match="names r0 twice"):
        macro_auroc(s.rename(index={"r1": "r0"}), y)


def test_a_column_that_comes_twice_is_refused():
    s = pd.DataFrame(np.c_[S, S[:, 0]], columns=[*NAMES, "AF"])
    with pytest.raises(ValueError, match="more than one column AF"):
        macro_auroc(s, pd.DataFrame(Y, columns=NAMES))


# ties


def test_equals_have_the_mean_of_their_ranks():
    assert patient_rank(torch.ones(100, 100)).tolist() == [50.5] * 100
    similarity = torch.tensor([[0.9, 0.9, 0.1], [0.5, 0.4, 0.4], [0.1, 0.1, 0.1]])
    assert patient_rank(similarity).tolist() == [1.5, 2.5, 2.0]
    with pytest.raises(ValueError, match="query 2 have NaN"):
        patient_rank(torch.where(torch.arange(9).view(3, 3) == 7, torch.nan, similarity))


@pytest.mark.parametrize("include_self", [True, False])
def test_tables_of_equals_are_the_mean_over_all_their_orders(include_self):
    """By hand: every order of the candidates that agrees with the similarities, averaged."""
    rng = np.random.default_rng(3)
    similarity = torch.tensor(rng.integers(0, 3, (5, 5)), dtype=torch.float64)
    value = torch.tensor(rng.normal(size=(5, 1)))
    row = retrieval_table(similarity, value, ks=(1, 2), include_self=include_self).loc["model"]
    allowed = 0.5 * float(value.std(unbiased=False))
    p, first = {1: [], 2: []}, []
    for q in range(5):
        candidates = [c for c in range(5) if include_self or c != q]
        orders = [
            order
            for order in itertools.permutations(candidates)
            if all(similarity[q, a] >= similarity[q, b] for a, b in itertools.pairwise(order))
        ]
        hits = [[abs(float(value[c] - value[q])) <= allowed for c in order] for order in orders]
        for k in (1, 2):
            p[k].append(np.mean([np.mean(hit[:k]) for hit in hits]))
        first.append(np.mean([hit.index(True) + 1 if any(hit) else len(hit) + 1 for hit in hits]))
    assert row.loc["0", "P@1"] == pytest.approx(np.mean(p[1]))
    assert row.loc["0", "P@2"] == pytest.approx(np.mean(p[2]))
    assert row.loc["0", "MnR"] == pytest.approx(np.mean(first))


def test_the_own_scan_is_a_hit_unless_it_is_left_out():
    value = torch.tensor([[0.0], [10.0], [20.0], [30.0]])
    kept = retrieval_table(torch.eye(4), value, ks=(1,)).loc[("model", "0")]
    assert (kept["P@1"], kept["MnR"]) == (1, 1)
    left = retrieval_table(torch.eye(4), value, ks=(1,), include_self=False).loc[("model", "0")]
    assert (left["P@1"], left["MnR"]) == (0, 4)  # three candidates, none fits


# texts


@pytest.mark.parametrize(
    "texts",
    [
        ["Normal ECG"] * 3,
        ["AFIB", "Sinus rhythm"],
        ["синусовый ритм"],
        ["窦性心律 正常"],
        ["Überleitungsstörung"],
    ],
)
def test_equal_texts_give_one_in_every_script(texts):
    found = text_metrics(texts, texts)
    assert [found[f"BLEU-{n}"] for n in (1, 2, 3, 4)] == [1, 1, 1, 1]
    np.testing.assert_array_equal(rouge_l(texts, texts), 1)


def test_what_cannot_be_counted_is_nan():
    found = corpus_bleu(["Normal ECG", "AFIB"], ["AFIB", "Normal ECG"])
    assert found["BLEU-1"] == 0
    assert np.isnan(found["BLEU-3"])
    assert np.isnan(found["BLEU-4"])
    assert rouge_l(["синусовый ритм"], ["синусовая тахикардия"])[0] == 0
    assert rouge_l(["синусовый ритм"], ["ритм синусовый"])[0] == 0.5


def test_words_of_english_are_those_of_rouge_score():
    from rouge_score.rouge_scorer import RougeScorer

    pair = "Sinus rhythm, rate 72; possible LVH-changes.", "sinus rhythms with changing ST"
    theirs = RougeScorer(["rougeL"], use_stemmer=True).score(*pair)["rougeL"].fmeasure
    assert rouge_l([pair[0]], [pair[1]])[0] == pytest.approx(theirs)


def test_every_metric_of_the_face_is_behind_the_door():
    """A metric that is added must be added above, or be named here with a reason."""
    asked = {
        "macro_auroc",
        "auroc_intervals",
        "auroc_difference",
        "gap_closed",
        "mean_auroc",
        "auroc_columns",
        "brier",
        "calibration_error",
        "reliability",
        "cosine",
        "linear_probe",
        "linear_probe_r2",
        "r2",
        "matches",
        "retrieval_table",
        "cmrs",
        "patient_rank",
        "corpus_bleu",
        "rouge_l",
        "text_metrics",
    }
    through = {
        "paired",
        "cmrs_draws",
        "sentence_bleu",
        "report_metrics",
        "clinical_efficacy",
        "self_referential_efficacy",
        "efficacy_intervals",
        "retrieved_reports",
    }
    of_alignment = {"alignment_maps", "alignment_numbers", "diagonal_contrast", "phase_errors"}
    types = {"Alignment", "CMRS", "MacroAUROC"}
    from ecglearn.evaluate import metrics

    assert set(metrics.__all__) == asked | through | of_alignment | types
    assert asked <= set(evaluate.__all__)
