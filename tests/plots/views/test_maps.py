"""Words x time, leads x time, features x features: what is refused, and what the page says."""

import numpy as np
import pytest

from ecglearn.errors import InputError
from ecglearn.plots.views import MapCase, MapView
from ecglearn.plots.views.contract import unpack
from ecglearn.plots.views.maps import thin
from tests.plots.views.page import opened

WORDS = ["sinus", "rhythm", "ectopic", "beats"]
COLUMNS = [f"{k} s" for k in range(5)]
LOOK = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0.2, 3, 0], [2, 0, 0, 1, 0]], float)
TRUTH = np.zeros((4, 5))
TRUTH[2:, 3] = 1


def words(**changes):
    options = {
        "label": "words by time",
        "layers": ["look"],
        "columns": COLUMNS,
        "row_name": "Word",
        "unit": "times even",
        "marks": ("truth", "look"),
        "without": "It states no finding.",
    } | changes
    strip = ("lead II", np.sin(np.arange(900) / 9))
    cases = [MapCase("one", WORDS, [LOOK[None]], truth=TRUTH, strip=strip, start=2)]
    return MapView.from_cases(options.pop("cases", cases), **options)


def test_signals_are_thinned_without_losing_spikes():
    signal = np.zeros((2, 5000))
    signal[1, 4003] = -7
    short = thin(signal)
    assert short.shape == (2, 500)
    assert short[1, 400] == -7
    assert (thin(signal[:, :90]) == signal[:, :90]).all()


def test_the_contract_holds_the_arrays():
    case = words().data["cases"][0]
    assert np.allclose(unpack(case["layers"][0])[0], LOOK, atol=3 / 254)
    assert np.allclose(unpack(case["truth"]), TRUTH)
    assert len(case["strip"]["signal"]) == 900


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cases": []}, "needs a case"),
        ({"layers": ["a", "b"]}, "1 layers, 2 names"),
        ({"columns": COLUMNS[:4]}, "5\\) for 1 moments and 4 columns"),
        ({"cases": [MapCase("one", WORDS[:3], [LOOK[None]])]}, "3 rows, layer has 4"),
        ({"cases": [MapCase("one", WORDS, [LOOK[None]], truth=TRUTH[:2])]}, "truth has 2"),
        ({"cases": [MapCase("one", WORDS, [LOOK[None]], start=4)]}, "row 4 of 4"),
        ({"cases": [MapCase("one", WORDS, [np.stack([LOOK] * 3)])]}, "for 1 moments"),
    ],
)
def test_what_does_not_fit_is_refused(changes, what):
    with pytest.raises(InputError, match=what):
        words(**changes)


@pytest.mark.book
class TestInThePage:
    def says(self, seen):
        seen.page.wait_for_timeout(400)
        return seen.text("[role=status]")

    def test_a_look_that_hits_and_one_that_misses_are_named(self, browser, tmp_path):
        with opened(browser, tmp_path, words()) as seen:
            assert "“ectopic”: strongest at 3 s, 3.00 times even, and there" in self.says(seen)
            seen.slide("row", 4)
            told = self.says(seen)
            assert "but the evidence is strongest at 3 s: it looks elsewhere" in told
            assert "1 of 2 such rows" in told
            seen.slide("row", 1)
            assert "It states no finding." in self.says(seen)

    def test_rings_and_dots_stand_where_python_has_them(self, browser, tmp_path):
        with opened(browser, tmp_path, words()) as seen:
            place = """name => [...document.querySelectorAll(`.ev-${name} .ev-ink`)]
              .filter(one => one.closest("g").style.display !== "none" && one.closest(".ev-grid"))
              .map(one => Math.floor(one.getAttribute("cx") /
                 document.querySelector(".ev-grid .ev-cell").getAttribute("width")))"""
            assert seen.page.evaluate(place, "dot") == LOOK.argmax(1).tolist()
            assert seen.page.evaluate(place, "ring") == [3, 3]

    def test_share_of_the_evidence_is_pythons(self, browser, tmp_path):
        rng = np.random.default_rng(0)
        taken, truth = rng.random((3, 12, 4)), rng.random((12, 4))
        leads = [f"lead {k}" for k in range(12)]
        traces = rng.normal(size=(12, 300))
        case = MapCase("planted", leads, [taken], truth=truth, traces=traces)
        view = MapView.from_cases(
            [case],
            label="leads by time",
            layers=["masker"],
            columns=list("abcd"),
            tells="covered",
            limits=[1.0],
            moments=["0", "1", "2"],
        )
        with opened(browser, tmp_path, view) as seen:
            for moment in (2, 0):
                seen.slide("moment", moment)
                held = (taken[moment] * truth).sum() / truth.sum()
                wanted = f"{100 * held:.0f} % of the evidence"
                assert wanted in self.says(seen)
                assert f"would hold {100 * taken[moment].mean():.0f} %" in self.says(seen)
            seen.page.locator(".ev-grid").focus()
            seen.page.keyboard.press("p")
            seen.page.wait_for_timeout(1100)
            assert seen.page.locator("[data-name=moment]").input_value() == "2"

    def test_the_diagonal_is_pythons(self, browser, tmp_path):
        c = np.random.default_rng(1).uniform(-1, 1, (6, 6))
        names = [str(k) for k in range(6)]
        view = MapView.from_cases(
            [MapCase("C", names, [c[None]])],
            label="features",
            layers=["correlation"],
            columns=names,
            tells="diagonal",
            limits=[1.0],
            low="opposite",
        )
        off = np.abs(c[~np.eye(6, dtype=bool)]).mean()
        with opened(browser, tmp_path, view) as seen:
            told = f"Mean on the diagonal {c.diagonal().mean():.2f}, mean size beside it {off:.2f}"
            assert told in self.says(seen)

    @pytest.mark.parametrize("width", [390, 1280])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_and_has_no_violation(self, browser, tmp_path, width, scheme):
        with opened(browser, tmp_path, words(), width=width, scheme=scheme) as seen:
            assert seen.overflow() <= 0
            assert seen.violations() == []
            assert seen.complaints == []
