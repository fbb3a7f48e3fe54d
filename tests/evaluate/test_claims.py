"""Verdicts of claims, against runs whose differences are known."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from ecglearn.errors import InputError
from ecglearn.evaluate import Interval, StoredResults, judge, judged_claims, load_claims
from ecglearn.evaluate.claims import Claim, seeds_needed, verdict_of

FIELDS: dict[str, Any] = {
    "key": "k",
    "paper": "P",
    "statement": "A beats B.",
    "reported": "+1",
    "arena": "toy",
    "contrast": {"A": 1, "B": -1},
    "measure": "auroc",
    "unit": "AUROC",
    "at": "",
    "worth": 0.02,
    "seeds": 8,
    "pilot": "none",
    "written": date(2026, 11, 29),
}


def runs(**variants: list[float]) -> StoredResults:
    return StoredResults(
        {},
        [
            {"variant": name, "seed": seed, "auroc": value}
            for name, values in variants.items()
            for seed, value in enumerate(values)
        ],
    )


def test_effect_is_the_paired_difference_over_seeds():
    noise = np.linspace(0.5, 0.9, 8)  # shared by both, so it cancels
    gain = np.array([0.03, 0.05] * 4)
    found = judge(Claim(**FIELDS), runs(A=list(noise + gain), B=list(noise)))
    half = student.ppf(0.975, 7) * gain.std(ddof=1) / np.sqrt(8)
    assert found.effect == pytest.approx((0.04, 0.04 - half, 0.04 + half))
    assert (found.seeds, found.verdict) == (8, "shown")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.03, "shown"),
        (0.001, 0.02, "shown"),
        (0.001, 0.019, "shown, but small"),
        (-0.01, 0.019, "refuted"),
        (-0.05, -0.01, "refuted"),
        (-0.01, 0.03, "undecided"),
        (-0.01, 0.02, "undecided"),
        (0.0, 0.03, "undecided"),
        (0.0, 0.019, "refuted"),
    ],
)
def test_verdicts(low, high, verdict):
    effect = Interval((low + high) / 2, low, high)
    assert verdict_of(effect, 0.02, 8) == verdict
    assert verdict_of(effect, 0.02, 7) == "undecided"


def test_seven_seeds_decide_nothing_and_one_has_no_interval():
    a, b = [0.8 + 0.001 * i for i in range(8)], [0.5] * 8
    assert judge(Claim(**FIELDS), runs(A=a, B=b)).verdict == "shown"
    few = judge(Claim(**FIELDS), runs(A=a[:7], B=b))
    assert (few.seeds, few.verdict) == (7, "undecided")
    one = judge(Claim(**FIELDS), runs(A=a[:1], B=b))
    assert (one.seeds, one.effect, one.verdict) == (1, None, "undecided")
    none = judge(Claim(**FIELDS), runs(B=b))
    assert (none.seeds, none.effect) == (0, None)
    never = judge(Claim.model_validate(FIELDS | {"arena": "no such arena"}))
    assert (never.seeds, never.effect, never.needed, never.curve) == (0, None, None, {})


def test_seeds_that_are_still_needed_are_those_of_the_spread_between_seeds():
    gain = np.array([0.0, 0.08] * 4)  # spread 0.0428, divided by n - 1
    found = judge(Claim(**FIELDS), runs(A=list(0.5 + gain), B=[0.5] * 8))
    n = np.arange(8, 200)
    reach = student.ppf(0.975, n - 1) * np.sqrt(8 * 0.04**2 / 7) / np.sqrt(n)
    assert found.needed == n[reach <= 0.02 / 2][0]


def test_weights_points_and_what_is_taken_off():
    claim = Claim(
        **FIELDS
        | {
            "contrast": {"A": 1, "B": -0.75, "C": -0.25},
            "minus": 0.1,
            "at": "2 labels",
            "curve": ["1 label", "2 labels", "3 labels"],
        }
    )
    values = {"A; 2 labels": [0.9, 0.7], "B; 2 labels": [0.4, 0.4], "C; 2 labels": [0.8, 0.8]}
    once = {f"{name}; 3 labels": [0.5] for name in "ABC"}
    stored = runs(**values, **once, **{"A; 1 label": [0.5, 0.5]})
    # .9 - .3 - .2 - .1 and .7 - .3 - .2 - .1
    assert claim.effects(stored, "2 labels") == pytest.approx([0.3, 0.1])
    found = judge(claim, stored)
    assert found.effect is not None
    assert found.effect.value == pytest.approx(0.2)
    assert {at: n for at, (_, n) in found.curve.items()} == {"2 labels": 2}


def test_a_variant_that_is_named_with_its_point_stays_at_it():
    contrast = {"A": 1, "B; noise 1": -1}
    points = ["noise 0", "noise 1"]
    claim = Claim(**FIELDS | {"contrast": contrast, "at": "noise 1", "curve": points})
    a = {"A; noise 0": [0.9, 0.8], "A; noise 1": [0.7, 0.7]}
    b = {"B; noise 1": [0.5, 0.6], "B; noise 0": [0.1, 0.1]}
    found = judge(claim, runs(**a, **b)).curve
    assert {at: effect.value for at, (effect, _) in found.items()} == pytest.approx(
        {"noise 0": 0.3, "noise 1": 0.15}
    )


def test_other_measures_of_the_same_runs_are_points_too():
    stored = StoredResults(
        {},
        [
            {"variant": f"{name}; here", "seed": seed, "auroc": whole, "severe": left}
            for name, whole, left in (("A", 0.9, 0.7), ("B", 0.8, 0.4))
            for seed in range(8)
        ],
    )
    points = {"whole": "auroc", "severe": "severe"}
    claim = Claim(**FIELDS | {"at": "here", "measures": points})
    found = judge(claim, stored)
    assert found.effect is not None
    assert found.effect.value == pytest.approx(0.1)
    assert {at: one.value for at, (one, _) in found.curve.items()} == pytest.approx(
        {"whole": 0.1, "severe": 0.3}
    )
    both = judge(claim.model_copy(update={"curve": ["here", "there"]}), stored)
    assert list(both.curve) == ["here", "whole", "severe"]


def test_seeds_that_have_suggested_a_claim_do_not_judge_it():
    a = [0.9] * 8 + [0.5, 0.7] * 4
    stored = runs(A=a, B=[0.5] * 16)
    assert judge(Claim(**FIELDS), stored).seeds == 16
    new = judge(Claim.model_validate(FIELDS | {"first_seed": 8}), stored)
    assert new.effect is not None
    assert (new.seeds, new.verdict) == (8, "shown")
    assert new.effect.value == pytest.approx(0.1)
    assert judge(Claim.model_validate(FIELDS | {"first_seed": 9}), stored).verdict == "undecided"


def test_seeds_needed():
    for spread, half in ((0.026, 0.008), (0.01, 0.01), (0.012, 0.005)):
        n = seeds_needed(spread, half)
        assert n is not None
        reach = [student.ppf(0.975, k - 1) * spread / np.sqrt(k) for k in (n, n - 1)]
        assert reach[0] <= half
        assert n == 8 or reach[1] > half
    assert seeds_needed(0.0, 0.01) == 8
    assert seeds_needed(1.0, 0.01) is None
    last = student.ppf(0.975, [999, 1000]) / np.sqrt([1000, 1001])  # what so many seeds reach
    assert seeds_needed(1.0, last[0]) == 1000
    assert seeds_needed(1.0, last[1]) is None


def test_the_rule_errs_as_often_as_it_says():
    """Without an effect one experiment in forty is called shown."""
    x = np.random.default_rng(0).normal(0, 0.012, (4000, 8))
    half = student.ppf(0.975, 7) * x.std(1, ddof=1) / np.sqrt(8)
    told = [
        verdict_of(Interval(m, m - h, m + h), 0.01, 8) for m, h in zip(x.mean(1), half, strict=True)
    ]
    share = np.mean([one.startswith("shown") for one in told])
    assert abs(share - 0.025) < 3 * np.sqrt(0.025 * 0.975 / 4000)


def test_register_is_read_and_faults_are_named(tmp_path):
    whole = load_claims()
    assert len({claim.key for claim in whole}) == len(whole)
    papers = {claim.paper for claim in whole}
    assert papers == {"PTACL", "TAMER", "DERI", "SCAR", "Clinical transfer"}
    assert {claim.paper for claim in whole if claim.central} == papers
    assert [one.claim.key for one in judged_claims(["PTACL"], central=True)] == ["ptacl-transfer"]
    keys = [[one.claim.key for one in judged_claims(which)] for which in (None, ["PTACL", "DERI"])]
    assert keys[0] == [claim.key for claim in whole]
    assert keys[1] == [claim.key for claim in whole if claim.paper in ("PTACL", "DERI")]
    assert len(keys[1]) > 2
    with pytest.raises(InputError, match="no claim of 'MERL'"):
        judged_claims(["MERL"])
    path = tmp_path / "claims.toml"
    path.write_text('[[claims]]\nkey = "a"\n')
    with pytest.raises(InputError, match="claim a: paper: Field required"):
        load_claims(path)
    path.write_text('[[claims]]\npaper = "P"\n')
    with pytest.raises(InputError, match="claim 0: key: Field required"):
        load_claims(path)
    one = """[[claims]]
key = "a"
paper = "P"
statement = "s"
reported = "r"
arena = "toy"
contrast = { A = 1 }
measure = "m"
unit = "u"
at = ""
worth = 0.1
seeds = 8
pilot = "p"
written = 2026-11-29
"""
    path.write_text(one)
    assert load_claims(path)[0].written == date(2026, 11, 29)
    path.write_text(one + one)
    with pytest.raises(InputError, match="two claims have the key a"):
        load_claims(path)
    path.write_text(one.replace("seeds = 8", "seeds = 3"))
    with pytest.raises(InputError, match="seeds is 3"):
        load_claims(path)
