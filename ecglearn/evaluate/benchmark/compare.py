"""All tasks to all models: one call, one tidy table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from ecglearn.abilities import Embeds
from ecglearn.cohort import Cohort
from ecglearn.data.batch import ECGBatch
from ecglearn.data.splits import check_disjoint, check_new_records
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.errors import InputError
from ecglearn.evaluate.benchmark import oracle_tasks
from ecglearn.evaluate.benchmark import tasks as plain_tasks
from ecglearn.evaluate.benchmark.frozen_model import AgeAndSex, FrozenModel, Measurement, Patients
from ecglearn.evaluate.benchmark.store_part import filmed, store_parts
from ecglearn.evaluate.benchmark.tasks import written
from ecglearn.evaluate.intervals import Interval, interval_of, resampled_rows
from ecglearn.evaluate.probe import LABEL_FRACTIONS, Split
from ecglearn.evaluate.prompts import PromptError, load_prompts
from ecglearn.method import Method

if TYPE_CHECKING:
    import pandas as pd

# what everybody is asked, the controls included; then what only models are asked
CONTROLLED: dict[str, Callable[[FrozenModel], Iterator[Measurement]]] = {
    "probe": plain_tasks.probe,
    "calibration": plain_tasks.calibration,
    "labs": plain_tasks.labs,
    "phenotypes": plain_tasks.phenotypes,
    "retrieval": plain_tasks.retrieval,
    "phase": oracle_tasks.phase,
}
TASKS = CONTROLLED | {
    "zero-shot": plain_tasks.zero_shot,
    "second site": plain_tasks.second_site,
    "reports": plain_tasks.reports,
    "missing": oracle_tasks.robustness,
    "evidence": oracle_tasks.occlusion_evidence,
}
DEMOGRAPHICS = "age and sex"
SIMULATED = ("phenotypes", "evidence")  # tasks whose truth only a simulator has


class _Measured(NamedTuple):
    answer: Measurement
    value: NDArray[np.float64]
    drawn: NDArray[np.float64]  # (n_resamples, names)


def compare(
    models: Mapping[str, Embeds | Sequence[Embeds]],
    cohort: Cohort | Store | Stores,
    *,
    train: int | None = None,
    external: Cohort | Store | Stores | None = None,
    train_index: ArrayLike | None = None,
    prompts: str | Path | Mapping[str, str | Sequence[str]] | None = None,
    least_cases: int = 10,
    tasks: Sequence[str] = tuple(TASKS),
    label_fractions: Sequence[float] = LABEL_FRACTIONS,
    controls: bool = True,
    n_resamples: int = 200,
    occluded: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> pd.DataFrame:
    """Ask every model every question it can answer, about the same patients.

    Frozen models only: probes are fitted on four fifths of the training patients, their strength is
    chosen on the last fifth, and the test patients judge once. Two controls are added to every
    task that could be solved without learning: each model untrained, and age and sex alone.

    Args:
        models: name to a method with `embed(batch)`, or to a list of runs of it that differ in
            their seed. What else it can do (`ecglearn.abilities`: `EmbedsText`, `EmbedsCine`,
            `LocalTokens`) is used where it can.
        cohort: simulated patients; the first `train` of them may have taught the models. Or a
            store, or several as one, whose parts teach, choose and judge by the label set in use.
        train: how many; None takes two thirds. Of a store the part "train" teaches.
        external: patients of a second site, see `ecglearn.cohort.site`, or a second store, judged
            on the classes that both have; None leaves this out.
        train_index: `truth.index` of all patients who taught the models, where they are not the
            first `train`; of a store the names of these patients. None of them may judge.
        prompts: wordings of the classes, as `load_prompts` gives them, or what it reads; None:
            those of the library.
        least_cases: of a store, classes with fewer cases, or fewer other records, in the test part
            are not judged.
        tasks: which tasks; all by default, of a store those that it has an answer to.
        label_fractions: of the labels, for the probes.
        controls: add the two controls.
        n_resamples: resampled test cohorts, and seeds where there are several; the same for every
            model.
        occluded: so many of the simulated patients who judge have every cell hidden once, to see
            which the probe needs.
        seed: of the resampling, of missing leads, and of random initialisation.
        progress: show a bar.

    Returns:
        One row for each model, task, measure and name: `value` with its 95% interval `low`, `high`;
        `gain`, `gain_low`, `gain_high` over the same model untrained, paired; `patients` who
        judge, `seeds`, and `left_out`, findings without cases or without others. `name` is "all"
        for the summary, else a finding, flag or phenotype.

    Raises:
        InputError: a patient, or a record, is on both sides; no patient is left to judge, or to be
            occluded; no such task, or one that a store cannot answer.
        PromptError: a class has no wording in the prompts that were given.

    Book: evaluation#compare
    """
    import pandas as pd

    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise InputError(f"no task {', '.join(unknown)}; there are {', '.join(TASKS)}")
    fractions = tuple(label_fractions)
    if isinstance(cohort, Store | Stores):
        if train is not None or isinstance(external, Cohort):
            raise InputError(
                "of a store the part 'train' teaches, and its second site is a store: leave out "
                "`train`, and prepare the records of the second site"
            )
        patients = _of_store(cohort, external, train_index, prompts, least_cases, fractions, seed)
        tasks = _askable(patients, tasks)
    elif isinstance(external, Store | Stores):
        raise InputError("the second site of simulated patients is simulated too: give a cohort")
    else:
        patients = _patients(cohort, train, external, train_index, fractions, seed)
        if occluded < 1:
            raise InputError(f"{occluded} patients have no evidence to look for; give 1 or more")
        patients = replace(patients, occluded=occluded)
        if prompts is not None:
            patients = replace(patients, prompts=_wordings(prompts, patients.names))
    columns: dict[str, tuple[str, list[Any], Sequence[str]]] = {}
    for name, given in models.items():
        runs = list(given) if isinstance(given, (list, tuple)) else [given]
        columns[name] = (name, runs, tasks)
        asked = [task for task in tasks if task in CONTROLLED]
        ours = [run for run in runs if isinstance(run, Method)]
        if controls and len(ours) == len(runs):
            twins = [untrained(run, seed + k) for k, run in enumerate(ours)]
            columns[f"{name}, untrained"] = (name, twins, asked)
    if controls and patients.parts.test.table is not None:
        asked = [task for task in tasks if task in ("probe", "calibration", "labs", "phenotypes")]
        columns[DEMOGRAPHICS] = (DEMOGRAPHICS, [AgeAndSex()], asked)
    found = {
        name: _measure([FrozenModel(run, patients) for run in runs], wanted, n_resamples, seed)
        for name, (_, runs, wanted) in tqdm(columns.items(), disable=not progress)
    }
    lines = []
    for name, measured in found.items():
        reference = found.get(f"{name}, untrained", {})
        for key, one in measured.items():
            lines += _lines(name, len(columns[name][1]), one, reference.get(key))
    return pd.DataFrame(lines)


def _of_store(
    store: Store | Stores,
    external: Store | Stores | None,
    taught: ArrayLike | None,
    prompts: Any,
    least: int,
    label_fractions: tuple[float, ...],
    seed: int,
) -> Patients:
    parts, site = store_parts(store, external, taught, least)
    names = parts.test.label_names
    try:
        wordings = _wordings("ecg" if prompts is None else prompts, names)
    except PromptError as error:
        if prompts is not None:
            raise
        tqdm.write(f"no zero-shot rows: {error}", file=sys.stderr)
        wordings = {}
    return Patients(parts, None, site, label_fractions, seed, names, wordings)


def _wordings(prompts: Any, names: Sequence[str]) -> dict[str, list[str]]:
    """Wordings of the classes, in their order."""
    if not isinstance(prompts, Mapping):
        return load_prompts(prompts, classes=names)
    if absent := [name for name in names if name not in prompts]:
        raise PromptError(f"no prompt for {', '.join(absent)}")
    return {
        name: [said] if isinstance(said := prompts[name], str) else list(said) for name in names
    }


def _askable(patients: Patients, tasks: Sequence[str]) -> Sequence[str]:
    """Tasks that a store has an answer to; those asked for by name are refused where it has not."""
    test = patients.parts.test
    absent = {
        "labs": test.labs is None,
        "second site": patients.external is None,
        "reports": not len(written(test)),
        "phase": filmed(test)[0] is None,
        "zero-shot": patients.prompts == {},
        **dict.fromkeys(SIMULATED, True),
    }
    cannot = [task for task in tasks if absent.get(task)]
    if cannot and set(tasks) != set(TASKS):
        raise InputError(f"this store has no answer to {', '.join(cannot)}: leave that out")
    return [task for task in tasks if task not in cannot]


def untrained(method: Method, seed: int = 0) -> Method:
    """The same method with weights that have learned nothing.

    Args:
        method: its class makes another one from its `config`, and from the encoder that it was
            given, where it was.
        seed: of the random initialisation.

    Raises:
        InputError: the method has other parts than its configuration makes, such as a replaced
            encoder, so that its gain would be one over another network; or an encoder that was
            given cannot begin anew.

    Book: evaluation#controls
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 10_000)
        fresh = method.fresh()
    want, have = ({n: tuple(x.shape) for n, x in m.state_dict().items()} for m in (method, fresh))
    if want != have:
        odd = sorted(n for n in want.keys() | have.keys() if want.get(n) != have.get(n))
        raise InputError(
            f"{method.title} has other parts than its configuration makes ({', '.join(odd[:3])}): "
            "a gain would be one over another network; give the encoder when the method is made, "
            "`create(..., encoder=...)`"
        )
    return fresh.to(next(method.parameters()).device).eval()


def _patients(
    cohort: Cohort,
    train: int | None,
    external: Cohort | None,
    train_index: ArrayLike | None,
    label_fractions: tuple[float, ...],
    seed: int,
) -> Patients:
    count = len(cohort) * 2 // 3 if train is None else train
    cut = count * 4 // 5
    if not 0 < cut < count < len(cohort):
        raise InputError(
            f"{count} of {len(cohort)} patients for training leave nobody to choose or to judge; "
            "simulate more patients or pass a smaller `train`"
        )
    cohorts = Split(cohort[:cut], cohort[cut:count], cohort[count:])
    parts = Split(*(ECGBatch.from_cohort(part) for part in cohorts))
    taught = cohort.truth.index[:count] if train_index is None else np.asarray(train_index)
    site = None if external is None else ECGBatch.from_cohort(external)
    for judges in (cohorts.test, *([] if external is None else [external])):
        if judges.truth.source.seed == cohort.truth.source.seed:
            check_disjoint(taught, judges.truth.index)
        check_new_records(cohort.ecg[:count], judges.ecg)
    return Patients(parts, cohorts, site, label_fractions, seed)


def _measure(
    runs: list[FrozenModel], tasks: Sequence[str], n_resamples: int, seed: int
) -> dict[tuple[str, str], _Measured]:
    """Each answer of all runs of a model, whole and resampled: patients and runs together."""
    found: dict[tuple[str, str], _Measured] = {}
    for task in tasks:
        for answers in zip(*(TASKS[task](run) for run in runs), strict=True):
            first: Measurement = answers[0]
            everyone = np.arange(first.patients)
            whole = [np.atleast_1d(a.statistic(everyone)) for a in answers]
            value = np.mean(whole, 0).astype(float)
            drawn = np.full((n_resamples, len(first.names)), np.nan)
            rng = np.random.default_rng(seed)  # one stream: the patients, then the runs
            n, whose = first.patients, None if first.whose is None else first.whose.tolist()
            cohorts = resampled_rows(n, n_resamples, rng, whose) if first.resampled else ()
            for k, rows in enumerate(cohorts):
                chosen = rng.integers(len(answers), size=len(answers)).tolist()
                each = {i: np.atleast_1d(answers[i].statistic(rows)) for i in set(chosen)}
                drawn[k] = np.mean([each[i] for i in chosen], 0)[: len(first.names)]
            found[first.task, first.measure] = _Measured(first, value, drawn)
    return found


def _lines(
    name: str, seeds: int, one: _Measured, reference: _Measured | None
) -> Iterator[dict[str, Any]]:
    nothing = Interval(np.nan, np.nan, np.nan)
    left_out = int(np.isnan(one.value[1:]).sum())
    for k, of in enumerate(one.answer.names):
        value = interval_of(one.value[k], one.drawn[:, k])
        gain = nothing
        if reference is not None:
            more = one.value[k] - reference.value[k]
            gain = interval_of(more, one.drawn[:, k] - reference.drawn[:, k])
        yield {
            "model": name,
            "task": one.answer.task,
            "measure": one.answer.measure,
            "name": of,
            **value._asdict(),
            "gain": gain.value,
            "gain_low": gain.low,
            "gain_high": gain.high,
            "patients": one.answer.patients
            if one.answer.whose is None
            else len(set(one.answer.whose.tolist())),
            "seeds": seeds,
            "left_out": 0 if k else left_out,
        }
