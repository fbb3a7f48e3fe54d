"""`ecglearn compare`: every question of the book to trained models, about a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ecglearn.cli.data import COHORT
from ecglearn.cli.model import Own, open_method
from ecglearn.cli.terminal import say
from ecglearn.data.store.together import open_named
from ecglearn.errors import InputError
from ecglearn.evaluate.benchmark.compare import TASKS
from ecglearn.evaluate.benchmark.compare import compare as ask
from ecglearn.files import whole

_SHOWN = ["model", "task", "measure", "value", "low", "high", "gain", "patients", "left_out"]


def compare(
    weights: tuple[Path, ...],
    /,
    *,
    data: str,
    out: Path | None = None,
    labels: str | None = None,
    prompts: str | None = None,
    external: str | None = None,
    tasks: tuple[str, ...] = (),
    label_fractions: tuple[float, ...] = (0.01, 0.1, 1.0),
    least_cases: int = 10,
    n_resamples: int = 200,
    seed: int = 0,
    own: Own = Own(),  # noqa: B008
) -> None:
    """One table of all models, tasks and controls, with intervals over patients and paired gains.

    Weights of one method with one configuration are runs of it with other seeds, and averaged.

    Args:
        weights: written by `ecglearn train`, one or more.
        data: a store, or several with commas between them; its training part teaches probes, its
            test part judges.
        out: table to write as well, with a row for each class, .csv or .parquet.
        labels: label set of the store; None takes its first.
        prompts: JSON file with the wording of each class, or ecg-de for German ones.
        external: a store of a second site.
        tasks: some of probe, calibration, labs, retrieval, phase, zero-shot, second site, reports,
            missing; by default all that the store has an answer to.
        label_fractions: of the labelled training records, for the probes.
        least_cases: a class with fewer cases, or fewer other records, in the test part is not
            judged.
        n_resamples: resampled test cohorts behind each interval.
        seed: of the resampling and of random encoders.
        own: code of yours that the weights need.

    Raises:
        InputError: no weights, no such store, or a question that it cannot answer.

    Book: evaluation#compare-store
    """
    if not weights:
        raise InputError("give the weights of one model or more, as `ecglearn train` wrote them")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise InputError(f"a table is written as .csv or .parquet, not as {out.name}")
    for place in (data, external or ""):
        if COHORT.fullmatch(place):
            raise InputError(
                f"{place} has no parts of which one could judge: give stores, or call "
                "ecglearn.compare with simulated patients"
            )
    table = ask(
        _models(weights, own),
        open_named(data, labels=labels),
        external=None if external is None else open_named(external, labels=labels),
        prompts=prompts,
        tasks=tasks or tuple(TASKS),
        label_fractions=label_fractions,
        least_cases=least_cases,
        n_resamples=n_resamples,
        seed=seed,
    )
    summary: Any = table[table["name"] == "all"][_SHOWN]
    say(*summary.to_string(index=False, float_format=lambda x: f"{x:.3f}").split("\n"))
    if out is not None:
        with whole(out) as part:
            (table.to_csv if out.suffix == ".csv" else table.to_parquet)(part, index=False)


def _models(weights: tuple[Path, ...], own: Own) -> dict[str, list[Any]]:
    """Runs of each method and configuration; a second configuration is named by its folder."""
    runs: dict[tuple[str, str], list[Any]] = {}
    where: dict[tuple[str, str], Path] = {}
    for path in weights:
        method = open_method(path, own)
        key = (method.title, repr(method.config))
        runs.setdefault(key, []).append(method.cuda() if torch.cuda.is_available() else method)
        where.setdefault(key, path)
    titles = [title for title, _ in runs]
    return {
        key[0] if titles.count(key[0]) == 1 else f"{key[0]}, {where[key].parent.name}": some
        for key, some in runs.items()
    }
