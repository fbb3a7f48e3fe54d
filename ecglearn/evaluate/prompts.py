"""Which classes two public label sets share, which of them the cohort can show, and prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecglearn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent


class PromptError(InputError):
    """A prompt file or a class name that cannot be used; the message says which.

    Book: tamer#prompts
    """


@cache
def _content() -> dict[str, Any]:
    return json.loads((HERE / "label_overlaps.json").read_text())


def class_overlap(source: str, target: str) -> dict[str, tuple[str, ...]]:
    """Which classes of the target each class of the source stands for.

    Args:
        source: label set on which a model was, or could have been, trained.
        target: label set on which it is judged.

    Raises:
        InputError: no map between the two is known.

    Source: maps of a public re-implementation of the tables of Liu et al. 2024 (MERL).

    Book: tamer#label-sets
    """
    maps = _content()["overlaps"]
    if (direct := maps.get(f"{source} -> {target}")) is not None:
        return {name: tuple(found) for name, found in direct.items()}
    back = maps.get(f"{target} -> {source}")
    if back is None:
        raise InputError(f"no map from '{source}' to '{target}'; there are {', '.join(maps)}")
    turned: dict[str, tuple[str, ...]] = {}
    for there, here in back.items():
        for name in here:
            turned[name] = (*turned.get(name, ()), there)
    return turned


def cohort_labels(name: str, findings: pd.DataFrame) -> pd.DataFrame:
    """Labels of simulated patients in a public label set.

    Args:
        name: `ptbxl-super`, `cpsc2018` or `csn`.
        findings: who has which finding of the simulated cohort; columns by name.

    Returns:
        One column of bool for each class that the cohort can show.

    Raises:
        InputError: the set has no map.

    Source: our choice.

    Book: tamer#label-sets
    """
    import pandas as pd

    known = {n: c for n, c in _content()["cohort"].items() if n != "about"}
    if name not in known:
        raise InputError(f"no findings for '{name}'; there are maps for {', '.join(known)}")
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
    path = HERE / "prompt_files" / f"{name}.json" if name in ("cohort", "ecg") else Path(name)
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
