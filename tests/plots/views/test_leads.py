"""Every set of leads: the page shows what the model says when asked with that set."""

import numpy as np
import pytest
import torch

from ecglearn import ECGBatch, simulate, zero_shot
from ecglearn.errors import InputError
from ecglearn.evaluate import apply_missing
from ecglearn.plots.views import LeadSetView
from ecglearn.plots.views.leads import every_set
from ecglearn.signals import LEADS
from tests.plots.views.page import opened

PROMPTS = {"one": ["first words"], "two": ["other words"], "three": ["more"]}


class Told(torch.nn.Module):
    """Sees the mean size of each lead; words are fixed directions."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.words = torch.randn(3, 12, generator=generator)

    def embed(self, batch):
        return batch.ecg.abs().mean(2) + 0.1

    def embed_text(self, texts):
        return torch.stack([self.words[len(text) % 3] for text in texts])


@pytest.fixture(scope="module")
def batch():
    return ECGBatch.from_cohort(simulate(8, seed=4))


@pytest.fixture(scope="module")
def view(batch):
    models = {"A": Told(0), "B": Told(1)}
    return LeadSetView.from_models(
        models, batch, {"p": 2, "q": 5}, PROMPTS, ["one", "two", "three"], [["two"], []]
    )


def test_every_set_has_its_own_number():
    sets = every_set(3)
    assert sets.shape == (8, 3)
    assert sets[5].tolist() == [True, False, True]
    assert len(every_set()) == 4096


def asked(batch, model, row, leads):
    keep = torch.zeros(1, 12, 1, dtype=torch.bool)
    keep[0, [LEADS.index(lead) for lead in leads]] = True
    usual = zero_shot(model, batch, PROMPTS)
    found = zero_shot(model, apply_missing(batch[np.array([row])], keep), PROMPTS)
    return ((found - usual.mean()) / usual.std()).to_numpy()[0]


@pytest.mark.book
def test_the_page_answers_as_the_model_does(browser, tmp_path, batch, view):
    with opened(browser, tmp_path, view) as seen:
        leads = list(LEADS)
        for gone in ("V1", "aVL", "II"):
            seen.page.locator(f"[data-name=lead-{gone}]").click()
            leads.remove(gone)
        seen.page.locator("[data-name=patient]").select_option("1")
        bars = seen.page.locator(".ev-answers .ev-bar")
        shown = [float(bars.nth(k).get_attribute("data-value")) for k in range(6)]
        wanted = np.concatenate([asked(batch, Told(k), 5, leads) for k in (0, 1)])
        largest = np.abs(view.data["high"]) + np.abs(view.data["low"])
        assert np.allclose(shown, wanted, atol=largest / 127)
        pressed = "[...document.querySelectorAll('.ev-lead[aria-pressed=false]')]"
        gone = seen.page.evaluate(f"{pressed}.map(one => one.innerText)")
        assert gone == ["II", "aVL", "V1"]


@pytest.mark.book
def test_it_fits_and_the_last_lead_stays(browser, tmp_path, view):
    for width, scheme in ((1280, "dark"), (390, "light")):
        with opened(browser, tmp_path, view, width=width, scheme=scheme) as seen:
            for lead in LEADS:
                seen.page.locator(f"[data-name=lead-{lead}]").focus()
                seen.page.keyboard.press("Space")
            assert seen.page.locator(".ev-lead[aria-pressed=true]").all_inner_texts() == ["V6"]
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []


def test_what_cannot_be_asked_is_refused(batch):
    with pytest.raises(InputError, match=r"no descriptions of \['four'\]"):
        LeadSetView.from_models({"A": Told(0)}, batch, {"p": 2}, PROMPTS, ["four"], [[]])
    with pytest.raises(InputError, match="1 patients and findings of 2"):
        LeadSetView.from_models({"A": Told(0)}, batch, {"p": 2}, PROMPTS, ["one"], [[], []])
