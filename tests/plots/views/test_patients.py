"""Patient x patient: ranks and the films on top are those of the cosines."""

import numpy as np
import pytest
import torch

from ecglearn import simulate
from ecglearn.cohort import PHENOTYPES
from ecglearn.errors import InputError
from ecglearn.evaluate import cosine, patient_rank
from ecglearn.plots.views import RetrievalView
from ecglearn.plots.views.contract import unpack
from tests.plots.views.page import opened


@pytest.fixture(scope="module")
def cohort():
    return simulate(12, seed=2)


@pytest.fixture(scope="module")
def vectors():
    generator = torch.Generator().manual_seed(0)
    cine = torch.randn(12, 6, generator=generator)
    return cine + 0.9 * torch.randn(12, 6, generator=generator), cine


@pytest.fixture(scope="module")
def view(cohort, vectors):
    return RetrievalView.from_vectors(
        vectors[0], vectors[1], cohort, [3, 0, 7], ["a", "b", "c"], top=4
    )


def test_rank_films_and_likeness(cohort, vectors, view):
    scores = cosine(*vectors)
    ranks = patient_rank(scores)[[3, 0, 7]].tolist()
    assert [found["rank"] for found in view.data["found"]] == ranks
    people = view.data["people"]
    ef = cohort.phenotypes[:, PHENOTYPES.index("LVEF")]
    for k, row in enumerate((3, 0, 7)):
        best = scores[row].argsort(descending=True)[:4].numpy()
        shown = [people[p]["value"] for p in view.data["found"][k]["people"]]
        assert shown == [f"{ef[b]:.0f}" for b in best]
        near = np.abs(ef[best] - ef[row]) <= ef.std() / 2
        assert unpack(view.data["near"])[k].astype(bool).tolist() == near.tolist()
    assert np.allclose(view.array("cosines"), scores[[3, 0, 7]][:, [3, 0, 7]], atol=0.01)


def test_what_does_not_fit_is_refused(cohort, vectors):
    with pytest.raises(InputError, match="12 cines, 5 patients"):
        RetrievalView.from_vectors(vectors[0], vectors[1], cohort[:5], [0], ["a"])
    with pytest.raises(InputError, match="not all rows of 12"):
        RetrievalView.from_vectors(vectors[0], vectors[1], cohort, [12], ["a"])


@pytest.mark.book
def test_a_row_opens_into_its_films(browser, tmp_path, view):
    for width, scheme in ((1280, "light"), (390, "dark")):
        with opened(browser, tmp_path, view, width=width, scheme=scheme) as seen:
            seen.slide("row", 2)
            rank = view.data["found"][1]["rank"]
            assert seen.page.locator(".ecg-view").get_attribute("data-rank") == str(rank)
            assert seen.page.locator(".ev-found li").count() == 1 + 4
            seen.page.wait_for_timeout(400)
            assert f"rank {rank} of 12" in seen.text("[role=status]")
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []
