"""Which classes two public label sets share, which of them the cohort can show, and prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecglearn.errors import InputError
from ecglearn.metadata import Description, described

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
OURS = ("cohort", "ecg", "ecg-de")
_FORM = 'it should be JSON of the form {"classes": {"name": ["wording", ...]}}'


class PromptError(InputError):
    """A prompt file or a class name that cannot be used; the message says which.

    Book: tamer#prompts
    """


class PromptFile(Description):
    """What a prompt file says.

    Attributes:
        classes: name to its wordings, or to its only one.
        about: whose wordings they are.

    Book: tamer#prompts
    """

    classes: dict[str, str | list[str]]
    about: str = ""


@cache
def _content() -> dict[str, Any]:
    return json.loads((HERE / "label_overlaps.json").read_text("utf-8"))


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
        name: `cohort` (findings of the simulated cohort), `ecg` (all public label sets), `ecg-de`
            (German, those of PTB-XL), or a JSON file of yours:
            `{"classes": {"name": ["wording", ...]}}`.
        classes: classes wanted, in this order; None takes all of the file.

    Raises:
        PromptError: the file cannot be read, lacks a class, or has a class without words.

    Book: tamer#prompts
    """
    path = HERE / "prompt_files" / f"{name}.json" if name in OURS else Path(name)
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise PromptError(f"{path} is no prompt file ({error}); {_FORM}") from error
    try:
        found = described(PromptFile, text, path, PromptError).classes
    except PromptError as error:
        raise PromptError(f"{error}; {_FORM}") from error
    wanted = list(found) if classes is None else list(classes)
    unknown = [c for c in wanted if c not in found]
    if unknown:
        raise PromptError(
            f"{path.name} has no prompt for {', '.join(unknown)}; it has {', '.join(found)}"
        )
    prompts = {c: [said] if isinstance(said := found[c], str) else said for c in wanted}
    silent = [c for c, told in prompts.items() if not told or not all(t.strip() for t in told)]
    if silent:
        raise PromptError(f"{path.name} has no words for {', '.join(silent)}")
    return prompts
