"""Written down once: a seed means the same patients, sides, batches and steps in every version.

Whole numbers and words are compared by their hash. Sums of floats may differ by the last digits on
another processor, and rounding before a hash would only move where that shows: of floats, a few
weighted means are compared, within a millionth of their size for the cohort and 1e-4 after filters
and training. When a test here fails on purpose, published numbers are no longer those of this
version: say so in the changelog.
"""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.datasets.folder import Columns
from ecglearn.data.datasets.registry import folder_dataset
from ecglearn.data.splits import split_of, split_patients
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.method import Stage
from ecglearn.methods.merl import MERL, MERLConfig
from ecglearn.train import fit
from tests.data import layouts


def digest(*parts: Any) -> str:
    """Of whole numbers, truth values and words."""
    made = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            assert part.dtype.kind in "iub"
            part = part.astype(np.int64).tolist()
        made.update(repr(part).encode())
    return made.hexdigest()[:16]


def weighted(x: Any) -> np.ndarray:
    """Means of an array under four weights along its rows: a change of order shows too."""
    flat = np.nan_to_num(np.asarray(x, float)).ravel()
    along = np.linspace(0, 1, len(flat))
    waves = [np.cos(np.pi * k * along) for k in (1, 7)]
    return np.array(
        [np.abs(flat).mean(), (flat * along).mean(), *((flat * w).mean() for w in waves)]
    )


def assert_same(x: Any, wanted: list[float], within: float = 1e-4) -> None:
    size = max(abs(v) for v in wanted)
    np.testing.assert_allclose(weighted(x), wanted, rtol=within, atol=within * size)


@pytest.fixture(scope="module")
def cohort():
    return simulate(16, seed=3)


def test_cohort(cohort):
    assert digest(cohort.findings, cohort.diagnoses, cohort.truth.index) == "1090e2839578dbbe"
    assert digest(cohort.reports) == "dbb54db3b8bcd799"
    for name, wanted in {
        "ecg": [0.130254376, 0.0201572783, -0.00397288517, -0.00308637439],
        "cine": [113.199113, 56.8674168, -0.713976787, 0.122903787],
        "phenotypes": [82.8051652, 42.4043228, -2.23653847, 0.648624076],
        "labs": [32.3010492, 16.4516134, -1.09333273, 4.04797785],
        "vitals": [72.4317735, 35.9090896, 0.412853568, 3.84449518],
        "demographics": [75.9423994, 39.0273087, -2.14653682, -1.21859379],
    }.items():
        assert_same(getattr(cohort, name), wanted, within=1e-6)


def test_split():
    names = ("patient-1", "p10000032", "HR00001")
    assert [split_of(name) for name in names] == ["train", "train", "test"]
    train, test = split_patients([f"p{k}" for k in range(12)])
    assert digest(train, test) == "e12b92fe69b4ea04"


def test_store(tmp_path):
    """Which records, on which side, under which digest; and what the chain made of the signals."""
    place = tmp_path / "mine"
    place.mkdir()
    for k, counts in enumerate(layouts.signals(3)):
        layouts.write(place, counts, name=f"r{k}")
    layouts.table(place / "mine.csv", ("record", "age"), [[f"r{k}", str(40 + k)] for k in range(3)])
    prepare(
        folder_dataset(Columns("mine.csv", age="age")),
        place,
        tmp_path / "store",
        workers=1,
        progress=False,
    )
    store = open_store(tmp_path / "store")
    assert store.index["record"].tolist() == ["r0", "r1", "r2"]
    assert store.index["split"].tolist() == ["train", "test", "train"]
    assert store.about["split digest"] == "c41b5832aaca634e"
    batch = store[[2, 0]]
    assert_same(batch.ecg, [0.5211, 2.8015e-06, 0.000123798, 0.00181198])
    assert batch.r_peaks is not None
    assert batch.r_peaks[:, :3].tolist() == [[11, 100, 191], [42, 112, 181]]


class Seen(Stage):
    """Remembers who was in each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.batches: list[list[int]] = []

    def losses(self, batch, generator=None, step=None):
        self.batches.append(batch.index.tolist())
        assert generator is not None
        draw = torch.rand(1, generator=generator)
        self.batches[-1].append(int(1e6 * float(draw)))
        return {"one": (self.weight * draw).sum()}


def test_first_batches(cohort):
    """Who is in them, and what the first draw of each step is, in millionths."""
    seen = Seen()
    batch = ECGBatch.from_cohort(cohort)
    fit(seen, batch, epochs=1, batch_size=6, seed=5, progress=False)
    assert seen.batches == [[15, 6, 10, 8, 1, 13, 305704], [12, 7, 3, 11, 14, 9, 123950]]


def test_two_trained_steps(cohort):
    torch.manual_seed(4)
    method = MERL(MERLConfig.preset("smoke"))
    assert_same(
        method.ecg_encoder.state_dict()["stem.0.weight"],
        [0.0537406, 0.000912176, -0.00191162, -0.000479268],
    )
    history = fit(
        method, ECGBatch.from_cohort(cohort), epochs=1, batch_size=8, seed=5, progress=False
    )
    np.testing.assert_allclose(history.curve(), [4.648336], rtol=1e-4)
    assert_same(
        method.embed(ECGBatch.from_cohort(cohort)),
        [0.0878695, 0.00466782, 0.000457917, 0.000496933],
    )
