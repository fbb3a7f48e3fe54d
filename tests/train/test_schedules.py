"""The method chapters' models: trained once, loaded afterwards, for every method."""

import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.registry import create, list_methods
from ecglearn.train import fit_cached
from ecglearn.train.schedules import PATIENTS, trained


@pytest.fixture(scope="module")
def patients():
    return ECGBatch.from_cohort(simulate(PATIENTS["smoke"] + 8, seed=0))


@pytest.mark.parametrize("name", list_methods())
def test_second_time_loads_the_same_weights(name, patients, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path))
    first = trained(name, patients, preset="smoke")
    again = trained(name, patients[: PATIENTS["smoke"]], preset="smoke")
    assert (first.loaded, again.loaded) == (False, True)
    assert not again.method.training
    torch.testing.assert_close(first.method.state_dict(), again.method.state_dict())
    other = trained(name, patients, preset="smoke", seed=1)
    assert not other.loaded
    assert not torch.equal(other.method.embed(patients[:4]), again.method.embed(patients[:4]))


def test_a_watched_run_is_never_loaded_but_kept(patients, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLEARN_CACHE", str(tmp_path))
    seen = []
    for watch in (None, seen.append, None):
        torch.manual_seed(0)
        history = fit_cached(
            create("merl", "smoke"),
            patients,
            name="m",
            epochs=1,
            batch_size=32,
            after_epoch=watch,
        )
        assert history.loaded == (watch is None and seen != [])
    assert seen == [1]


def test_bad_names_and_few_patients(patients):
    with pytest.raises(ValueError, match="no method 'CLIP'; there are ptacl"):
        trained("CLIP", patients, preset="smoke")
    with pytest.raises(ValueError, match="needs 96 patients, not 50"):
        trained("MERL", patients[:50], preset="smoke")
