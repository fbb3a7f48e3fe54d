"""`ecglearn evaluate`: what a trained encoder is worth, beside two references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecglearn.abilities import EmbedsText
from ecglearn.cli.data import Data, open_data
from ecglearn.cli.model import Own, open_method
from ecglearn.cli.terminal import say
from ecglearn.data import enough_cases
from ecglearn.encoders import ReportError
from ecglearn.errors import InputError, MissingGroupError
from ecglearn.evaluate import (
    Split,
    auroc_intervals,
    fit_probe,
    load_prompts,
    probe_table,
    untrained,
)
from ecglearn.evaluate.prompts import PromptError
from ecglearn.evaluate.zero_shot import prompt_scores
from ecglearn.files import whole


def evaluate(
    weights: Path,
    /,
    *,
    data: str,
    out: Path | None = None,
    label_fractions: tuple[float, ...] = (0.01, 0.1, 1.0),
    seeds: int = 5,
    labels: str | None = None,
    prompts: str | None = None,
    external: str | None = None,
    least_cases: int = 10,
    seed: int = 0,
    own: Own = Own(),  # noqa: B008
) -> None:
    """Macro AUROC with 95% intervals: without labels, and of linear probes with few and all labels.

    Beside the trained encoder stand the same encoder with random weights, and age and sex alone:
    what they reach, the task gives away.

    Args:
        weights: written by `ecglearn train`.
        data: a store, or cohort:N or cohort:N:seed; probes learn on its training part and are
            judged on its test part.
        out: table to write as well, .csv or .parquet.
        label_fractions: of the labelled training records.
        seeds: draws of these records.
        labels: label set of the store, such as ptbxl-sub; None takes its first.
        external: a store, or cohort:N, of a second site: the probes are judged there too, on all
            its records and the classes that both have, without learning anything there.
        prompts: JSON file with the wording of each class, or ecg-de for German ones; None takes the
            English ones of the library.
        least_cases: a class with fewer cases, or fewer other records, in the test part is not
            judged.
        seed: of the random encoder.
        own: code of yours that the weights need.

    Raises:
        CheckpointError: no weights of this library.
        InputError: no such data, without labels, with no class that can be judged, or another
            ending of `out`.

    Book: many-machines#commands
    """
    if seeds < 1 or not label_fractions or not all(0 < f <= 1 for f in label_fractions):
        raise InputError("give 1 or more seeds, and label fractions above 0 and up to 1")
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise InputError(f"a table is written as .csv or .parquet, not as {out.name}")
    method = open_method(weights, own)
    name = method.name
    config = method.config
    reads = {"fs": config.fs, "preprocess": config.preprocess, "needs": method.needs}
    source = open_data(data, **reads, labels=labels)
    if not source.classes:
        raise InputError(f"{data} has no labels to judge by")
    random = untrained(method, seed)
    if torch.cuda.is_available():
        method.cuda()
        random.cuda()
    rows = Split(*(source.rows(part) for part in Split._fields))
    judged = _judged(source, rows.test, least_cases)
    known = Split(*(source.labels[part][:, judged] for part in rows))
    cases = int(known.test.sum())
    encoders = {
        name: _embedded(method, source, rows),
        "random encoder": _embedded(random, source, rows),
        "age and sex": _demographics(source, rows),
    }
    patients = source.patients[rows.test].tolist()
    table = probe_table(
        encoders, known, label_fractions=label_fractions, seeds=seeds, patients=patients
    ).reset_index()
    table.insert(1, "task", [f"probe, {share:.0%} of the labels" for share in table.pop("share")])
    table = table.rename(columns={"records": "labelled", "unseen": "unseen classes"})
    vectors = encoders[name].test
    if (row := _without_labels(method, source, rows.test, vectors, prompts, judged)) is not None:
        table.loc[len(table)] = {"encoder": name, **row, "labelled": 0, "unseen classes": 0}
    table["classes"], table["cases"] = len(judged), cases
    if external is not None:
        there = open_data(external, **reads, labels=labels if "cohort:" not in external else None)
        for line in _elsewhere(encoders, known, judged, source, there, method, random, least_cases):
            table.loc[len(table)] = line
    say(f"intervals: 95% over {len(set(patients)):,} test patients")
    say(*table.to_string(index=False, float_format=lambda x: f"{x:.3f}").split("\n"))
    if out is not None:
        with whole(out) as part:
            (table.to_csv if out.suffix == ".csv" else table.to_parquet)(part, index=False)


def _elsewhere(
    encoders: dict[str, Split],
    known: Split,
    judged: NDArray[np.int64],
    source: Data,
    there: Data,
    method: Any,
    random: Any,
    least: int,
) -> list[dict[str, Any]]:
    """Rows of probes that learned here, judged on all records of another place."""
    names = [source.classes[k] for k in judged]
    every = np.arange(len(there.names))
    enough = enough_cases(there.labels, least=max(least, 1))
    shared = [c for c, kept in zip(there.classes, enough, strict=True) if kept and c in names]
    if not shared:
        raise InputError(
            f"the second site has no class with {least} cases and {least} other records that is "
            f"judged here; it has {', '.join(there.classes)}"
        )
    truth = there.labels[:, [there.classes.index(c) for c in shared]]
    columns = [names.index(c) for c in shared]
    lines = []
    for name, model in (("random encoder", random), (method.name, method)):
        probe = fit_probe(encoders[name], known)
        vectors = torch.cat(list(there.embedded(model, every)))
        scores = probe.score(vectors)[:, columns]
        found = auroc_intervals(scores, truth, patients=there.patients.tolist()).loc["macro"]
        lines.append(
            {
                "encoder": name,
                "task": "probe, 100% of the labels, second site",
                **found[["value", "low", "high"]],
                "labelled": len(known.train),
                "unseen classes": len(probe.unseen),
                "classes": len(shared),
                "cases": int(truth.sum()),
            }
        )
    return lines


def _judged(source: Data, test: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    """Columns of the classes with enough cases and enough other records; the others are named."""
    enough = enough_cases(source.labels[test], least=max(least, 1))
    few = [name for name, kept in zip(source.classes, enough, strict=True) if not kept]
    if not enough.any():
        raise InputError(
            f"no class has {least} cases and {least} other records among the {len(test)} test "
            "records, so none can be judged: take more records, or a smaller --least-cases"
        )
    if few:
        say(f"not judged, fewer than {least} cases or others in the test part: {', '.join(few)}")
    return np.flatnonzero(enough)


def _embedded(method: Any, source: Data, rows: Split) -> Split:
    return Split(*(torch.cat(list(source.embedded(method, part))) for part in rows))


def _demographics(source: Data, rows: Split) -> Split:
    """Age and sex with gaps filled by the training median, or 0, and a flag for each gap."""
    known = (column[~np.isnan(column)] for column in source.demographics[rows.train].T)
    median = [np.median(column) if len(column) else 0.0 for column in known]
    gaps = np.isnan(source.demographics)
    filled = np.concatenate([np.where(gaps, median, source.demographics), gaps], axis=1)
    return Split(*(filled[part] for part in rows))


def _without_labels(
    method: Any,
    source: Data,
    test: NDArray[np.int64],
    vectors: Tensor,
    prompts: str | None,
    judged: NDArray[np.int64],
) -> dict[str, Any] | None:
    """A row for methods that read reports, when every class has a wording and there is a model."""
    if not isinstance(method, EmbedsText):
        return None
    try:
        classes = [source.classes[k] for k in judged]
        wordings = load_prompts(prompts or source.prompts, classes=classes)
        scores = prompt_scores(vectors, method.embed_text, wordings)
    except (PromptError, ReportError, MissingGroupError) as error:
        say(f"no zero-shot row: {error}", error=True)
        return None
    found = auroc_intervals(
        scores.to_numpy(), source.labels[test][:, judged], patients=source.patients[test].tolist()
    ).loc["macro"]
    return {"task": "zero-shot", **found[["value", "low", "high"]]}
