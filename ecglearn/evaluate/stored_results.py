"""Longer runs kept as small files with their provenance: read them, and say where they are from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import Interval, t_interval

if TYPE_CHECKING:
    import pandas as pd


Names = Sequence[str] | Mapping[str, str]


@dataclass(frozen=True)
class StoredResults:
    """Runs of one table.

    Attributes:
        about: command, settings, library version and source hash, machine, seconds.
        runs: one dictionary for each run, with `variant`, `seed` and the measured numbers.

    Book: alignment-matrices#longer-runs
    """

    about: dict[str, Any]
    runs: list[dict[str, Any]]

    @classmethod
    def of(cls, files: Sequence[Mapping[str, Any]]) -> StoredResults:
        """From the contents of run files: variants in the order of their table, then seeds.

        Args:
            files: each with `variant`, `seed`, `values` and `about`.

        Raises:
            InputError: two files hold the same run.
        """
        ordered = sorted(files, key=lambda f: (f["about"]["place"], f["seed"]))
        keys = [(f["variant"], f["seed"]) for f in ordered]
        for one, other in pairwise(keys):
            if one == other:
                raise InputError(f"two files hold the run of '{one[0]}' with seed {one[1]}")
        runs = [{"variant": f["variant"], "seed": f["seed"], **f["values"]} for f in ordered]
        abouts = [f["about"] for f in ordered]
        about = dict(abouts[0]) if abouts else {}
        for name in ("version", "source", "torch", "machine", "made"):
            about[name] = sorted({a[name] for a in abouts})
        about["seconds"] = sum(a["seconds"] for a in abouts)
        about["seeds"] = sorted({f["seed"] for f in ordered})
        return cls(about, runs)

    @property
    def variants(self) -> list[str]:
        """Names of the variants, in the order of the file."""
        return list(dict.fromkeys(run["variant"] for run in self.runs))

    def values(self, variant: str, measure: str) -> list[float]:
        """One number for each seed.

        Args:
            variant: which runs.
            measure: which number.

        Raises:
            KeyError: no such runs, or no such number in them.
        """
        return [run[measure] for run in self.runs_of(variant)]

    def runs_of(self, variant: str) -> list[dict[str, Any]]:
        """Everything measured for one variant, one dictionary for each seed.

        Args:
            variant: which runs.

        Raises:
            KeyError: no such runs.
        """
        found = [run for run in self.runs if run["variant"] == variant]
        if not found:
            raise KeyError(f"no runs of '{variant}'; there are {', '.join(self.variants)}")
        return found

    def interval(self, variant: str, measure: str) -> Interval:
        """Mean and 95% interval over seeds.

        Args:
            variant: which runs.
            measure: which number.
        """
        return t_interval(self.values(variant, measure))

    def difference(
        self, variant: str, other: str, measure: str, *, shared: bool = False
    ) -> Interval:
        """How much more one variant has than another, seed by seed: mean and 95% interval.

        Runs of one seed share random initialisation, order of patients and test patients, so their
        difference varies less than either of them.

        Args:
            variant: which runs.
            other: what they are compared with.
            measure: which number.
            shared: take the seeds that both were run with, while runs are still being made.

        Raises:
            InputError: the two were not run with the same seeds, or share fewer than two.
        """
        a, b = self.runs_of(variant), self.runs_of(other)
        if shared:
            both = {run["seed"] for run in a} & {run["seed"] for run in b}
            a, b = ([run for run in runs if run["seed"] in both] for runs in (a, b))
        if [run["seed"] for run in a] != [run["seed"] for run in b]:
            raise InputError(f"'{variant}' and '{other}' were run with different seeds")
        return t_interval([x[measure] - y[measure] for x, y in zip(a, b, strict=True)])

    def points(self, variant: str) -> list[str]:
        """Where a variant was run with two seeds or more, in the order of the table.

        Args:
            variant: its name without the point, as in "TAMER" of "TAMER; 4096 pairs".
        """
        there = [name.partition("; ") for name in self.variants if len(self.runs_of(name)) > 1]
        return [at for name, _, at in there if name == variant]

    def gains(self, whole: str, measure: str, *, at: str) -> dict[str, Interval]:
        """What a variant has over each other one, seed by seed, over the seeds that both have.

        Args:
            whole: its name without the point.
            measure: which number; variants without it are left out.
            at: the point.

        Returns:
            Name of the other variant to mean and 95% interval; nothing where two seeds are lacking.

        Book: claims#register
        """
        found = {}
        for variant in self.variants:
            name, _, place = variant.partition("; ")
            enough = place == at and at in self.points(whole) and at in self.points(name)
            if enough and name != whole and measure in self.runs_of(variant)[0]:
                one = f"{whole}; {at}"
                found[name] = self.difference(one, variant, measure, shared=True)
        return found

    def table(
        self,
        rows: Names | None,
        columns: Names,
    ) -> pd.DataFrame:
        """Mean and 95% interval of many variants and measures, as text.

        Args:
            rows: variants, by name or heading to name; None takes all. Or measures.
            columns: measures, by name or heading to name. Or variants, when the rows are measures.

        Returns:
            Texts such as "0.812 [0.790, 0.834]"; empty where a variant was not measured so.

        Raises:
            KeyError: no such runs, or no such number in any of them.

        Book: alignment-matrices#longer-runs
        """
        import pandas as pd

        down, across = _named(self.variants if rows is None else rows), _named(columns)
        there = set(self.variants)
        turned = not there.issuperset(down.values()) and there.issuperset(across.values())
        variants, measures = (across, down) if turned else (down, across)
        for variant in variants.values():
            self.runs_of(variant)
        known = {name for run in self.runs for name in run} - {"variant", "seed"}
        absent = [measure for measure in measures.values() if measure not in known]
        if absent:
            raise KeyError(f"no run measured '{absent[0]}'; there are {', '.join(sorted(known))}")

        def cell(variant: str, measure: str) -> str:
            measured = measure in self.runs_of(variant)[0]
            return str(self.interval(variant, measure)) if measured else ""

        texts = pd.DataFrame(
            {title: [cell(v, m) for v in variants.values()] for title, m in measures.items()},
            index=list(variants),
        )
        return texts.T if turned else texts

    def verdict(self, variant: str, other: str, measure: str, *, title: str = "") -> str:
        """One sentence: how much two variants differ, and whether the 95% interval leaves out 0.

        Args:
            variant: which runs.
            other: what they are compared with, seed by seed.
            measure: which number.
            title: what the reader calls it; empty takes the name of the measure.

        Raises:
            InputError: the two were not run with the same seeds.

        Book: alignment-matrices#longer-runs
        """
        change = self.difference(variant, other, measure)
        told = "not resolved: the 95% interval holds 0."
        if change.low > 0 or change.high < 0:
            told = "resolved: the 95% interval leaves out 0."
        return f"{variant} minus {other}, {title or measure}: {change}, {told}"

    def provenance(self) -> str:
        """One sentence: made by what, when the library looked how, on which machine."""
        a = self.about
        made = {name: " and ".join(a[name]) for name in ("version", "source", "torch", "machine")}
        days = a["made"][0] if len(a["made"]) == 1 else f"{a['made'][0]} to {a['made'][-1]}"
        return (
            f"Made by `{a['command']}` with ecglearn {made['version']} (source {made['source']}), "
            f"torch {made['torch']}, {len(self.runs)} runs of {days} on {made['machine']}, "
            f"{a['seconds'] / 60:.0f} minutes."
        )


def _named(names: Names) -> dict[str, str]:
    """Heading to name."""
    return dict(names) if isinstance(names, Mapping) else {name: name for name in names}


def stored_results(name: str) -> StoredResults:
    """Read the runs of a table: of the repository, of the wheel, or of `ECGLEARN_RESULTS`.

    Args:
        name: of the table.

    Raises:
        FileNotFoundError: there are no such runs; says how to make them.

    Book: alignment-matrices#longer-runs
    """
    folder = results_folder() / "runs" / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there: run `make results` in a clone of ecglearn")
    return StoredResults.of(read_runs(folder))


def results_folder() -> Path:
    """Where the results of longer runs lie.

    Book: alignment-matrices#longer-runs
    """
    here = Path(__file__).resolve()
    beside, packed = here.parents[2] / "results", here.parents[1] / "stored" / "results"
    return Path(os.environ.get("ECGLEARN_RESULTS") or (packed if packed.exists() else beside))


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """The files of a table, one for each run, in the order of names.

    Args:
        folder: of the table.

    Book: alignment-matrices#longer-runs
    """
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
