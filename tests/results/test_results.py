"""Stored runs: of known tables, with provenance, and one cell of each table made again."""

import os
from typing import Any

import pytest

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import StoredResults, load_claims, stored_results
from ecglearn.evaluate.cost import used_by_embed
from ecglearn.evaluate.stored_results import read_runs
from results import make as maker
from results import run_files
from results.arenas import five_methods
from results.make import make, waiting
from results.run_files import RUNS, run_file
from results.tables import TABLES, Table

STORED = sorted(folder.name for folder in RUNS.iterdir())
# cheap to make again, and far from what other rows say
CELLS = {
    "ptacl-ablation": ("random init", 0, ("ecg_r2", "cine_r2", "p1")),
    "scar-missingness": ("full input", 0, ("auroc", "severe: auroc")),
    "clinical-transfer": ("table only", 0, ("auroc_100",)),
    "five-methods": ("age and sex", 0, ("probe 100%: macro AUROC", "phenotypes: R2")),
    "real-records": ("MERL, nothing", 0, ("PTB-XL: probe", "LUDB: probe")),
    "reports": ("MERL; 1024 pairs", 0, ("auroc", "rhythm_auroc", "probe_auroc")),
    "phases": ("masked ECG alone; 1024 pairs", 0, ("ecg_r2", "ecg_rate_r2")),
    "charts": ("ECG alone; noise 1", 0, ("auroc_64", "auroc_2048")),
    "missing": ("MERL", 0, ("auroc", "severe: cmrs")),
    "planted": ("lead dropping; 2 leads; weak 0.4; 400 steps", 0, ("auroc", "without_auroc")),
}
# a minute or more each, and in `test_small_arenas.py` with fewer patients: ECGLEARN_CELLS=all
LONG = {"reports", "phases", "charts", "missing"} - set(
    CELLS if os.environ.get("ECGLEARN_CELLS") == "all" else ()
)


def test_stored_runs_are_of_tables_that_can_be_made_again():
    assert set(STORED) <= set(TABLES)
    # a run of the one and of the other takes minutes, by code that other tables run too
    assert set(STORED) - {"reports-pilot", "ptacl-alignment"} <= set(CELLS)


@pytest.mark.parametrize("name", STORED)
def test_runs_are_known_and_say_where_they_are_from(name):
    table, runs = TABLES[name], read_runs(RUNS / name)
    for run in runs:
        variant, seed, about = run["variant"], run["seed"], run["about"]
        assert variant in table.variants, variant
        assert about["place"] == table.variants.index(variant)
        assert run_file(name, variant, seed).is_file()
        assert about["simulated"] is table.simulated
        fields = ("command", "setting", "version", "source", "torch", "machine", "made", "seconds")
        assert all(about[field] for field in fields), variant
    # no hole: seed k is there only where the seeds before it are
    for variant in {run["variant"] for run in runs}:
        seeds = sorted(run["seed"] for run in runs if run["variant"] == variant)
        assert seeds == list(range(len(seeds))), variant
    stored = stored_results(name)
    assert len(stored.runs) == len(runs)
    assert str(len(runs)) in stored.provenance()
    assert all(source in stored.provenance() for source in stored.about["source"])
    with pytest.raises(KeyError, match="no runs of 'nothing'"):
        stored.values("nothing", "ecg_r2")


def test_every_claim_can_be_judged_by_runs_that_make_results_makes():
    for claim in load_claims():
        table = TABLES[claim.arena]
        for at in {claim.at, *claim.curve}:
            whole = set(claim.contrast) & set(table.variants)
            names = [f"{name}; {at}" for name in claim.contrast if name not in whole]
            assert {*names, *whole} <= set(table.variants), claim.key
            names += whole
            if at == claim.at:
                planned = claim.first_seed + claim.seeds
                assert min(map(table.seeds_of, names)) >= planned, claim.key


@pytest.mark.parametrize("name", [n for n in CELLS if n in STORED and n not in LONG])
def test_one_cell_is_made_again(name, monkeypatch):
    """The same seed gives nearly the same number; other processors may round differently."""
    if not TABLES[name].simulated:
        if "ECGLEARN_TEST_DATA" not in os.environ:
            pytest.skip("ECGLEARN_TEST_DATA does not name a folder of real records")
        monkeypatch.setenv("ECGLEARN_DATA", os.environ["ECGLEARN_TEST_DATA"])
    variant, seed, measures = CELLS[name]
    table = stored_results(name)
    if variant not in table.variants:
        pytest.skip(f"{name} has no run of {variant} yet")
    again = TABLES[name].run(variant, seed)
    stored = next(r for r in table.runs if (r["variant"], r["seed"]) == (variant, seed))
    for measure in measures:
        known = table.values(variant, measure)
        width = max(max(known) - min(known), 0.02)
        assert abs(again[measure] - stored[measure]) <= width, (measure, again[measure], stored)


def counted(calls, tmp_path, monkeypatch, *, seeds: Any = 2):
    def run(variant: str, seed: int) -> dict[str, float]:
        calls.append((variant, seed))
        return {"auroc": 0.5 + seed / 3}

    run.__module__ = "results.run_files"
    monkeypatch.setattr(run_files, "RUNS", tmp_path)
    monkeypatch.setattr(maker, "RUNS", tmp_path)
    table = Table(run, ("a", "b"), "two variants", seeds=seeds)
    monkeypatch.setitem(TABLES, "toy", table)
    return table


