"""Who teaches and who judges on a page: simulated patients, or those of the reader's own store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ecglearn.cohort.simulate import Cohort
from ecglearn.data.batch import ECGBatch
from ecglearn.data.splits import check_disjoint
from ecglearn.data.store.several import Stores
from ecglearn.data.store.store import Store
from ecglearn.data.store.together import open_named
from ecglearn.errors import InputError
from ecglearn.evaluate.prompts import load_prompts
from ecglearn.registry import method_class
from ecglearn.train.schedules import titles


@dataclass(frozen=True)
class PagePatients:
    """Those on whom a page trains, and those whom it asks.

    Attributes:
        train: who teach.
        test: who judge; nobody is in both.
        origin: "simulated", or the name of the data set.
        asked: prompt file, or a name that `load_prompts` knows.
        source: the cohort or the store from which both come.

    Book: your-own-data#data-pages
    """

    train: ECGBatch
    test: ECGBatch
    origin: str
    asked: str | Path
    source: Cohort | Store | Stores

    @property
    def names(self) -> tuple[str, ...]:
        """Classes of the label set in use."""
        return self.test.label_names or ()

    @property
    def simulated(self) -> bool:
        """Whether nobody of them lives."""
        return isinstance(self.source, Cohort)

    @property
    def compared(self) -> dict[str, Any]:
        """What `ecglearn.compare` is given besides the models."""
        if isinstance(self.source, Cohort):
            own = {} if self.asked == "cohort" else {"prompts": self.asked}
            return {"cohort": self.source, "train": len(self.train)} | own
        least = 10 if len(self.test) >= 100 else 1
        return {"cohort": self.source, "prompts": self.asked, "least_cases": least}

    @property
    def methods(self) -> dict[str, str]:
        """Title to name of the methods that those who teach have all companions for."""
        return {
            title: name
            for title, name in titles().items()
            if all(getattr(self.train, need) is not None for need in method_class(name).needs)
        }

    @property
    def prompts(self) -> dict[str, list[str]]:
        """Class to its wordings.

        Raises:
            PromptError: a class has none.
        """
        return load_prompts(self.asked, classes=self.names)

    def truth(self, some: ECGBatch) -> pd.DataFrame:
        """Who of some records has which class (bool)."""
        some.need("findings")
        assert some.findings is not None
        return pd.DataFrame(some.findings.numpy() > 0, columns=list(self.names))

    def __str__(self) -> str:
        said = f"{len(self.train)} training and {len(self.test)} test patients, {self.origin}"
        return f"{said}; {len(self.names)} classes"


def page_patients(
    data: str | Path | None,
    cohort: Cohort,
    count: int,
    *,
    needs: Sequence[str] = (),
    labels: str | None = None,
    prompts: str | Path | None = None,
    peaks: Literal["detected", "true"] = "detected",
) -> PagePatients:
    """The patients of a page: of a cohort, or of the store that its first cell names.

    Args:
        data: a store, or several with commas between them; None or a folder that is no store: the
            cohort, and where a folder was given, a line that says so.
        cohort: simulated patients, of which the first `count` teach and the others judge.
        count: how many teach, at most; as many of a store's test part judge as of the cohort.
        needs: fields of a batch that the page cannot do without, such as `reports`, `cine`.
        labels: label set of the store; None takes its first.
        prompts: JSON file with wordings of the classes, or `ecg-de` for German ones.
        peaks: R peaks of a cohort: found as in records, or the simulator's own, which costs no
            time where a page does not look at them.

    Raises:
        InputError: the store has no such label set, lacks what the page needs, has nobody to
            teach or to judge, or no class with cases and others among those who judge.

    Book: your-own-data#data-pages
    """
    if data is None or not _is_store(data):
        if data is not None:
            print(f"{data} is no store (`ecglearn prepare` makes one): simulated patients here")
        batch = ECGBatch.from_cohort(cohort, peaks=peaks)
        return PagePatients(batch[:count], batch[count:], "simulated", prompts or "cohort", cohort)
    store = open_named(data, labels=labels)
    if "reports" in needs:
        store = store.with_reports()
    if "cine" in needs:
        store = store.with_films()
    if lacking := store.lacks([name for name in needs if name not in ("reports", "cine")]):
        raise InputError(f"{data} lacks {', '.join(lacking)}, which this page needs")
    train, test = (
        store.split(part)[:most] for part, most in (("train", count), ("test", len(cohort) - count))
    )
    if not (len(train) and len(test)):
        raise InputError(f"{data}: {len(train)} to teach and {len(test)} to judge are too few here")
    check_disjoint(store.split("train").patients, store.split("test").patients)
    if "findings" in needs:
        train, test = _judged(train, test)
    return PagePatients(train, test, _title(store), prompts or "ecg", store)


def _is_store(data: str | Path) -> bool:
    several = "," in str(data) and not Path(data).is_dir()
    return several or (Path(data) / "store.json").is_file()


def _title(store: Store | Stores) -> str:
    stores = store.members.values() if isinstance(store, Stores) else [store]
    return " and ".join(str(one.about["data set"]) for one in stores)


def _judged(train: ECGBatch, test: ECGBatch) -> tuple[ECGBatch, ECGBatch]:
    """Both with the classes alone that split those who judge."""
    test.need("findings")
    train.need("findings")
    assert test.findings is not None
    assert train.findings is not None
    share = (test.findings > 0).double().mean(0).numpy()
    kept = np.flatnonzero((share > 0) & (share < 1))
    names = test.label_names or ()
    if not len(kept):
        raise InputError("no class has cases and others among those who judge: take more records")
    if absent := [name for k, name in enumerate(names) if k not in kept]:
        print(f"not judged, without cases or without others: {', '.join(absent)}")
    named = tuple(names[k] for k in kept)
    return (
        replace(train, findings=train.findings[:, kept], label_names=named),
        replace(test, findings=test.findings[:, kept], label_names=named),
    )
