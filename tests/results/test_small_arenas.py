"""Every arena with few patients and one pass: it runs, and measures what its stored runs hold."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from torch import nn

from ecglearn.evaluate import stored_results
from results.arenas import charts, clinical, missing, phases, ptacl, reports, scar
from results.arenas.averaging import Averaged

FEW, PASS = {"TRAIN": 128, "TEST": 96}, {"JOINT": 1, "LABS": 1, "STEPS": 2}
THREE = {"PASSES": 3}  # the last three passes are averaged
# arena, its table, sizes, variants as they are called with these sizes
ARENAS: list[tuple[ModuleType, str, dict[str, Any], tuple[str, ...]]] = [
    (
        reports,
        "reports",
        THREE | {"TEST": 192, "SITE": 64, "WRITER_PASSES": 1},
        ("DERI; 256 pairs", "MERL; 256 pairs"),
    ),
    (missing, "missing", THREE | {"TRAIN": 256, "TEST": 96}, ("SCAR", "MERL")),
    (
        charts,
        "charts",
        FEW | PASS | {"DIAGNOSES": 1, "LABELS": (64, 128)},
        ("clinical transfer; noise 1", "ECG and table; noise 1"),
    ),
    (
        phases,
        "phases",
        {"TEST": 64, "PASSES": 1},
        ("PTACL; 64 pairs", "masked ECG alone; 64 pairs"),
    ),
    (scar, "scar-missingness", FEW | {"WHITE_BOX": 16, "EPOCHS": 1}, ("SCAR",)),
    (
        clinical,
        "clinical-transfer",
        FEW | PASS | {"EPOCHS": 1},
        ("clinical transfer", "diagnosis first", "ECG and table"),
    ),
]
# a stored run has these sizes in its names
SIZES = {"64 pairs": "1024 pairs", "256 pairs": "1024 pairs", "auroc_128": "auroc_2048"}


def forget(arena: ModuleType) -> None:
    """Patients and weights of other sizes."""
    for thing in vars(arena).values():
        if hasattr(thing, "cache_clear") and thing.__module__ == arena.__name__:
            thing.cache_clear()


@pytest.fixture
def small(monkeypatch):
    changed: list[ModuleType] = []

    def make(arena: ModuleType, sizes: dict[str, Any]) -> None:
        forget(arena)
        changed.append(arena)
        for name, value in sizes.items():
            assert hasattr(arena, name)
            monkeypatch.setattr(arena, name, value)

    yield make
    for arena in changed:
        forget(arena)


def as_stored(name: str) -> str:
    for mine, theirs in SIZES.items():
        name = name.replace(mine, theirs)
    return name


def stored(table: str, variant: str) -> set[str]:
    """What its runs measure."""
    run = next(one for one in stored_results(table).runs if one["variant"] == variant)
    return set(run) - {"variant", "seed"}


@pytest.mark.parametrize(
    ("arena", "table", "sizes", "variants"), ARENAS, ids=[one[1] for one in ARENAS]
)
def test_it_measures_what_is_stored(arena, table, sizes, variants, small):
    small(arena, sizes)
    run = arena.missingness_run if arena is scar else arena.run
    rows = {variant: run(variant, 0) for variant in variants}
    for variant, row in rows.items():
        wanted = stored(table, as_stored(variant))
        if arena is charts:
            wanted -= {"auroc_256"}
        assert {as_stored(name) for name in row} == wanted, variant
        shares = {name: value for name, value in row.items() if "auroc" in name.split()[-1]}
        assert all(0 <= value <= 1 for value in shares.values() if not np.isnan(value))
        assert shares or arena is phases
        assert np.isfinite(list(row.values())).mean() > 0.8
    assert len({tuple(row.values()) for row in rows.values()}) == len(rows)


def test_rows_of_the_ablation(small, monkeypatch):
    small(ptacl, {"TEST": 64})
    patients, fit = ptacl.patients, ptacl.fit
    monkeypatch.setattr(ptacl, "patients", lambda _: patients(128))
    monkeypatch.setattr(ptacl, "fit", lambda *a, **k: fit(*a, **(k | {"epochs": 1})))
    rows = {
        name: ptacl.ablation_run(name, 0)
        for name in ("random init", "supervised", "PTACL, fine-tuned", "PTACL", "global only")
    }
    for name, row in rows.items():
        assert set(row) == stored("ptacl-ablation", name)
        assert np.isfinite(list(row.values())).all()
    assert len({row["ecg_r2"] for row in rows.values()}) == len(rows)


def test_the_mean_is_over_the_last_three_passes():
    trained = nn.Linear(1, 1, bias=False)
    mean = Averaged(trained, 5)
    for done in range(1, 6):
        nn.init.constant_(trained.weight, 10.0**done)
        mean.after_epoch(done)
    assert mean.method.weight.item() == pytest.approx((1e3 + 1e4 + 1e5) / 3)
    assert not mean.method.training
