"""Generated reports against true ones: their words, and the findings they state."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.errors import InputError, MissingGroupError
from ecglearn.evaluate.intervals import Interval, bootstrap_interval
from ecglearn.evaluate.metrics.retrieval import cosine

if TYPE_CHECKING:
    import pandas as pd

PAPER_WEIGHTS = ((1.0,), (0.5, 0.5), (0.33, 0.33, 0.33), (0.25, 0.25, 0.25, 0.25))


def corpus_bleu(true: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """BLEU-1 to BLEU-4 of all reports together, 0 to 1, of lower-case words and signs.

    Matches of n words are counted over the whole corpus before they are divided, so that long and
    short reports weigh as much as they are long.

    Args:
        true: what should have been written.
        written: what was.

    Returns:
        `BLEU-n`: 1 for equal texts, however short; 0 without any common word; NaN where no text
        that was written has n words and signs, so that nothing can be counted.

    Raises:
        MissingGroupError: the optional group `evaluate` is not installed.
        InputError: the two differ in length, or there is none.

    Source: Papineni et al. 2002, by sacrebleu.

    Book: deri#text-metrics
    """
    _check(true, written)
    bleu = _evaluate_group("sacrebleu.metrics").BLEU
    equal = [text.lower() for text in true] == [text.lower() for text in written]
    found = {}
    for n in (1, 2, 3, 4):
        measure = bleu(max_ngram_order=n, lowercase=True, tokenize="13a", smooth_method="none")
        score = measure.corpus_score(list(written), [list(true)])
        some = score.totals[n - 1] > 0
        found[f"BLEU-{n}"] = 1.0 if equal else score.score / 100 if some else float("nan")
    return found


def sentence_bleu(true: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Mean over reports of their own BLEU, as DERI's code computes it.

    Words are what stands between spaces; an order without a match counts as if it had a small one
    (method 1); BLEU-3 has weights of 0.33, which do not sum to 1. Mean and corpus value differ.

    Args:
        true: what should have been written.
        written: what was.

    Returns:
        `sentence BLEU-n`, 0 for an empty text.

    Raises:
        MissingGroupError: the optional group `evaluate` is not installed.
        InputError: the two differ in length, or there is none.

    Source: Chen et al. 2025 (DERI), metrics of its report generation, by nltk; Chen and Cherry 2014
    for method 1.

    Book: deri#text-metrics
    """
    _check(true, written)
    module = _evaluate_group("nltk.translate.bleu_score")
    smooth = module.SmoothingFunction().method1
    pairs = [(a.split(), b.split()) for a, b in zip(true, written, strict=True)]
    found = {}
    with warnings.catch_warnings():
        # weights of 0.33 are remarked upon, and meant
        warnings.simplefilter("ignore")
        for n, weights in enumerate(PAPER_WEIGHTS, start=1):
            each = [
                module.sentence_bleu([a], b, weights=weights, smoothing_function=smooth)
                if b
                else 0.0
                for a, b in pairs
            ]
            found[f"sentence BLEU-{n}"] = float(np.mean(each))
    return found


def rouge_l(true: Sequence[str], written: Sequence[str]) -> NDArray[np.float64]:
    """F-measure of the longest common subsequence of words, for each report.

    Args:
        true: what should have been written.
        written: what was.

    Returns:
        (n,), 1 for equal texts in any script; endings of English words are cut off first, as in the
        paper.

    Raises:
        MissingGroupError: the optional group `evaluate` is not installed.
        InputError: the two differ in length, or there is none.

    Source: Lin 2004, by rouge-score.

    Book: deri#text-metrics
    """
    _check(true, written)
    scorer = _evaluate_group("rouge_score.rouge_scorer").RougeScorer(
        ["rougeL"], tokenizer=_Words(_evaluate_group("nltk.stem.porter").PorterStemmer())
    )
    pairs = zip(true, written, strict=True)
    return np.array([scorer.score(a, b)["rougeL"].fmeasure for a, b in pairs])


class _Words:
    """Words of any script, as rouge-score cuts those of English: lower case, long ones stemmed."""

    def __init__(self, stemmer: Any) -> None:
        self.stemmer = stemmer

    def tokenize(self, text: str) -> list[str]:
        words = re.findall(r"[^\W_]+", text.lower())
        return [self.stemmer.stem(word) if len(word) > 3 else word for word in words]


