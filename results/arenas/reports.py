"""TAMER, DERI and MERL on reports: every seed draws its own patients, shared by all variants.

So the spread of a paired difference over seeds holds the chance of training *and* of patients.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd
import torch

from ecglearn.cohort import FINDINGS, RHYTHM_FINDINGS, simulate
from ecglearn.cohort.parse_reports import read_reports
from ecglearn.cohort.reports import WORDINGS
from ecglearn.cohort.site import second_site
from ecglearn.data.batch import ECGBatch
from ecglearn.encoders.report_generator import ReportPairs, report_generator
from ecglearn.evaluate import (
    Split,
    cosine,
    fit_probe,
    load_prompts,
    macro_auroc,
    patient_rank,
    prompt_scores,
)
from ecglearn.evaluate.metrics.text import clinical_efficacy, retrieved_reports
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.train import fit
from results.arenas.averaging import Averaged

TEST, SITE, PASSES, BATCH, WRITER_PASSES = 4096, 2048, 8, 64, 4
STREAM = 1000  # cohorts of the chapters and of other tables have smaller seeds
SMALL: dict[str, Any] = {"widths": (16, 32, 64), "blocks": (2, 2, 2)}
_TAMER = replace(
    TAMERConfig.preset("class"),
    **SMALL,
    spectrogram_widths=(8, 16, 32),
    spectrogram_blocks=(1, 1, 1),
)
_DERI = replace(DERIConfig.preset("class"), **SMALL)
_ALONE = {"mix": 0.0, "rec_ecg": 0.0, "rec_text": 0.0}
CONFIGS: dict[str, Any] = {
    "MERL": replace(MERLConfig.preset("class"), **SMALL),
    "TAMER": _TAMER,
    "TAMER without spectrogram": replace(_TAMER, spectrogram=False),
    "TAMER without word-level alignment": replace(_TAMER, wlai=False),
    "TAMER without report-guided refinement": replace(_TAMER, rgwr=0.0),
    "TAMER without UECR": replace(_TAMER, uecr=0.0),
    "TAMER without RADA": replace(_TAMER, rada=0.0),
    "DERI": _DERI,
    "DERI, alignment alone": replace(_DERI, **_ALONE),
    "DERI without masked enhancement": replace(_DERI, rme=0.0),
    "DERI, dropout views": replace(_DERI, views="dropout"),
    # no claim rests on these
    "TAMER without RLCA": replace(_TAMER, rlca=0.0),
    "TAMER, loss as printed": replace(_TAMER, exclude_positive=True),
    "DERI, same reports are negatives": replace(_DERI, duplicates="negative"),
    "DERI, released": replace(
        _DERI, **{**DERIConfig.PRESETS["released"], "preprocess": "standard"}
    ),
}
ASIDE = tuple(CONFIGS)[-4:]
SIZES = (1024, 4096, 16384)
ALIGNED = "DERI, aligned vector"  # the same training, asked by its other vector
VARIANTS = (
    *(
        f"{name}; {size} pairs"
        for size in SIZES
        for name in CONFIGS
        if size == 1024 or name not in ASIDE
    ),
    f"{ALIGNED}; 4096 pairs",
)
CONFIGS[ALIGNED] = replace(_DERI, vector="aligned")
MANY = tuple(f"{name}; 16384 pairs" for name in ("MERL", "TAMER", "DERI"))  # minutes a run
RHYTHM = [name for name in FINDINGS if name in RHYTHM_FINDINGS]
FORM = [name for name in FINDINGS if name not in RHYTHM_FINDINGS]
_NUMBERS = {
    "rate": 80,
    "pr": 230,
    "qrs": 140,
    "qtc": 490,
    "axis": 0,
    "severity": "moderate",
    "certainty": "probable",
    "frequency": "occasional",
}


def asked() -> dict[str, list[str]]:
    """Each finding in the words of the book's prompts and in those of the reports' writer."""
    usual = load_prompts()
    return {n: [*usual[n], *(w.format(**_NUMBERS) for w in WORDINGS[n])] for n in usual}


class Patients(NamedTuple):
    """Those of one seed."""

    train: ECGBatch
    test: ECGBatch
    site: ECGBatch


@lru_cache(maxsize=1)
def patients(size: int, seed: int) -> Patients:
    """Training and test patients, and those of a second site; without cines."""
    cohort = simulate(TEST + SITE + size, seed=STREAM + seed, frames=1, size=2)
    there = second_site(cohort[TEST : TEST + SITE])
    parts = (cohort[TEST + SITE :], cohort[:TEST], there)
    return Patients(*(replace(ECGBatch.from_cohort(part), cine=None) for part in parts))


def findings(batch: ECGBatch) -> pd.DataFrame:
    """Who has which."""
    assert batch.findings is not None
    return pd.DataFrame(batch.findings.numpy(), columns=list(FINDINGS))


def run(variant: str, seed: int) -> dict[str, float]:
    """Zero-shot AUROC here and at the second site, rank of the report, probe; DERI also writes."""
    name, size = variant.removesuffix(" pairs").split("; ")
    train, test, site = patients(int(size), seed)
    torch.manual_seed(seed)
    method = made(CONFIGS[name])
    mean = Averaged(method, PASSES)
    settings: dict[str, Any] = {"batch_size": BATCH, "seed": seed, "progress": False}
    fit(method, train, epochs=PASSES, after_epoch=mean.after_epoch, **settings)
    method = mean.method
    here, there = method.embed(test), method.embed(train)
    prompts, read = asked(), method.embed_text
    scores = prompt_scores(here, read, prompts)
    found = macro_auroc(scores, findings(test)).per_class
    usual = macro_auroc(prompt_scores(here, read, load_prompts()), findings(test)).value
    away = macro_auroc(prompt_scores(method.embed(site), read, prompts), findings(site)).value
    row = {
        "auroc": float(found.mean()),
        "rhythm_auroc": float(found[RHYTHM].mean()),
        "form_auroc": float(found[FORM].mean()),
        "flutter_auroc": flutter(scores, findings(test)),
        "usual_prompts_auroc": usual,
        "site_auroc": away,
    }
    assert test.reports is not None
    assert train.reports is not None
    first = slice(0, 1024)
    rank = patient_rank(cosine(here[first], method.embed_text(test.reports[first]))).float()
    row["report_rank"] = float(rank.mean())
    row["probe_auroc"] = Probed(there, train).auroc(here, test)
    if isinstance(method, DERI):
        method.config = replace(method.config, vector="aligned")
        aligned = prompt_scores(method.embed(test), read, prompts)
        row["aligned_auroc"] = macro_auroc(aligned, findings(test)).value
    if name == "DERI":
        torch.manual_seed(seed)
        writer = report_generator(width=method.config.width)
        pairs = ReportPairs(there[:, None], train.reports)
        fit(writer, pairs, epochs=WRITER_PASSES, weight_decay=0.01, **settings)
        truth = findings(test)[first].to_numpy()
        copied = retrieved_reports(here[first], there, train.reports)
        for how, texts in (("written", writer.generate(here[first, None])), ("copied", copied)):
            said = clinical_efficacy(truth, read_reports(texts).findings)
            row |= {f"{how}_f1": said["micro F1"], f"{how}_macro_f1": said["macro F1"]}
        row["written_above_copied_f1"] = row["written_f1"] - row["copied_f1"]
    return row


def made(config: Any) -> Any:
    """A method of a configuration.

    Args:
        config: of TAMER, DERI or MERL.
    """
    kinds: dict[type, type] = {TAMERConfig: TAMER, DERIConfig: DERI, MERLConfig: MERL}
    return kinds[type(config)](config)


def flutter(scores: pd.DataFrame, truth: pd.DataFrame) -> float:
    """Flutter told from fibrillation among those who have one of them: AUROC of the difference."""
    one, other = "atrial flutter", "atrial fibrillation"
    rows = (truth[one] | truth[other]).to_numpy()
    more = (scores[one] - scores[other]).to_numpy()[rows, None]
    return macro_auroc(more, truth[one].to_numpy()[rows, None]).value


class Probed:
    """A linear probe of the findings on 256 labelled training patients.

    Args:
        there: vectors of the training patients.
        train: their findings.
    """

    def __init__(self, there: torch.Tensor, train: ECGBatch) -> None:
        y = findings(train).to_numpy()[:256]
        self.kept = y[:192].any(0) & ~y[:192].all(0)
        parts = (slice(0, 192), slice(192, 256), slice(192, 256))
        features = Split(*(there[rows].numpy() for rows in parts))
        self.probe = fit_probe(features, Split(*(y[rows][:, self.kept] for rows in parts)))

    def auroc(self, here: torch.Tensor, test: ECGBatch) -> float:
        """Of vectors of test patients.

        Args:
            here: vectors.
            test: their findings.
        """
        truth = findings(test).to_numpy()[:, self.kept]
        return macro_auroc(self.probe.score(here.numpy()), truth).value
