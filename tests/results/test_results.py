"""Stored tables: complete, with provenance, and one cell of each made again."""

import json
import os
from pathlib import Path

import pytest

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.evaluate import StoredResults, stored_results
from ecglearn.evaluate.cost import used_by_embed
from results.make import REAL, SEEDS, TABLES, make
from results.arenas import five_methods

ROOT = Path(__file__).resolve().parents[2]
# cheap to make again, and far from what other rows say
CELLS = {
    "ptacl-alignment": ("sigma 0", 0, ("contrast", "top1", "cine_rate_r2")),
    "ptacl-ablation": ("supervised", 0, ("ecg_r2",)),
    "scar-missingness": ("full input", 0, ("auroc", "severe: auroc")),
    "scar-planted": ("full input; two whole leads", 0, ("auroc", "without_auroc")),
    "tamer-ablation": ("MERL", 0, ("auroc", "rhythm_auroc")),
    "deri-ablation": ("untrained", 0, ("auroc", "written_f1")),
    "clinical-transfer": ("table only", 0, ("auroc_100",)),
    "five-methods": ("age and sex", 0, ("probe 100%: macro AUROC", "phenotypes: R2")),
    "real-records": ("MERL, nothing", 0, ("PTB-XL: probe", "LUDB: probe")),
}


def test_every_table_has_a_cell_and_a_file():
    assert set(CELLS) == set(TABLES) == {p.stem for p in (ROOT / "results").glob("*.json")}


@pytest.mark.parametrize("name", TABLES)
def test_complete_and_with_provenance(name):
    table = stored_results(name)
    variants = TABLES[name][0]
    assert {(r["variant"], r["seed"]) for r in table.runs} == {
        (v, s) for v in variants for s in SEEDS
    }
    for field in (
        "command",
        "setting",
        "seeds",
        "version",
        "source",
        "torch",
        "machine",
        "seconds",
    ):
        assert table.about[field], field
    assert table.about["simulated"] is (name not in REAL)
    assert table.about["source"] in table.provenance()
    with pytest.raises(KeyError, match="no runs of 'nothing'"):
        table.values("nothing", "ecg_r2")


@pytest.mark.parametrize("name", TABLES)
def test_one_cell_is_made_again(name, monkeypatch):
    """The same seed gives nearly the same number; other processors may round differently."""
    if name in REAL:
        if "ECGLEARN_TEST_DATA" not in os.environ:
            pytest.skip("ECGLEARN_TEST_DATA does not name a folder of real records")
        monkeypatch.setenv("ECGLEARN_DATA", os.environ["ECGLEARN_TEST_DATA"])
    variant, seed, measures = CELLS[name]
    again = TABLES[name][1](variant, seed)
    table = stored_results(name)
    stored = next(r for r in table.runs if (r["variant"], r["seed"]) == (variant, seed))
    for measure in measures:
        interval = table.interval(variant, measure)
        width = max(interval.high - interval.low, 0.02)
        assert interval.low - width / 2 <= again[measure] <= interval.high + width / 2, (
            measure,
            again[measure],
            str(interval),
            stored[measure],
        )


def test_real_records_that_are_not_there_leave_their_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ECGLEARN_DATA", str(tmp_path))
    before = (ROOT / "results" / "real-records.json").read_bytes()
    make("real-records")
    assert "left as it is" in capsys.readouterr().out
    assert (ROOT / "results" / "real-records.json").read_bytes() == before


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
    (tmp_path / "x.json").write_text(json.dumps({"about": {}, "runs": []}))
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
