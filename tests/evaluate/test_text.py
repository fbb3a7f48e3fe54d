"""Text metrics by hand, clinical efficacy against a loop and scikit-learn, baselines."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from ecglearn.evaluate.metrics.text import (
    clinical_efficacy,
    corpus_bleu,
    efficacy_intervals,
    report_metrics,
    retrieved_reports,
    rouge_l,
    self_referential_efficacy,
    sentence_bleu,
    text_metrics,
)

TRUE = ["sinus rhythm with left axis deviation", "atrial flutter", "normal ecg today again"]
WRITTEN = ["sinus rhythm with right axis deviation", "atrial flutter", "again ecg"]


def matches(true, written, n):
    a, b = (
        Counter(zip(*(words[i:] for i in range(n)), strict=False))
        for words in (true.split(), written.split())
    )
    return sum((a & b).values()), sum(b.values())


def test_corpus_bleu_by_hand():
    found = corpus_bleu(TRUE, WRITTEN)
    lengths = [sum(len(text.split()) for text in texts) for texts in (TRUE, WRITTEN)]
    brevity = math.exp(1 - lengths[0] / lengths[1])
    logs = []
    for n in (1, 2):
        pairs = [matches(a, b, n) for a, b in zip(TRUE, WRITTEN, strict=True)]
        logs.append(math.log(sum(p[0] for p in pairs) / sum(p[1] for p in pairs)))
        expected = brevity * math.exp(sum(logs) / n)
        assert found[f"BLEU-{n}"] == pytest.approx(expected, rel=1e-6)
    assert found["BLEU-4"] == 0


def test_sentence_bleu_is_a_mean_with_smoothing():
    """By hand for one report: n-gram shares, method 1, weights of the paper."""
    true, written = TRUE[0], WRITTEN[0]
    shares = []
    for n in (1, 2, 3, 4):
        hit, all_of_them = matches(true, written, n)
        shares.append((hit or 0.1) / all_of_them)
    found = sentence_bleu([true], [written])
    assert found["sentence BLEU-1"] == pytest.approx(shares[0])
    assert found["sentence BLEU-2"] == pytest.approx(math.sqrt(shares[0] * shares[1]))
    third = math.prod(share**0.33 for share in shares[:3])
    assert found["sentence BLEU-3"] == pytest.approx(third)
    assert found["sentence BLEU-4"] == pytest.approx(math.prod(shares) ** 0.25)
    both = sentence_bleu(TRUE, WRITTEN)["sentence BLEU-1"]
    each = [sentence_bleu([a], [b])["sentence BLEU-1"] for a, b in zip(TRUE, WRITTEN, strict=True)]
    assert both == pytest.approx(np.mean(each))
    assert both != pytest.approx(corpus_bleu(TRUE, WRITTEN)["BLEU-1"])


def test_rouge_by_hand():
    """Common subsequence: 5 of 6 words, 2 of 2, 1 of 4 and 2; plural endings do not matter."""
    expected = [5 / 6, 1.0, 2 * (1 / 2) * (1 / 4) / (1 / 2 + 1 / 4)]
    assert rouge_l(TRUE, WRITTEN) == pytest.approx(expected)
    assert rouge_l(["flutter waves"], ["flutter wave"])[0] == 1


def test_extremes():
    same = text_metrics([TRUE[0]], [TRUE[0]])
    assert same == pytest.approx(dict.fromkeys(same, 1.0))
    nothing = text_metrics(["one two three four"], ["five six seven eight"])
    assert nothing["BLEU-1"] == nothing["ROUGE-L"] == 0
    assert all(v == 0 for v in sentence_bleu(["one"], [""]).values())
    with pytest.raises(ValueError, match="2 true and 1 written"):
        text_metrics(TRUE[:2], TRUE[:1])
    with pytest.raises(ValueError, match="0 true"):
        corpus_bleu([], [])
    table = report_metrics(TRUE, {"copy": TRUE, "other": WRITTEN})
    assert list(table.index) == ["copy", "other"]
    assert table.loc["copy", "ROUGE-L"] == 1


def drawn(n=40, k=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, k)) < 0.3, rng.random((n, k)) < 0.4


def test_clinical_efficacy_equals_sklearn():
    true, stated = drawn()
    found = clinical_efficacy(true, stated)
    for kind in ("micro", "macro"):
        expected = precision_recall_fscore_support(
            true,
            stated,
            average=kind,
            zero_division=0,  # pyright: ignore[reportArgumentType]
        )[:3]
        for name, value in zip(("precision", "recall", "F1"), expected, strict=True):
            assert found[f"{kind} {name}"] == pytest.approx(value), (kind, name)


def test_clinical_efficacy_extremes():
    true, _ = drawn()
    assert set(clinical_efficacy(true, true).values()) == {1.0}
    silent = clinical_efficacy(true, np.zeros_like(true))
    assert set(silent.values()) == {0.0}
    everything = clinical_efficacy(true, np.ones_like(true))
    assert everything["micro recall"] == 1
    assert everything["micro precision"] == pytest.approx(true.mean())
    never = np.c_[true, np.zeros(len(true), bool)]
    assert clinical_efficacy(never, never)["macro F1"] == 1, "a finding of nobody is not judged"
    with pytest.raises(ValueError, match=r"\(40, 6\) and stated ones \(40, 5\)"):
        clinical_efficacy(true, true[:, :5])


def test_intervals_hold_the_value():
    true, stated = drawn()
    found = efficacy_intervals(true, stated, n_resamples=50, seed=4)
    rng = np.random.default_rng(4)
    cohorts = [rng.integers(40, size=40) for _ in range(50)]
    each = [clinical_efficacy(true[rows], stated[rows]) for rows in cohorts]
    for name, interval in found.items():
        assert interval.value == pytest.approx(clinical_efficacy(true, stated)[name])
        low, high = np.quantile([one[name] for one in each], [0.025, 0.975])
        assert interval[1:] == pytest.approx((low, high))
        assert interval.low < interval.value < interval.high


def test_self_referential_efficacy_asks_no_patient():
    prompts = torch.eye(3)
    near = torch.tensor([[1.0, 0.1, 0.0], [0.1, 1.0, 0.0], [1.0, 0.0, 0.2], [0.0, 0.3, 2.0]])
    assert self_referential_efficacy(near, 5 * near, prompts)["macro F1"] == 1
    swapped = near[[1, 0, 2, 3]]
    by_hand = np.mean([2 * 1 / (2 + 2), 0.0, 1.0])
    assert self_referential_efficacy(near, swapped, prompts)["macro F1"] == pytest.approx(by_hand)


def test_retrieval():
    database, reports = torch.eye(3), ["a", "b", "c"]
    queries = torch.tensor([[0.1, 0.2, 9.0], [0.5, 0.4, 0.0]])
    assert retrieved_reports(queries, database, reports) == ["c", "a"]
    with pytest.raises(ValueError, match="3 vectors and 2 reports"):
        retrieved_reports(queries, database, reports[:2])
