"""Questions that need something hidden, or a truth that only a simulator has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate.alignment import alignment_maps, alignment_numbers
from ecglearn.evaluate.asked import LOOKED_AT, SEGMENTS, Answer, Asked, Rows, auroc_of
from ecglearn.evaluate.cmrs import cmrs_draws
from ecglearn.evaluate.label_sets import load_prompts
from ecglearn.evaluate.missingness import cell_drops, critical, hide
from ecglearn.evaluate.phase import phase_errors
from ecglearn.evaluate.zero_shot import zero_shot


def missing(asked: Asked) -> Iterator[Answer]:
    """What is left of the probe, and of zero-shot, when leads and moments go missing.

    Args:
        asked: a frozen model.

    Book: when-leads-go-missing#missing-severity
    """
    y, test = asked.patients.findings.test, asked.patients.parts.test
    readers: dict[str, Callable[[ECGBatch], NDArray]] = {
        "probe": lambda batch: asked.probe.score(asked.embed(batch))
    }
    if asked.reads_text:
        readers["zero-shot"] = lambda b: zero_shot(asked.method, b, load_prompts()).to_numpy()
    hidden = {view: hide(test, keep) for view, keep in asked.patients.views.items()}
    for name, read in readers.items():
        full = read(test)
        for view, batch in hidden.items():
            s, task = read(batch), f"{name}, {view} missing"
            yield Answer(task, "macro AUROC", ("all",), auroc_of(y, [s]), len(y))
            left = partial(_cmrs, s, full, y)
            yield Answer(task, "CMRS", ("all",), left, len(y))


def phase(asked: Asked) -> Iterator[Answer]:
    """Do tokens know the heart's phase; does phase k of the ECG find phase k of the film?

    Args:
        asked: a frozen model.

    Book: evaluation#phase-error
    """
    parts, cohorts, method = asked.patients.parts, asked.patients.cohorts, asked.method
    test = parts.test
    if hasattr(method, "moments"):
        (x, seconds), (z, _) = method.moments(parts.validation), method.moments(test)
        error = phase_errors(
            (_numpy(x), cohorts.validation.truth), (_numpy(z), cohorts.test.truth),
            _numpy(seconds), cohorts.test.fs,
        )  # fmt: skip
        yield Answer("phase in tokens", "error in ms", ("all",), lambda r: error[r].mean(), len(z))
    if hasattr(method, "embed_cine") and test.cine is not None:
        ecg, cine, valid = method.local(test)
        maps = alignment_maps(ecg[valid], cine[valid])
        beat = np.nanmedian(np.diff(cohorts.test.truth.r_times, axis=1), axis=1)[_numpy(valid) > 0]
        each = np.array([alignment_numbers(m[None]) for m in maps])
        each[:, 3] *= 1000 * beat
        for k, measure in enumerate(("diagonal contrast", "right phase", None, "error in ms")):
            if measure:
                yield Answer("phase of the film", measure, ("all",),
                             lambda r, k=k: each[r, k].mean(), len(each))  # fmt: skip


def looks(asked: Asked) -> Iterator[Answer]:
    """How much evidence lies in the quarter of cells that a record's findings need most.

    Args:
        asked: a frozen model.

    Book: five-methods#against-the-truth
    """
    few = asked.patients.parts.test[slice(0, LOOKED_AT)]
    true = torch.from_numpy(asked.patients.findings.test[: len(few)])

    def agreement(view: ECGBatch) -> torch.Tensor:
        scores = torch.from_numpy(asked.probe.score(asked.embed(view)))
        return (scores * true).sum(1) / true.sum(1).clamp_min(1)

    gone = ~critical(cell_drops(agreement, few, SEGMENTS), 0.25).numpy()
    written = np.nan_to_num(asked.patients.written)
    counted = written.sum((2, 3)) > 0  # (patients, findings)
    hit = (written * gone[:, None]).sum((2, 3)) * counted

    def statistic(rows: Rows) -> float:
        return float(hit[rows].sum() / max(counted[rows].sum(), 1))

    yield Answer("evidence", "share in the top quarter", ("all",), statistic, len(few))


def _cmrs(scores: NDArray, full: NDArray, y: NDArray, rows: Rows) -> float:
    return float(cmrs_draws(scores, full, y, [rows])[0, 0])


def _numpy(x: Any) -> NDArray[np.float64]:
    return np.asarray(x.cpu(), dtype=float)
