"""What papers say of their own parts, written down before the runs, and what the runs say."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError
from scipy.special import stdtrit

from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import Interval, t_interval
from ecglearn.evaluate.stored_results import StoredResults, results_folder, stored_results
from ecglearn.metadata import Description, faults

ENOUGH = 8  # seeds that may decide
Verdict = Literal["shown", "shown, but small", "refuted", "undecided"]


class Claim(Description):
    """A statement that runs can decide.

    Attributes:
        key: its name.
        paper: whose claim it is.
        central: whether the paper stands on it.
        statement: in our words.
        reported: what the paper has measured.
        note: what a reader should know before the result; may be empty.
        arena: table of stored runs.
        contrast: variant to its weight; the effect of a seed is the weighted sum. A name that is
            a variant with its point already, as in "ECG alone; noise 1", stays at it.
        minus: is taken from it.
        measure: of the runs.
        unit: of the effect, in words.
        at: point that decides, as in "TAMER; 4096 pairs"; empty: variants have no points.
        curve: all points.
        measures: more points, each another measure of the same runs, as in "64 labels".
        worth: smallest effect worth having.
        seeds: how many were planned.
        first_seed: seeds before it have suggested the claim, and do not judge it.
        pilot: where this number comes from.
        written: day on which the claim was written down.

    Book: claims#register
    """

    key: str
    paper: str
    central: bool = False
    statement: str
    reported: str
    note: str = ""
    arena: str
    contrast: dict[str, float | int]
    minus: float = 0.0
    measure: str
    unit: str
    at: str
    curve: list[str] = Field(default_factory=list)
    measures: dict[str, str] = Field(default_factory=dict)
    worth: float = Field(gt=0)
    seeds: int = Field(ge=ENOUGH)
    first_seed: int = Field(default=0, ge=0)
    pilot: str
    written: date

    def effects(self, stored: StoredResults, at: str) -> list[float]:
        """One effect for each seed that every variant of the contrast was run with.

        Args:
            stored: runs of its arena.
            at: a point of the curve, or a name of `measures`; empty where variants have none.

        Book: claims#register
        """
        measure = self.measures.get(at, self.measure)
        at = self.at if at in self.measures else at
        known = set(stored.variants)
        parts = []
        for name, weight in self.contrast.items():
            variant = name if not at or name in known else f"{name}; {at}"
            runs = stored.runs_of(variant) if variant in known else []
            new = (run for run in runs if run["seed"] >= self.first_seed)
            parts.append({run["seed"]: weight * run[measure] for run in new})
        seeds = sorted(set.intersection(*map(set, parts)))
        return [sum(part[seed] for part in parts) - self.minus for seed in seeds]


class Judged(NamedTuple):
    """A claim and what the runs say of it.

    Attributes:
        claim: the statement.
        effect: mean over seeds and 95% interval; None with fewer than two.
        seeds: how many there are.
        verdict: see `verdict_of`.
        needed: seeds that would bring the half width down to half of what is worth having.
        curve: point to effect and number of seeds, where there are any.

    Book: claims#register
    """

    claim: Claim
    effect: Interval | None
    seeds: int
    verdict: Verdict
    needed: int | None
    curve: dict[str, tuple[Interval, int]]


def load_claims(path: str | Path | None = None) -> list[Claim]:
    """The register of claims.

    Args:
        path: a TOML file with a list `claims`; None takes `results/claims.toml`.

    Raises:
        FileNotFoundError: it is not there.
        InputError: a claim lacks a field, or two have one key; names it.

    Book: claims#register
    """
    path = results_folder() / "claims.toml" if path is None else Path(path)
    found = []
    for number, entry in enumerate(tomllib.loads(path.read_text("utf-8")).get("claims", [])):
        try:
            found.append(Claim.model_validate(entry))
        except ValidationError as error:
            which = entry.get("key", number)
            raise InputError(f"{path}: claim {which}: {faults(error)}") from error
    keys = [claim.key for claim in found]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise InputError(f"{path}: two claims have the key {min(twice)}")
    return found


def judge(claim: Claim, stored: StoredResults | None = None) -> Judged:
    """Mean effect over seeds, its 95% interval, and the verdict.

    Every seed has patients of its own, so the interval holds both chances: training and patients.

    Args:
        claim: to be judged.
        stored: runs of its arena; None reads them.

    Raises:
        KeyError: the runs lack the measure.

    Book: claims#register
    """
    if stored is None:
        try:
            stored = stored_results(claim.arena)
        except FileNotFoundError:
            stored = StoredResults({}, [])
    points = [*claim.curve, *claim.measures] or [claim.at]
    effects = {at: claim.effects(stored, at) for at in {*points, claim.at}}
    curve = {at: (t_interval(e), len(e)) for at in points if len(e := effects[at]) > 1}
    here = effects[claim.at]
    if len(here) < 2:
        return Judged(claim, None, len(here), "undecided", None, curve)
    effect = t_interval(here)
    needed = seeds_needed(float(np.std(here, ddof=1)), claim.worth / 2)
    return Judged(
        claim, effect, len(here), verdict_of(effect, claim.worth, len(here)), needed, curve
    )


def verdict_of(effect: Interval, worth: float, seeds: int) -> Verdict:
    """What an interval says of a claim.

    Shown: it lies above 0, and "but small" where it also lies below what is worth having. Refuted:
    it holds or lies below 0, and lies below what is worth having, so no effect that matters is
    left. Undecided: neither, or fewer than eight seeds.

    Args:
        effect: mean and 95% interval.
        worth: smallest effect worth having.
        seeds: how many there are.

    Book: claims#register
    """
    if seeds < ENOUGH:
        return "undecided"
    if effect.low > 0:
        return "shown, but small" if effect.high < worth else "shown"
    return "refuted" if effect.high < worth else "undecided"


def seeds_needed(spread: float, half: float) -> int | None:
    """The smallest number of seeds, at least eight, whose 95% interval is so narrow.

    Args:
        spread: standard deviation of the effect between seeds.
        half: wanted half width.

    Returns:
        None where more than a thousand were needed.

    Book: claims#register
    """
    n = np.arange(ENOUGH, 1001)
    enough = stdtrit(n - 1, 0.975) * spread / np.sqrt(n) <= half
    return int(n[enough.argmax()]) if enough.any() else None


def judged_claims(papers: Sequence[str] | None = None, *, central: bool = False) -> list[Judged]:
    """All claims of the register, or those of some papers, with their verdicts.

    Args:
        papers: as the register names them; None takes all.
        central: those alone on which a paper stands.

    Raises:
        InputError: no claim is of such a paper.

    Book: claims#register
    """
    claims = load_claims()
    for paper in papers or ():
        if all(claim.paper != paper for claim in claims):
            raise InputError(f"the register holds no claim of '{paper}'")
    wanted = [claim for claim in claims if papers is None or claim.paper in papers]
    return [judge(claim) for claim in wanted if claim.central or not central]