def test_a_table_goes_on_where_it_stopped(tmp_path, monkeypatch):
    calls: list[tuple[str, int]] = []
    counted(calls, tmp_path, monkeypatch)
    make("toy", seeds=1, jobs=1, backend="sequential")
    assert calls == [("a", 0), ("b", 0)]
    (tmp_path / "toy" / "b-0.json").unlink()
    make("toy", jobs=1, backend="sequential")
    assert calls[2:] == [("b", 0), ("a", 1), ("b", 1)]
    make("toy", jobs=1, backend="sequential")
    assert len(calls) == 5
    make("toy", ["b"], again=True, jobs=1, backend="sequential")
    assert calls[5:] == [("b", 0), ("b", 1)]
    found = StoredResults.of(read_runs(tmp_path / "toy"))
    assert found.values("a", "auroc") == [0.5, 0.83333]
    assert found.about["seeds"] == [0, 1]
    assert found.about["setting"] == "two variants"
    assert not list(tmp_path.rglob("*.writing"))


def test_runs_on_two_workers_are_the_same(tmp_path, monkeypatch):
    calls: list[tuple[str, int]] = []
    counted(calls, tmp_path, monkeypatch)
    make("toy", jobs=2, backend="threading")
    assert {p.stem for p in (tmp_path / "toy").iterdir()} == {"a-0", "a-1", "b-0", "b-1"}
    assert sorted(calls) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_a_variant_that_is_not_there_is_refused(tmp_path, monkeypatch):
    table = counted([], tmp_path, monkeypatch)
    with pytest.raises(SystemExit, match="toy has no variant 'c'"):
        waiting("toy", table, ["c"], None, again=False)


def test_some_variants_may_want_more_seeds(tmp_path, monkeypatch):
    table = counted([], tmp_path, monkeypatch, seeds={"a": 1})
    todo = waiting("toy", table, [], None, again=False)
    assert todo == [("a", 0), ("b", 0), ("b", 1), ("b", 2)]


def test_two_files_of_one_run_are_refused():
    about = {"place": 0, "version": "", "source": "", "torch": "", "machine": "", "made": ""}
    one = {"variant": "a", "seed": 0, "values": {}, "about": about | {"seconds": 1.0}}
    with pytest.raises(ValueError, match="two files hold the run of 'a' with seed 0"):
        StoredResults.of([one, one])


def test_real_records_that_are_not_there_leave_their_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ECGLEARN_DATA", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (RUNS / "real-records").iterdir()}
    make("real-records", again=True)
    assert "left as it is" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_encoders_of_the_common_table_have_one_size():
    """What `embed` runs through has 275,000 parameters, 5% more or less, in every variant."""
    batch = ECGBatch.from_cohort(simulate(2, seed=0))
    for name, config in five_methods.CONFIGS.items():
        method = five_methods.KINDS[type(config)](config)
        count = sum(p.numel() for p in used_by_embed(method, batch))
        assert abs(count / 275_000 - 1) < 0.05, (name, count)


def test_what_the_page_of_five_methods_says_in_words():
    """Its prose has no numbers but these; each holds in the stored runs, mean over seeds."""
    table = stored_results("five-methods")
    probe = "probe 100%: macro AUROC"
    taught = ("PTACL", "TAMER", "DERI", "SCAR", "MERL")
    untrained = table.interval("clinical transfer", f"untrained: {probe}").value
    assert untrained > max(table.interval(name, probe).value for name in taught)
    widths = {}
    batch = ECGBatch.from_cohort(simulate(2, seed=0))
    for name, config in five_methods.CONFIGS.items():
        widths[name] = five_methods.KINDS[type(config)](config).embed(batch).shape[1]
    assert widths["clinical transfer"] == widths["supervised ECG alone"] == 252
    assert {widths[name] for name in taught} == {64, 84}
    others = [v for v in table.variants if v not in ("SCAR", "age and sex")]
    kept = "probe, severe missing: CMRS"
    assert all(
        table.interval("SCAR", probe).value <= table.interval(v, probe).value + 0.01 for v in others
    )
    assert table.interval("SCAR", kept).low > max(table.interval(v, kept).value for v in others)


def test_missing_table_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_RESULTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make results"):
        stored_results("ptacl-alignment")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    assert stored_results("x").variants == []


def test_difference_is_taken_seed_by_seed():
    runs = [
        {"variant": v, "seed": s, "r2": value}
        for v, values in (("a", (1.0, 2.0, 3.0)), ("b", (0.5, 1.4, 2.6)))
        for s, value in enumerate(values)
    ]
    table = StoredResults({}, [*runs, {"variant": "c", "seed": 7, "r2": 0.0}])
    change = table.difference("a", "b", "r2")
    assert change.value == pytest.approx(0.5)
    assert not change.covers(0)
    assert table.interval("a", "r2").covers(table.interval("b", "r2").value)
    with pytest.raises(ValueError, match="'a' and 'c' were run with different seeds"):
        table.difference("a", "c", "r2")
    longer = StoredResults({}, [*runs, {"variant": "a", "seed": 3, "r2": 9.0}])
    assert longer.difference("a", "b", "r2", shared=True) == change