def text_metrics(true: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Corpus BLEU, the paper's mean sentence BLEU and mean ROUGE-L.

    Args:
        true: what should have been written.
        written: what was.

    Raises:
        MissingGroupError: the optional group `evaluate` is not installed.
        InputError: the two differ in length, or there is none.

    Book: deri#text-metrics
    """
    found = corpus_bleu(true, written) | sentence_bleu(true, written)
    return found | {"ROUGE-L": float(rouge_l(true, written).mean())}


def clinical_efficacy(
    true: Bool[np.ndarray, "B K"], stated: Bool[np.ndarray, "C J"]
) -> dict[str, float]:
    """Precision, recall and F1 of stated findings against findings that are there.

    `micro` counts all findings of all patients together; `macro` is the mean over findings that are
    there or stated at least once. A finding never stated has precision 0.

    Args:
        true: which findings each patient has.
        stated: which the report states.

    Returns:
        `micro precision`, `micro recall`, `micro F1` and the same for `macro`.

    Raises:
        InputError: the two have different shapes.

    Source: clinical efficacy of radiology reports; here against true findings, where DERI compares
    two texts with each other.

    Book: deri#clinical-efficacy
    """
    true, stated = np.asarray(true, bool), np.asarray(stated, bool)
    if true.shape != stated.shape:
        raise InputError(f"true findings are {true.shape} and stated ones {stated.shape}")
    hit = (true & stated).sum(0).astype(float)
    said, there = stated.sum(0).astype(float), true.sum(0).astype(float)
    judged = (said + there) > 0
    micro = _prf(hit.sum(), said.sum(), there.sum())
    macro = _prf(hit[judged], said[judged], there[judged])
    names = ("precision", "recall", "F1")
    return {f"micro {n}": float(v) for n, v in zip(names, micro, strict=True)} | {
        f"macro {n}": float(v.mean()) if judged.any() else 0.0
        for n, v in zip(names, macro, strict=True)
    }


def efficacy_intervals(
    true: Bool[np.ndarray, "B K"],
    stated: Bool[np.ndarray, "C J"],
    *,
    measures: Sequence[str] = ("micro precision", "micro recall", "micro F1", "macro F1"),
    n_resamples: int = 200,
    seed: int = 0,
) -> dict[str, Interval]:
    """Clinical efficacy with 95% intervals over resampled patients.

    Args:
        true: which findings each patient has.
        stated: which the report states.
        measures: names of `clinical_efficacy`.
        n_resamples: resampled cohorts.
        seed: of the resampling.

    Raises:
        InputError: the two have different shapes, or there is no patient.

    Book: deri#clinical-efficacy
    """
    return {
        name: bootstrap_interval(
            lambda rows, name=name: clinical_efficacy(true[rows], stated[rows])[name],
            len(true),
            n_resamples=n_resamples,
            seed=seed,
        )
        for name in measures
    }


def self_referential_efficacy(
    true: Float[Tensor, "B D"], written: Float[Tensor, "B D"], prompts: Float[Tensor, "C D"]
) -> dict[str, float]:
    """DERI's own clinical efficacy: do two texts lie next to the same prompt?

    Each report gets one label, its nearest prompt, and so does what was written; both labels come
    from the model that is being judged, and no finding of a patient is asked.

    Args:
        true: vectors of the true reports.
        written: vectors of what was written.
        prompts: vectors of the classes.

    Returns:
        Macro precision, recall and F1, over classes that occur.

    Source: Chen et al. 2025 (DERI), CE of its report generation.

    Book: deri#clinical-efficacy
    """
    count = len(prompts)
    a, b = (
        torch.nn.functional.one_hot(cosine(x, prompts).argmax(1), count).bool().cpu().numpy()
        for x in (true, written)
    )
    return {n: v for n, v in clinical_efficacy(a, b).items() if n.startswith("macro")}


def retrieved_reports(
    queries: Float[Tensor, "M D"], database: Float[Tensor, "N D"], reports: Sequence[str]
) -> list[str]:
    """For each ECG the report of the training patient whose vector is nearest.

    Nothing is generated, and no report is invented: what a writer has to beat.

    Args:
        queries: vectors of new ECGs.
        database: vectors of training patients, of their ECGs or of their reports.
        reports: of the training patients.

    Raises:
        InputError: vectors and reports differ in number.

    Book: deri#honest-baselines
    """
    if len(database) != len(reports):
        raise InputError(f"{len(database)} vectors and {len(reports)} reports")
    known = list(reports)
    return [known[int(i)] for i in cosine(queries, database).argmax(1)]


def report_metrics(true: Sequence[str], written: dict[str, Sequence[str]]) -> pd.DataFrame:
    """`text_metrics` of several sources of reports, one row for each.

    Args:
        true: what should have been written.
        written: name of a source to its texts.

    Book: deri#text-metrics
    """
    import pandas as pd

    return pd.DataFrame({name: text_metrics(true, texts) for name, texts in written.items()}).T


def _prf(hit: Any, said: Any, there: Any) -> tuple[Any, Any, Any]:
    """Precision, recall and F1 from counts, numbers or arrays; 0 where nothing was counted."""
    return (
        hit / np.maximum(said, 1),
        hit / np.maximum(there, 1),
        2 * hit / np.maximum(said + there, 1),
    )


def _check(true: Sequence[str], written: Sequence[str]) -> None:
    if len(true) != len(written) or not true:
        raise InputError(f"{len(true)} true and {len(written)} written reports")


def _evaluate_group(module: str):
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise MissingGroupError(
            'text metrics need the optional group "evaluate": pip install "ecglearn[evaluate]"'
        ) from error
