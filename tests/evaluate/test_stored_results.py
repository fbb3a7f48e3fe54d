"""Tables and verdicts of stored runs, against what a hand calculates."""

from typing import Any

import pytest

from ecglearn.errors import InputError
from ecglearn.evaluate.intervals import t_interval
from ecglearn.evaluate.stored_results import StoredResults

RUNS: list[dict[str, Any]] = [
    {"variant": name, "seed": seed, "auroc": value, **more}
    for name, values, more in (
        ("full", (0.70, 0.80, 0.75), {"rank": 10.0}),
        ("small", (0.60, 0.71, 0.64), {"rank": 20.0}),
        ("odd", (0.80, 0.70, 0.76), {}),
    )
    for seed, value in enumerate(values)
]
STORED = StoredResults({}, RUNS)
FULL = "0.750 [0.626, 0.874]"  # 0.05 * 4.303 / sqrt(3) = 0.124 on both sides


def test_variants_down_and_measures_across():
    table: Any = STORED.table(
        {"all of it": "full", "odd one": "odd"}, {"AUROC": "auroc", "r": "rank"}
    )
    assert table.index.tolist() == ["all of it", "odd one"]
    assert table.columns.tolist() == ["AUROC", "r"]
    assert table.loc["all of it"].tolist() == [FULL, "10.000 [10.000, 10.000]"]
    assert table.loc["odd one", "r"] == ""
    assert table.loc["odd one", "AUROC"] == str(t_interval([0.8, 0.7, 0.76]))


def test_the_other_way_round_and_all_variants():
    whole: Any = STORED.table(None, ["auroc", "rank"])
    assert whole.index.tolist() == ["full", "small", "odd"]
    turned: Any = STORED.table({"A": "auroc", "R": "rank"}, ["full", "small"])
    assert turned.index.tolist() == ["A", "R"]
    assert turned.loc["A", "full"] == whole.loc["full", "auroc"] == FULL
    assert turned.loc["R", "small"] == whole.loc["small", "rank"]


def _file(variant: str, seed: int, place: int, **about: Any) -> dict[str, Any]:
    same = {"version": "1", "source": "a", "torch": "2", "machine": "m", "made": "today"}
    told = same | {"place": place, "seconds": 3} | about
    return {"variant": variant, "seed": seed, "values": {"auroc": 0.5 + seed}, "about": told}


def test_run_files_are_put_in_the_order_of_their_table():
    files = [
        _file("second", 1, 1, source="b", note="of the second"),
        _file("first", 2, 0, note="of its second seed"),
        _file("first", 0, 0, note="of the first", seconds=4),
    ]
    found = StoredResults.of(files)
    runs = [(run["variant"], run["seed"], run["auroc"]) for run in found.runs]
    assert runs == [("first", 0, 0.5), ("first", 2, 2.5), ("second", 1, 1.5)]
    assert found.about["note"] == "of the first"
    assert (found.about["source"], found.about["torch"]) == (["a", "b"], ["2"])
    assert (found.about["seconds"], found.about["seeds"]) == (10, [0, 1, 2])
    assert StoredResults.of(files[:1]).about["note"] == "of the second"
    assert StoredResults.of([]).about["seeds"] == []
    with pytest.raises(InputError, match="two files hold the run of 'first' with seed 2"):
        StoredResults.of([*files, files[1]])


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="no run measured 'f1'; there are auroc, rank"):
        STORED.table(["full"], ["f1"])
    with pytest.raises(KeyError, match="no runs of 'nothing'; there are full, small, odd"):
        STORED.table(["nothing"], ["auroc"])


def test_verdicts():
    # differences 0.10, 0.09, 0.11: mean 0.1, half width 0.01 * 4.303 / sqrt(3) = 0.025
    assert STORED.verdict("full", "small", "auroc") == (
        "full minus small, auroc: 0.100 [0.075, 0.125], resolved: the 95% interval leaves out 0."
    )
    assert STORED.verdict("small", "full", "auroc", title="macro AUROC") == (
        "small minus full, macro AUROC: -0.100 [-0.125, -0.075], "
        "resolved: the 95% interval leaves out 0."
    )
    told = STORED.verdict("full", "odd", "auroc")
    assert told.endswith("not resolved: the 95% interval holds 0.")
    assert str(STORED.difference("full", "odd", "auroc")) in told
    assert "not resolved" in STORED.verdict("full", "full", "auroc")
    short = StoredResults({}, [*RUNS[:3], *RUNS[3:5]])
    with pytest.raises(ValueError, match="different seeds"):
        short.verdict("full", "small", "auroc")


def test_gains_at_a_point():
    runs = [
        {"variant": f"{name}; {at}", "seed": seed, "auroc": value}
        for name, at, values in (
            ("whole", "1 pair", (0.6, 0.7)),
            ("part", "1 pair", (0.5, 0.8)),
            ("whole", "2 pairs", (0.8, 0.9, 0.7)),
            ("part", "2 pairs", (0.7, 0.7)),
            ("other", "2 pairs", (0.7,)),
            ("whole", "3 pairs", (0.9,)),
        )
        for seed, value in enumerate(values)
    ]
    runs += [{"variant": "blind; 2 pairs", "seed": seed, "rank": 1.0} for seed in range(2)]
    stored = StoredResults({}, runs)
    assert stored.points("whole") == ["1 pair", "2 pairs"]
    assert stored.points("nobody") == []
    gains = stored.gains("whole", "auroc", at="2 pairs")
    # of two shared seeds: .1 and .2; one run of `other` is too few, `blind` was not asked
    assert gains == {"part": t_interval([0.8 - 0.7, 0.9 - 0.7])}
    assert stored.gains("whole", "auroc", at="3 pairs") == {}
