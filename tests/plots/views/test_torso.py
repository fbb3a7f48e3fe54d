"""Electrodes of each lead by the library's own wiring; waves where the curve has them."""

import numpy as np
import pytest

from ecglearn import simulate
from ecglearn.plots.views import TorsoView
from ecglearn.plots.views.torso import AFTER, BEFORE, ELECTRODES_OF, beat_around_r, wave_spans
from ecglearn.signals import ELECTRODES, LEADS, electrodes_off
from tests.plots.views.page import opened


@pytest.fixture(scope="module")
def cohort():
    return simulate(12, seed=0, fs=500, noise=False)


def usual(cohort):
    return next(k for k, text in enumerate(cohort.reports) if "Normal ECG" in text)


@pytest.mark.parametrize("electrode", ELECTRODES)
def test_leads_use_the_electrodes_that_take_them_away(electrode):
    lost = ~electrodes_off([electrode]).numpy()
    uses = [electrode in (*plus, *minus) for plus, minus in ELECTRODES_OF.values()]
    assert tuple(ELECTRODES_OF) == LEADS
    assert uses == lost.tolist()


def test_waves_lie_where_the_curve_has_them(cohort):
    row = usual(cohort)
    beat = beat_around_r(cohort, row)[1]
    around = np.linspace(-BEFORE, AFTER, len(beat))
    spans = {wave["name"]: (wave["from"], wave["to"]) for wave in wave_spans(cohort, row)}
    assert list(spans) == ["P", "QRS", "ST", "T"]
    peak = {
        name: around[(around > a) & (around < b)][
            np.abs(beat[(around > a) & (around < b)]).argmax()
        ]
        for name, (a, b) in spans.items()
    }
    assert abs(peak["QRS"]) < 0.03
    for name in ("P", "T"):
        low, high = spans[name]
        assert low + 0.02 < peak[name] < high - 0.02, "the wave's top is inside, not at an edge"
    assert spans["QRS"][1] == spans["ST"][0] <= spans["ST"][1] == spans["T"][0]


@pytest.mark.book
def test_a_lead_lights_up_its_electrodes(browser, tmp_path, cohort):
    row = usual(cohort)
    view = TorsoView.from_cohort(cohort, row)
    beats = beat_around_r(cohort, row)
    for width, scheme in ((1280, "light"), (390, "dark")):
        with opened(browser, tmp_path, view, width=width, scheme=scheme) as seen:
            for lead in ("II", "aVR", "V2"):
                seen.page.locator(f"[data-name=lead-{lead}]").focus()
                seen.page.keyboard.press("Enter")
                plus = seen.page.locator(".ev-plus text").all_text_contents()
                minus = seen.page.locator(".ev-minus text").all_text_contents()
                wanted = ELECTRODES_OF[lead]
                assert (sorted(plus), sorted(minus)) == tuple(map(sorted, wanted))
                signal = beats[LEADS.index(lead)]
                peak = signal[np.abs(signal).argmax()]
                shown = float(seen.page.locator(".ecg-view").get_attribute("data-peak") or 0)
                assert shown == pytest.approx(peak, abs=np.abs(beats).max() / 100)
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []
