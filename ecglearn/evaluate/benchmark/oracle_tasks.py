"""Questions that need something hidden, or a truth that only a simulator has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecglearn.abilities import EmbedsCine, LocalTokens
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate.benchmark.frozen_model import (
    SEGMENTS,
    FrozenModel,
    Measurement,
    Rows,
    auroc_of,
)
from ecglearn.evaluate.benchmark.store_part import filmed, pieces
from ecglearn.evaluate.metrics.alignment import alignment_maps, alignment_numbers
from ecglearn.evaluate.metrics.cmrs import cmrs_draws
from ecglearn.evaluate.metrics.phase import phase_errors
from ecglearn.evaluate.missingness import cell_drops, critical


def robustness(model: FrozenModel) -> Iterator[Measurement]:
    """What is left of the probe, and of zero-shot, when leads and moments go missing.

    Args:
        model: a frozen model.

    Book: when-leads-go-missing#missing-severity
    """
    y, whose = model.patients.findings.test, model.patients.whose
    readers: dict[str, Callable[[NDArray], NDArray]] = {"probe": model.probe.score}
    if model.reads_text:
        readers["zero-shot"] = model.described
    views = model.patients.views.items()
    hidden = {view: model.embed_missing(keep) for view, keep in views}
    for name, read in readers.items():
        full = read(model.features.test)
        for view, vectors in hidden.items():
            s, task = read(vectors), f"{name}, {view} missing"
            right, left = auroc_of(y, [s]), partial(_cmrs, s, full, y)
            yield Measurement(task, "macro AUROC", ("all",), right, len(y), whose=whose)
            yield Measurement(task, "CMRS", ("all",), left, len(y), whose=whose)


def phase(model: FrozenModel) -> Iterator[Measurement]:
    """Do tokens know the heart's phase; does phase k of the ECG find phase k of the cine?

    Args:
        model: a frozen model.

    Book: evaluation#phase-error
    """
    parts, cohorts, method = model.patients.parts, model.patients.cohorts, model.method
    test = parts.test
    if cohorts is not None and isinstance(method, LocalTokens):
        (x, seconds), (z, _) = method.local_tokens(parts.validation), method.local_tokens(test)
        error = phase_errors(
            (_numpy(x), cohorts.validation.truth),
            (_numpy(z), cohorts.test.truth),
            _numpy(seconds),
            cohorts.test.fs,
        )
        yield Measurement(
            "phase in tokens", "error in ms", ("all",), lambda r: error[r].mean(), len(z)
        )
    films, rows = filmed(test)
    if isinstance(method, EmbedsCine) and films is not None:
        local = [method.local(piece) for piece in pieces(films)]
        ecg, cine, valid = (torch.cat(side) for side in zip(*local, strict=True))
        maps, usable = alignment_maps(ecg[valid], cine[valid]), _numpy(valid) > 0
        if cohorts is not None:
            beat = np.nanmedian(np.diff(cohorts.test.truth.r_times, axis=1), axis=1)[usable]
        else:
            beat = _beats(films)[usable]
        each = np.array([alignment_numbers(m[None]) for m in maps])
        each[:, 3] *= 1000 * beat
        whose = model.patients.whose
        whose = None if whose is None else whose[rows][usable]
        for k, measure in enumerate(("diagonal contrast", "right phase", None, "error in ms")):
            if measure:
                yield Measurement(
                    "phase of the cine",
                    measure,
                    ("all",),
                    lambda r, k=k: each[r, k].mean(),
                    len(each),
                    whose=whose,
                )


def occlusion_evidence(model: FrozenModel) -> Iterator[Measurement]:
    """How much evidence lies in the quarter of cells that a record's findings need most.

    Args:
        model: a frozen model.

    Book: five-methods#against-the-truth
    """
    if model.patients.cohorts is None:
        return
    few = model.patients.parts.test[slice(0, model.patients.occluded)]
    true = torch.from_numpy(model.patients.findings.test[: len(few)])

    def agreement(view: ECGBatch) -> torch.Tensor:
        scores = torch.from_numpy(model.probe.score(model.embed(view)))
        return (scores * true).sum(1) / true.sum(1).clamp_min(1)

    gone = ~critical(cell_drops(agreement, few, SEGMENTS), 0.25).numpy()
    written = np.nan_to_num(model.patients.written)
    counted = written.sum((2, 3)) > 0  # (patients, findings)
    hit = (written * gone[:, None]).sum((2, 3)) * counted

    def statistic(rows: Rows) -> float:
        return float(hit[rows].sum() / max(counted[rows].sum(), 1))

    yield Measurement("evidence", "share in the top quarter", ("all",), statistic, len(few))


def _beats(records: Any) -> NDArray[np.float64]:
    """Seconds of the median beat of each record, from its R peaks."""
    peaks = records.r_peaks.double()
    between = peaks.where(peaks >= 0, torch.nan).diff(dim=1) / records.fs
    return between.nanmedian(1).values.numpy()


def _cmrs(scores: NDArray, full: NDArray, y: NDArray, rows: Rows) -> float:
    """NaN where no record has some class and lacks another, so that there is no margin."""
    if not ((y[rows] == 1).any(1) & (y[rows] == 0).any(1)).any():
        return float("nan")
    return float(cmrs_draws(scores, full, y, [rows])[0, 0])


def _numpy(x: Any) -> NDArray[np.float64]:
    return np.asarray(x.cpu(), dtype=float)
