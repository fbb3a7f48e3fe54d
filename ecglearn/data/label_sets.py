"""Names of the classes of public label sets, and which SNOMED CT codes belong to each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ecglearn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: Classes of PTB-XL's sets that are too rare to judge by its tenth fold.
RARE = {
    "ptbxl-sub": ("ILBBB", "PMI", "WPW", "SEHYP"),
    "ptbxl-rhythm": ("AFLT", "BIGU", "PSVT", "SVTAC", "TRIGU"),
    "ptbxl-form": ("HVOLT", "PRC(S)", "STE", "TAB"),
}
LABEL_SETS = ("ptbxl-super", "ptbxl-sub", "ptbxl-form", "ptbxl-rhythm", "cpsc2018", "csn")


@cache
def _content() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "label_sets.json").read_text("utf-8"))


def label_set(name: str) -> tuple[str, ...]:
    """Names of the classes of a public label set.

    Labels belong to names, never to positions: the published files order their columns differently.

    Args:
        name: one of `LABEL_SETS`; `cinc2021`, the diagnoses that the Challenge of 2021 scores; or
            `ptbxl-sub-clean`, `ptbxl-rhythm-clean`, `ptbxl-form-clean`: those of MERL without the
            classes that are too rare to be judged (19, 7 and 15 remain).

    Raises:
        InputError: no such set.

    Source: Wagner et al. 2020 (PTB-XL); Liu et al. 2024 (MERL) for the selections; Reyna et al.
        2021 for the Challenge; the clean sets as in the public code of ecg-fix (2026).

    Book: tamer#label-sets
    """
    sets = _content()["sets"]
    whole = name.removesuffix("-clean")
    if name != whole and whole in RARE:
        return tuple(c for c in label_set(whole) if c not in RARE[whole])
    if name not in sets:
        raise InputError(f"no label set '{name}'; there are {', '.join(sets)}")
    return tuple(sets[name]["classes"])


def snomed_classes(name: str, codes: Iterable[str]) -> tuple[str, ...]:
    """Classes of one record whose diagnoses are SNOMED CT codes, by equality of codes.

    Args:
        name: `cpsc2018`, `csn` or `cinc2021`.
        codes: of the record; codes of no class of the set are ignored.

    Returns:
        Names in the order of the set.

    Raises:
        InputError: the set has no codes.

    Source: codes of the PhysioNet/CinC Challenge 2021 (Reyna et al. 2021). The released label file
        of Liu et al. 2024 (MERL) for CSN was made by substrings of names and has false labels.

    Book: tamer#label-sets
    """
    row = frozenset(map(str, codes))
    return tuple(c for c, wanted in _codes(name).items() if not row.isdisjoint(wanted))


def snomed_labels(
    name: str, codes: Sequence[Iterable[str]], *, labels: Literal["exact", "released"] = "exact"
) -> pd.DataFrame:
    """The same for many records.

    Args:
        name: `cpsc2018`, `csn` or `cinc2021`.
        codes: of each record; codes of no class of the set are ignored.
        labels: "released" makes the mistake of the label file that Liu et al. 2024 (MERL) published
            for CSN: a record has every class whose name stands inside the name of anything it has,
            so that STDD counts as ST, AVB as VB, and LVQRSAL (low voltage, no class) as SA. For
            comparison with published numbers only.

    Returns:
        One row for each record, one column of bool for each class.

    Raises:
        InputError: the set has no codes, or "released" is asked of another set than `csn`.

    Book: tamer#label-sets
    """
    import pandas as pd

    known = _codes(name)
    lines = [list(line) for line in codes]
    rows = [snomed_classes(name, line) for line in lines]
    if labels == "released":
        if name != "csn":
            raise InputError(f"released labels are those of csn; {name} has exact ones only")
        others = {code: other for other, code in _content()["csn_other_names"]["codes"].items()}
        written = [
            [*row, *(others[code] for code in map(str, line) if code in others)]
            for row, line in zip(rows, lines, strict=True)
        ]
        rows = [[c for c in known if any(c in name for name in row)] for row in written]
    return pd.DataFrame({c: [c in row for row in rows] for c in known})


def _codes(name: str) -> dict[str, list[str]]:
    known = {n: c for n, c in _content()["snomed"].items() if n != "about"}
    if name not in known:
        raise InputError(f"no SNOMED codes for '{name}'; there are codes for {', '.join(known)}")
    return known[name]
