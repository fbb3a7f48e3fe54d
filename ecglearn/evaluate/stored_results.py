"""Longer runs kept as small files with their provenance: read them, and say where they are from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    def difference(self, variant: str, other: str, measure: str) -> Interval:
        """How much more one variant has than another, seed by seed: mean and 95% interval.

        Runs of one seed share random initialisation, order of patients and test patients, so their
        difference varies less than either of them.

        Args:
            variant: which runs.
            other: what they are compared with.
            measure: which number.

        Raises:
            InputError: the two were not run with the same seeds.
        """
        a, b = self.runs_of(variant), self.runs_of(other)
        if [run["seed"] for run in a] != [run["seed"] for run in b]:
            raise InputError(f"'{variant}' and '{other}' were run with different seeds")
        return t_interval([x[measure] - y[measure] for x, y in zip(a, b, strict=True)])

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
        return (
            f"Made by `{a['command']}` with ecglearn {a['version']} (source {a['source']}), "
            f"torch {a['torch']}, seeds {', '.join(map(str, a['seeds']))}, on {a['machine']}, "
            f"{a['seconds'] / 60:.0f} minutes."
        )


def _named(names: Names) -> dict[str, str]:
    """Heading to name."""
    return dict(names) if isinstance(names, Mapping) else {name: name for name in names}


def stored_results(name: str) -> StoredResults:
    """Read `results/NAME.json` of the repository, or of the folder `ECGLEARN_RESULTS`.

    Args:
        name: file name without its ending.

    Raises:
        FileNotFoundError: the file is not there; says how to make it.

    Book: alignment-matrices#longer-runs
    """
    beside = Path(__file__).resolve().parents[2] / "results"
    path = Path(os.environ.get("ECGLEARN_RESULTS") or beside) / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run `make results` in a clone of ecglearn")
    content = json.loads(path.read_text())
    return StoredResults(content["about"], content["runs"])
