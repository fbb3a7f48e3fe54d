"""Names of the classes of six public label sets, which of them two sets share, and prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
LABEL_SETS = ("ptbxl-super", "ptbxl-sub", "ptbxl-form", "ptbxl-rhythm", "cpsc2018", "csn")


class PromptError(ValueError):
    """A prompt file or a class name that cannot be used; the message says which.

    Book: tamer#prompts
    """


@cache
def _content() -> dict[str, Any]:
    return json.loads((HERE / "label_sets.json").read_text())


def label_set(name: str) -> tuple[str, ...]:
    """Names of the classes of a public label set.

    Labels belong to names, never to positions: the published files order their columns differently.

    Args:
        name: one of `LABEL_SETS`.

    Raises:
        ValueError: no such set.

    Source: Wagner et al. 2020 (PTB-XL); Liu et al. 2024 (MERL) for the selections.

    Book: tamer#label-sets
    """
    sets = _content()["sets"]
    if name not in sets:
        raise ValueError(f"no label set '{name}'; there are {', '.join(sets)}")
    return tuple(sets[name]["classes"])


def class_overlap(source: str, target: str) -> dict[str, tuple[str, ...]]:
    """Which classes of the target each class of the source stands for.

    Args:
        source: label set on which a model was, or could have been, trained.
        target: label set on which it is judged.

    Raises:
        ValueError: no map between the two is known.

    Source: maps of a public re-implementation of the tables of Liu et al. 2024 (MERL).

    Book: tamer#label-sets
    """
    maps = _content()["overlaps"]
    if (direct := maps.get(f"{source} -> {target}")) is not None:
        return {name: tuple(found) for name, found in direct.items()}
    back = maps.get(f"{target} -> {source}")
    if back is None:
        raise ValueError(f"no map from '{source}' to '{target}'; there are {', '.join(maps)}")
    turned: dict[str, tuple[str, ...]] = {}
    for there, here in back.items():
        for name in here:
            turned[name] = (*turned.get(name, ()), there)
    return turned


def snomed_labels(name: str, codes: Sequence[Iterable[str]]) -> pd.DataFrame:
    """Labels of records whose diagnoses are SNOMED CT codes, by equality of codes.

    Args:
        name: `cpsc2018` or `csn`.
        codes: of each record; codes of no class of the set are ignored.

    Returns:
        One row for each record, one column of bool for each class.

    Raises:
        ValueError: the set has no codes.

    Source: codes of the PhysioNet/CinC Challenge 2021 (Reyna et al. 2021). The released label file
        of Liu et al. 2024 (MERL) for CSN was made by substrings of names and has false labels.

    Book: tamer#label-sets
    """
    import pandas as pd

    known = {n: c for n, c in _content()["snomed"].items() if n != "about"}
    if name not in known:
        raise ValueError(f"no SNOMED codes for '{name}'; there are codes for {', '.join(known)}")
    rows = [frozenset(map(str, line)) for line in codes]
    return pd.DataFrame({c: [not row.isdisjoint(wanted) for row in rows]
                         for c, wanted in known[name].items()})  # fmt: skip


def cohort_labels(name: str, findings: pd.DataFrame) -> pd.DataFrame:
    """Labels of simulated patients in a public label set.

    Args:
        name: `ptbxl-super`, `cpsc2018` or `csn`.
        findings: who has which finding of the simulated cohort; columns by name.

    Returns:
        One column of bool for each class that the cohort can show.

    Raises:
        ValueError: the set has no map.

    Source: our choice.

    Book: tamer#label-sets
    """
    import pandas as pd

    known = {n: c for n, c in _content()["cohort"].items() if n != "about"}
    if name not in known:
        raise ValueError(f"no findings for '{name}'; there are maps for {', '.join(known)}")
    return pd.DataFrame({c: findings[list(of)].any(axis=1) for c, of in known[name].items()})


def load_prompts(
    name: str | Path = "cohort", *, classes: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """Wordings of each class.

    Args:
        name: `cohort` (findings of the simulated cohort), `ecg` (all public label sets), or a JSON
            file of yours: `{"classes": {"name": ["wording", ...]}}`.
        classes: classes wanted, in this order; None takes all of the file.

    Raises:
        PromptError: the file cannot be read, lacks a class, or has a class without words.

    Book: tamer#prompts
    """
    path = HERE / "prompts" / f"{name}.json" if name in ("cohort", "ecg") else Path(name)
    try:
        found = json.loads(path.read_text())["classes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PromptError(
            f"{path} is no prompt file ({type(error).__name__}); it should be JSON of the form "
            '{"classes": {"name": ["wording", ...]}}'
        ) from error
    wanted = list(found) if classes is None else list(classes)
    unknown = [c for c in wanted if c not in found]
    if unknown:
        raise PromptError(
            f"{path.name} has no prompt for {', '.join(unknown)}; it has {', '.join(found)}"
        )
    prompts = {c: [found[c]] if isinstance(found[c], str) else list(found[c]) for c in wanted}
    silent = [c for c, wordings in prompts.items() if not wordings or not all(wordings)]
    if silent:
        raise PromptError(f"{path.name} has no words for {', '.join(silent)}")
    return prompts
