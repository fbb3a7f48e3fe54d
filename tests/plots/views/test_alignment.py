"""The alignment view: what it asks a model, and that the page shows Python's numbers."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecglearn import ECGBatch, simulate
from ecglearn.cohort.cine import inner_outlines
from ecglearn.data.transforms import roll_frames
from ecglearn.errors import InputError
from ecglearn.evaluate import alignment_maps, alignment_numbers
from ecglearn.losses import local_contrastive, phase_target
from ecglearn.plots.views import AlignmentTrack, AlignmentView
from ecglearn.plots.views.alignment import mean_beat, mechanical_phases
from tests.plots.views.page import opened, unlike, value_of

STEPS = 13
# the maps in the window's corner: whole pixels, whatever the letters above them measure
ALONE = """.ev-heading { display: none; }
.ev-panels { position: fixed; z-index: 9; top: 0; left: 0; margin: 0; background: white; }"""


@dataclass
class Clock(torch.nn.Module):
    """Finds frames by what they show or by their number, with a little noise for each patient."""

    by_number: bool

    def __post_init__(self):
        super().__init__()
        self.config = SimpleNamespace(segments=STEPS)

    def __hash__(self):
        return id(self)

    def local(self, batch):
        generator = torch.Generator().manual_seed(0)
        code = torch.eye(STEPS) + 0.5 * torch.eye(STEPS).roll(1, 1)
        noise = torch.randn(len(batch), STEPS, STEPS, generator=generator)
        ecg = code + 0.45 * noise
        phase = batch.cine[:, ::2, 0, 0].long() % STEPS
        phase = torch.arange(STEPS).expand_as(phase) if self.by_number else phase
        return ecg, code[phase], torch.ones(len(batch), dtype=torch.bool)


@pytest.fixture(scope="module")
def cohort():
    cohort = simulate(6, seed=1)
    cine = cohort.cine.copy()
    cine[:, :, 0, 0] = np.arange(26) // 2  # the phase of a frame stands in its corner
    return replace(cohort, cine=cine)


@pytest.fixture(scope="module")
def tracks(cohort):
    made = {}
    for name, by_number in (("sees", False), ("counts", True)):
        made[name] = AlignmentTrack(Clock(by_number), cohort, [2, 4], moments={0, 3})
        for epoch in range(4):
            made[name](epoch)
    return made


@pytest.fixture(scope="module")
def view(tracks):
    losses = [[3.0, 2.0, 1.0], [3.0, 1.5, 0.5]]
    return AlignmentView.from_tracks(tracks, ["a slow heart", "a fast heart"], losses=losses)


class TestAsking:
    def test_only_at_its_moments(self, tracks):
        assert sorted(tracks["sees"].shown) == [0, 3]

    def test_rolled_maps_are_those_of_a_rolled_cine(self, cohort, tracks):
        batch = ECGBatch.from_cohort(cohort)
        assert batch.cine is not None
        late = replace(batch, cine=roll_frames(batch.cine, 8))
        ecg, cine, valid = Clock(False).local(late)
        maps = alignment_maps(ecg, cine)
        assert torch.allclose(tracks["sees"].shown[3][:, 4], maps[[2, 4]])
        assert torch.allclose(tracks["sees"].mean[3][4], maps.mean(0))
        numbers = alignment_numbers(maps, valid=valid, shift=-4)
        assert tracks["sees"].right[3][4] == pytest.approx(numbers.top1)

    def test_seeing_follows_the_roll_and_counting_stays(self, tracks):
        sees, counts = (np.array(tracks[name].right[3]) for name in ("sees", "counts"))
        assert np.allclose(sees, sees[0])
        assert counts[0] == pytest.approx(sees[0])
        assert counts[4] < 0.3 < counts[0]

    @pytest.mark.parametrize(("rows", "words"), [([9], "no rows"), ([-1], "no rows")])
    def test_refuses_patients_that_are_not_there(self, cohort, rows, words):
        with pytest.raises(InputError, match=words):
            AlignmentTrack(Clock(False), cohort, rows)

    def test_refuses_frames_that_do_not_divide(self, cohort):
        model = Clock(False)
        model.config.segments = 12
        with pytest.raises(InputError, match="26 frames do not divide"):
            AlignmentTrack(model, cohort, [0])

    def test_refuses_to_join_what_was_asked_differently(self, cohort, tracks):
        other = AlignmentTrack(Clock(False), cohort, [2, 4])
        other(0)
        with pytest.raises(InputError, match="asked about something else"):
            AlignmentView.from_tracks({**tracks, "other": other}, ["a", "b"])
        with pytest.raises(InputError, match="3 names for 2"):
            AlignmentView.from_tracks(tracks, ["a", "b", "c"])

    def test_from_model_is_one_track_at_one_moment(self, cohort):
        view = AlignmentView.from_model(Clock(False), cohort, {"one": 2}, rolls=(0, 1))
        assert view.array("maps").shape == (1, 1, 1, 2, STEPS, STEPS)
        assert view.data["models"][0]["name"] == "Clock"


class TestEdges:
    def test_the_beat_runs_from_r_to_r(self, cohort):
        beat = mean_beat(cohort, 2)
        assert np.abs(beat).argmax() in (*range(5), *range(len(beat) - 5, len(beat)))

    def test_phases_come_in_their_order(self, cohort):
        names = list(dict.fromkeys(mechanical_phases(cohort[np.array([2])], 200)))
        order = ["isovolumic contraction", "ejection", "isovolumic relaxation", "early filling"]
        assert [name for name in names if name in order] == order

    def test_outline_is_where_blood_meets_muscle(self):
        cohort = simulate(4, seed=3, size=84, noise=False)
        source = cohort.truth.source
        lines = inner_outlines(cohort.latents, frames=26, size=84, points=24, seed=source.seed)
        assert lines.shape == (4, 26, 24, 2)
        for patient in range(4):
            for frame in (0, 9):
                middle = lines[patient, frame].mean(0)
                inner, outer = (
                    grey_along(cohort.cine[patient, frame], middle, lines[patient, frame], k)
                    for k in (0.82, 1.25)
                )
                assert np.median(inner) > 1.6 * np.median(outer)


def grey_along(image, middle, line, share):
    at = middle + share * (line - middle)
    return image[at[:, 1].astype(int), at[:, 0].astype(int)].astype(float)


@pytest.mark.book
class TestInThePage:
    """Read from a browser: what a reader sees is what Python computed."""

    def test_counts_follow_the_dial(self, browser, tmp_path, view, tracks):
        with opened(browser, tmp_path, view) as seen:
            for roll in (0, 4, 12):
                seen.slide("roll", roll)
                for k, name in enumerate(("sees", "counts")):
                    maps = tracks[name].shown[3][0, roll][None]
                    share = alignment_numbers(maps, shift=-roll).top1
                    assert int(value_of(seen, f"count-{k}")) == round(share * STEPS)

    def test_cosine_softmax_and_loss_are_pythons(self, browser, tmp_path, view, tracks):
        with opened(browser, tmp_path, view) as seen:
            for name, value in (("roll", 2), ("temperature", 30), ("sigma", 15), ("row", 6)):
                seen.slide(name, value)
            cosines = tracks["sees"].shown[3][0, 2]
            row = cosines[5]
            weight = torch.softmax(row / 0.3, 0).max()
            words = seen.text("figcaption")
            assert f"cosine {row.max():.2f}, softmax {round(100 * float(weight))} %" in words
            seen.page.locator("summary").click()
            seen.page.locator("[data-name=shown]").select_option("softmax")
            target = phase_target(STEPS, sigma=0.15).roll(-2, 1)
            shown = float(seen.page.locator(".ev-panel").first.get_attribute("data-loss"))
            wanted = -(target * torch.log_softmax(cosines / 0.3, 1)).sum(1).mean()
            assert shown == pytest.approx(float(wanted), abs=0.02)

    def test_keyboard_reaches_cells_and_play(self, browser, tmp_path, view):
        with opened(browser, tmp_path, view) as seen:
            seen.slide("row", 1)
            grid = seen.page.locator(".ev-grid").first
            grid.focus()
            for key in ("ArrowDown", "ArrowDown", "End", "ArrowLeft"):
                seen.page.keyboard.press(key)
            assert seen.page.locator("[data-name=row]").input_value() == "3"
            hair = seen.page.locator(".ev-hair").nth(1)
            width = float(hair.get_attribute("width"))
            assert float(hair.get_attribute("x")) == pytest.approx(11 * width)
            seen.page.keyboard.press("Home")
            assert float(hair.get_attribute("x")) == 0
            seen.page.keyboard.press("p")
            assert seen.page.locator("[data-name=moment]").input_value() == "0"
            assert seen.page.locator("[data-name=play]").inner_text() == "Pause"
            seen.page.wait_for_timeout(1200)
            assert seen.page.locator("[data-name=moment]").input_value() == "1"
            assert seen.page.locator("[data-name=play]").inner_text() == "Play training"

    def test_every_control_is_reached_by_tab(self, browser, tmp_path, view):
        with opened(browser, tmp_path, view) as seen:
            seen.page.locator("summary").click()
            seen.page.locator("[data-name=roll]").focus()
            reached = set()
            for _ in range(14):
                name = "document.activeElement.dataset.name ?? document.activeElement.tagName"
                reached.add(seen.page.evaluate(name))
                seen.page.keyboard.press("Tab")
            controls = "[...document.querySelectorAll('[data-name]:is(input, select, button)')]"
            names = set(seen.page.evaluate(f"{controls}.map(one => one.dataset.name)"))
            assert names <= reached
            assert "g" in reached  # the grids themselves

    def test_less_motion_means_one_step_for_each_press(self, browser, tmp_path, view):
        with opened(browser, tmp_path, view, reduced_motion="reduce") as seen:
            seen.page.locator("[data-name=play]").click()
            seen.page.wait_for_timeout(1200)
            assert seen.page.locator("[data-name=moment]").input_value() == "0"
            assert seen.page.locator("[data-name=play]").inner_text() == "Next: training"

    def test_the_sentence_is_spoken_and_counts(self, browser, tmp_path, view, tracks):
        with opened(browser, tmp_path, view) as seen:
            seen.slide("roll", 4)
            seen.page.wait_for_timeout(500)
            status = seen.page.locator("[role=status]")
            assert status.get_attribute("aria-live") == "polite"
            maps = tracks["sees"].shown[3][0, 4][None]
            hits = round(alignment_numbers(maps, shift=-4).top1 * STEPS)
            words = status.inner_text()
            assert f"Sees: {hits} of 13 pieces find their frame; the diagonal moves" in words
            assert "still point where their frame used to be" in words

    def test_the_mean_is_another_view(self, browser, tmp_path, view):
        with opened(browser, tmp_path, view) as seen:
            seen.page.locator("[data-name=patient]").select_option("2")
            assert seen.page.locator("image, .ev-trace").count() == 0
            share = view.data["mean"]["right"][0][1][0]
            assert f"{share:.2f} of the pieces" in seen.text(".ev-count")

    @pytest.mark.parametrize("width", [390, 1280])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_and_has_no_violation(self, browser, tmp_path, view, width, scheme):
        with opened(browser, tmp_path, view, width=width, scheme=scheme) as seen:
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []

    def test_the_picture_at_four_is_the_stored_one(self, browser, tmp_path, view, tracks):
        """Cells, rings, dots and cross-hair of both encoders; no letters, which fonts change."""
        with opened(browser, tmp_path, view) as seen:
            seen.slide("roll", 4)
            seen.page.add_style_tag(content=ALONE)
            boxes = [seen.page.locator(".ev-grid").nth(k).bounding_box() for k in (0, 1)]
            sides = [{**box, "width": 286, "height": 286} for box in boxes]
            pictures = [seen.page.screenshot(clip=side) for side in sides]
        sees, counts = (Path(__file__).with_name(f"{name}-at-4.png") for name in tracks)
        assert unlike(pictures[0], sees) < 0.01
        assert unlike(pictures[1], counts) < 0.01
        assert unlike(pictures[1], sees) > 0.05

    def test_the_widget_draws_the_same(self, browser, tmp_path, view):
        with (
            opened(browser, tmp_path, view) as page,
            opened(browser, tmp_path, view, home="widget") as widget,
        ):
            inner = "document.querySelector('.ev-stage').innerText"
            assert page.page.evaluate(inner) == widget.page.evaluate(inner)


def test_local_loss_of_the_page_is_one_direction_of_the_library():
    ecg, cine = torch.randn(2, 1, STEPS, 4, generator=torch.Generator().manual_seed(0))
    cosine = alignment_maps(ecg, cine)[0]
    target = phase_target(STEPS, sigma=0.2)
    wanted = local_contrastive(ecg, cine, target, temperature=0.3, weight=1.0)
    by_hand = -(target * torch.log_softmax(cosine / 0.3, 1)).sum(1).mean()
    assert float(by_hand) == pytest.approx(float(wanted), abs=1e-5)
