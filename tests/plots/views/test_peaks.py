"""R peaks moved in the page: matrix, target and shares are those of the library."""

from dataclasses import replace

import numpy as np
import pytest

from ecglearn import ECGBatch, simulate
from ecglearn.errors import InputError
from ecglearn.losses import phase_target
from ecglearn.methods import PTACLConfig
from ecglearn.plots.views import PeakView
from ecglearn.plots.views.peaks import t_waves
from ecglearn.signals import beat_matrix
from tests.plots.views.page import opened

CONFIG = PTACLConfig.preset("class")


@pytest.fixture(scope="module")
def batch():
    cohort = simulate(4, seed=0)
    assert "Normal" in cohort.reports[2]
    return ECGBatch.from_cohort(cohort)


def asked(data, peaks, sigma):
    """Frames x tokens, and true moments x frames, in the library's own numbers."""
    steps, patch = data["segments"], data["patch"]
    tokens = len(data["signal"]) // patch
    matrix, _ = beat_matrix(
        np.array(peaks),
        tokens=tokens,
        samples_per_token=patch,
        segments=steps,
        phase_exact=data["exact"],
    )
    target = phase_target(steps, sigma=sigma).numpy()
    found = np.array(data["peaks"])
    truth = np.zeros((tokens, steps))
    for n in range(tokens):
        centre = n * patch + (patch - 1) / 2
        k = np.clip(np.searchsorted(found, centre, side="right") - 1, 0, len(found) - 2)
        at = (centre - found[k]) / (found[k + 1] - found[k]) * steps - 0.5
        below, share = int(np.floor(at)), at % 1
        truth[n, below % steps] += 1 - share
        truth[n, (below + 1) % steps] += share
    held = matrix @ truth  # phase x moment
    return target.T @ matrix, (held / held.sum(0)).T @ target


def near(map_):
    steps = len(map_)
    return np.mean([sum(map_[m, (m + d) % steps] for d in (-1, 0, 1)) for m in range(steps)])


def test_peaks_and_frames_are_those_of_the_record(batch):
    data = PeakView.from_batch(batch, 2, CONFIG).data
    found = batch.r_peaks[2].numpy()
    assert data["peaks"] == found[(found >= 0) & (found < 500)].tolist()
    np.testing.assert_allclose(data["signal"], batch.ecg[2, 1, :500].numpy().round(2), atol=1e-6)
    assert data["count"] == 13
    assert (data["exact"], data["circular"], data["sigma"]) == (True, False, 0.0)


def test_t_waves_by_hand():
    signal = np.zeros(300)
    signal[[10, 110, 150, 170]] = [5, 5, 9, 9]  # R peaks; 0.4 and 0.6 s behind one
    signal[140] = 1
    signal[[40, 35]] = [-1, 0.5]
    # the larger of two, of either sign; and what a window of 0.18 to 0.45 s holds
    assert t_waves(signal, np.array([10, 110, 210]), 100).tolist() == [40, 150]
    # beats of 0.3 s: between a third and two thirds of it
    assert t_waves(signal, np.array([100, 130, 160]), 100)[1] == 140


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_t_waves_lie_between_their_peaks_however_close(gap):
    peaks = np.array([5, 5 + gap, 9 + gap])
    places = t_waves(np.arange(30.0), peaks, 100)
    assert (places >= peaks[:-1]).all()
    assert (places < peaks[1:]).all()


def test_what_does_not_fit_is_refused(batch):
    with pytest.raises(InputError, match="no row of a batch of 4"):
        PeakView.from_batch(batch, 4, CONFIG)
    with pytest.raises(InputError, match="r_peaks"):
        PeakView.from_batch(replace(batch, r_peaks=None), 0, CONFIG)
    with pytest.raises(InputError, match="100 Hz and this configuration reads 500"):
        PeakView.from_batch(batch, 0, PTACLConfig())
    few = batch.r_peaks.clone()
    few[0, 2:] = -1
    with pytest.raises(InputError, match="record 0 has 2 R peaks in its first 500"):
        PeakView.from_batch(replace(batch, r_peaks=few), 0, CONFIG)


@pytest.mark.book
@pytest.mark.parametrize(
    "config", [CONFIG, replace(CONFIG, phase_exact=False, sigma=0.1)], ids=["exact", "whole"]
)
def test_the_page_cuts_beats_as_the_library_does(browser, tmp_path, batch, config):
    view = PeakView.from_batch(batch, 2, config)
    data = view.data
    chosen = int(np.ceil((len(data["peaks"]) - 1) / 2))  # the middle one that can be moved
    late, missed, twice = list(data["peaks"]), list(data["peaks"]), list(data["peaks"])
    late[chosen] += 24
    del missed[chosen]
    twice.insert(chosen + 1, data["t_waves"][chosen])
    with opened(browser, tmp_path, view) as seen:
        box = seen.page.locator(".ecg-view")
        assert seen.page.locator("[data-name=peak]").input_value() == str(chosen)

        def agrees(peaks, words):
            frames, moments = asked(data, peaks, config.sigma)
            cells = seen.page.locator(".ev-stage > svg .ev-cell").evaluate_all(
                "all => all.map(one => Number(one.getAttribute('fill-opacity')))"
            )
            assert np.allclose(np.reshape(cells, frames.shape), frames / frames.max(), atol=1e-3)
            share = float(box.get_attribute("data-near"))
            assert share == pytest.approx(near(moments), abs=2e-4)
            assert int(box.get_attribute("data-beats")) == len(peaks) - 1
            seen.page.wait_for_function(
                "words => document.querySelector('.ev-says').textContent.includes(words)", arg=words
            )
            assert f"{share:.0%}".replace("%", " %") in seen.text(".ev-says")
            return share

        best = agrees(data["peaks"], "as found")
        seen.slide("shift", 240)
        assert agrees(late, f"R peak {chosen + 1} is 240 ms late") < best
        seen.page.locator("[data-name=missed]").click()
        assert agrees(missed, "two beats count as one") < best
        seen.page.locator("[data-name=twice]").click()
        assert agrees(twice, "one beat counts as two") < best
        seen.page.locator("[data-name=moved]").click()
        assert agrees(data["peaks"], "as found") == best


@pytest.mark.book
def test_a_soft_target_asks_for_neighbours(browser, tmp_path, batch):
    view = PeakView.from_batch(batch, 2, CONFIG)
    with opened(browser, tmp_path, view) as seen:
        seen.slide("sigma", 0.3)
        share = float(seen.page.locator(".ecg-view").get_attribute("data-near"))
        assert share == pytest.approx(near(asked(view.data, view.data["peaks"], 0.3)[1]), abs=2e-4)


@pytest.mark.book
def test_a_peak_is_dragged_and_walked_by_keys(browser, tmp_path, batch):
    """The mouse takes another peak along; keys move the chosen one and stop at its neighbour."""
    view = PeakView.from_batch(batch, 2, CONFIG)
    with opened(browser, tmp_path, view) as seen:
        first = seen.page.locator(".ev-grip").first.bounding_box()
        x, y = first["x"] + first["width"] / 2, first["y"] + 40
        seen.page.mouse.move(x, y)
        seen.page.mouse.down()
        seen.page.mouse.move(x + 20, y, steps=4)
        seen.page.mouse.up()
        seen.page.mouse.move(x + 60, y)
        assert seen.page.locator("[data-name=peak]").input_value() == "1"
        shift = seen.page.locator("[data-name=shift]")
        width = seen.page.locator(".ev-stage > svg").first.bounding_box()["width"] - 46
        assert float(shift.input_value()) == pytest.approx(20 / width * 5000, abs=20)
        shift.focus()
        before = int(shift.input_value())
        seen.page.keyboard.press("ArrowRight")
        assert int(shift.input_value()) == before + 20
        seen.page.keyboard.press("End")
        peaks = view.data["peaks"]
        room = min(400, (peaks[2] - peaks[1]) * 10 - 250)
        assert int(shift.input_value()) == room // 20 * 20
        for name in ("moved", "missed", "twice"):
            seen.page.locator(f"[data-name={name}]").focus()
            seen.page.keyboard.press("Enter")
            assert seen.page.locator("[aria-pressed=true]").get_attribute("data-name") == name
        grid = seen.page.locator(".ev-grid")
        grid.focus()
        seen.page.keyboard.press("ArrowDown")
        seen.page.keyboard.press("ArrowRight")
        seen.page.wait_for_function(
            "document.querySelector('.ev-says').textContent.includes('Moment 2 of the ECG')"
        )


@pytest.mark.book
@pytest.mark.parametrize("home", ["page", "widget"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_fits_and_bars_nobody(browser, tmp_path, batch, home, width, scheme):
    view = PeakView.from_batch(batch, 2, CONFIG)
    touch = width < 600
    with opened(
        browser, tmp_path, view, home=home, width=width, scheme=scheme, has_touch=touch
    ) as seen:
        assert seen.overflow() <= 0
        assert seen.violations() == []
        assert seen.complaints == []
        allowed = "all => all.map(one => getComputedStyle(one).touchAction)"
        assert set(seen.page.locator(".ev-grip").evaluate_all(allowed)) == {"pan-y"}


def test_the_view_holds_plain_json(batch):
    view = PeakView.from_batch(batch, 2, CONFIG)
    assert PeakView.from_json(view.to_json()) == view
    assert len(view.to_json()) < 60_000
