"""Every judge takes a right part, and says of each usual mistake which one it is."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from ecglearn import simulate
from ecglearn.cohort import PHENOTYPES
from ecglearn.course import glucose_of_two_laboratories, split_with_a_leak, verdict
from ecglearn.course.judges import JUDGES
from ecglearn.evaluate import cmrs
from ecglearn.losses import phase_target
from ecglearn.signals import detect_r_peaks


def says(name, value):
    found = verdict(name, value)
    assert found.right is not bool(found.says)
    return found.says


# the signal


def swapped(ecg):
    one, two, three, right, left = ecg[:5]
    return np.stack([-one, three, two, left, right, *ecg[5:]])


def derived(ecg):
    """As `swapped`, four of the limb leads by Einthoven and Goldberger."""
    one, two = -ecg[0], ecg[2]
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.stack([*limbs, *ecg[6:]])


def test_arms_swapped():
    assert says("write-arms-swapped", swapped) == ""
    assert says("write-arms-swapped", derived) == ""
    assert "turned over" in says(
        "write-arms-swapped",
        lambda ecg: np.stack([-ecg[0], ecg[2], ecg[1], -ecg[3], -ecg[4], *ecg[5:]]),
    )
    assert "I, II, III" in says("write-arms-swapped", lambda ecg: ecg)
    assert "chest leads" in says("write-arms-swapped", lambda ecg: -ecg)
    assert "shape" in says("write-arms-swapped", lambda ecg: ecg[:8])


def test_r_peaks():
    assert says("write-r-peaks", detect_r_peaks) == ""
    half = lambda ecg, fs: detect_r_peaks(ecg, fs)[::2]  # noqa: E731
    assert "missed" in says("write-r-peaks", half)
    late = says("write-r-peaks", lambda ecg, fs: detect_r_peaks(ecg, fs) + 0.2 * fs)
    assert "F1 0." in late
    assert "not seconds" in says("write-r-peaks", lambda ecg, fs: detect_r_peaks(ecg, fs) / fs)


# losses


def six_lines(a, b, temperature):
    logits = normalize(a, dim=1) @ normalize(b, dim=1).T / temperature
    own = logits.diagonal()
    return ((logits.logsumexp(1) - own).mean() + (logits.logsumexp(0) - own).mean()) / 2


def rows_alone(a, b, temperature):
    logits = normalize(a, dim=1) @ normalize(b, dim=1).T / temperature
    return (logits.logsumexp(1) - logits.diagonal()).mean()


def dots(a, b, temperature):
    logits = a @ b.T / temperature
    own = logits.diagonal()
    return ((logits.logsumexp(1) - own).mean() + (logits.logsumexp(0) - own).mean()) / 2


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (six_lines, ""),
        (rows_alone, "only the rows"),
        (lambda a, b, t: rows_alone(b, a, t), "only the columns"),
        (dots, "dot products"),
        (lambda a, b, t: six_lines(a, b, 1.0), "temperature is missing"),
        (lambda a, b, t: six_lines(a, b, 1 / t), "multiplies"),
        (lambda a, b, t: len(a) * six_lines(a, b, t), "sum over the batch"),
        (lambda a, b, t: 2 * six_lines(a, b, t), "not averaged"),
        (lambda a, b, t: -six_lines(a, b, t), "sign"),
        (lambda a, b, t: six_lines(a, b, t) / math.log(2), "bits"),
        (lambda a, b, t: six_lines(a, b, t).detach(), "no gradient"),
        (lambda a, b, t: six_lines(a, b.detach(), t) + 0 * six_lines(a, b, t), "right"),
        (lambda a, b, t: six_lines(a.detach(), b, t) + 0 * a.sum(), "its gradient not"),
        (lambda a, b, t: six_lines(a, b, t) + 1, "another one"),
        (lambda a, b, t: six_lines(a, b, t).item(), "as a tensor"),
    ],
)
def test_info_nce(loss, told):
    found = says("write-info-nce", loss)
    if told == "right":  # the gradient of the other side alone is cut: rows of `a` still get theirs
        assert found == ""
    else:
        assert told in found
        assert bool(found) is bool(told)


def test_two_directions():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    b = torch.tensor([[1.0, 0.0], [0.7, 0.7], [0.0, 1.0]])
    assert says("ex-ctr-direction", (a, b)) == ""
    assert "no difference" in says("ex-ctr-direction", (a, a))
    assert "two tensors" in says("ex-ctr-direction", 3)


def test_circular_target():
    def circle(steps, sigma, half=0.5, turn=True):
        index = torch.arange(steps).double()
        gap = (index[:, None] - index).abs()
        gap = torch.minimum(gap, steps - gap) if turn else gap
        weight = torch.exp(-half * (gap / (steps / 2) / sigma) ** 2)
        return weight / weight.sum(1, keepdim=True)

    assert says("write-circular-target", circle) == ""
    assert "half" in says("write-circular-target", lambda n, s: circle(n, s, half=1.0))
    line = lambda n, s: phase_target(n, sigma=s)  # noqa: E731
    assert "line" in says("write-circular-target", line)
    assert "sum to 1" in says("write-circular-target", lambda n, s: 2 * circle(n, s))
    assert "width" in says("write-circular-target", lambda n, s: circle(n, 2 * s))
    assert "moved on" in says("write-circular-target", lambda n, s: circle(n, s, turn=False))
    assert "shape" in says("write-circular-target", lambda n, s: circle(n + 1, s))


# patients


def test_weak_heart():
    fraction = PHENOTYPES.index("LVEF")
    values: dict[int, float] = {}
    while min(values.values(), default=100) >= 40 or len(values) < 2:
        one = simulate(1, seed=len(values), frames=1, size=2)
        values[len(values)] = float(one.phenotypes[0, fraction])
    weak, strong = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    assert values[strong] > 40
    assert says("write-weak-heart", weak) == ""
    assert f"{values[strong]:.0f}%" in says("write-weak-heart", strong)
    assert "whole number" in says("write-weak-heart", 3.5)
    assert says("write-weak-heart", True) == "a seed is a whole number, not bool"
    assert says("write-weak-heart", np.int64(weak)) == ""


def test_wrong_unit():
    values = glucose_of_two_laboratories()
    true = values > 35
    assert 0.2 < true.mean() < 0.5
    assert values[~true].max() < 25 < 45 < values[true].min()  # nobody can be mistaken
    assert says("write-wrong-unit", true) == ""
    assert "turned over" in says("write-wrong-unit", ~true)
    few, many = true.copy(), true.copy()
    few[np.flatnonzero(true)[:3]] = False
    many[np.flatnonzero(~true)[:2]] = True
    assert says("write-wrong-unit", few) == "3 are missed, 0 are in mmol/L after all"
    assert says("write-wrong-unit", many) == "0 are missed, 2 are in mmol/L after all"
    assert "shape" in says("write-wrong-unit", true[:5])


class Volts:
    def embed(self, batch):
        found = batch.ecg.abs().mean(-1)
        batch.ecg.zero_()  # spoils nothing for those who are judged next
        return found


class Shapes:
    def embed(self, batch):
        ecg = batch.ecg
        slope = ecg.diff(dim=-1)
        parts = (
            ecg.abs().mean(-1),
            ecg.amax(-1),
            ecg.amin(-1),
            slope.abs().mean(-1),
            slope.std(-1),
        )
        return torch.cat(parts, 1)


def test_beat_voltages():
    told = re.fullmatch(
        r"macro AUROC (0\.\d+), that of voltages (0\.\d+): \.02 above is asked for",
        says("write-beat-voltages", Volts()),
    )
    assert told is not None
    assert told[1] == told[2]
    assert says("write-beat-voltages", Shapes()) == ""


# evaluation


def interval(scores, labels, level=0.95, draws=400, error=False):
    rng = np.random.default_rng(0)
    values = []
    for _ in range(draws):
        rows = rng.integers(0, len(scores), len(scores))
        cases, others = (scores[rows][labels[rows] == y] for y in (1, 0))
        values.append((cases[:, None] > others).mean())
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    if error:
        middle = np.mean(values)
        low, high = middle + np.array([-1.96, 1.96]) * np.std(values) / np.sqrt(draws)
    return low, high


def test_bootstrap():
    assert says("write-bootstrap", interval) == ""

    def in_place(scores, labels):
        found = interval(scores, labels)
        order = scores.argsort()
        scores[:], labels[:] = scores[order], labels[order][::-1]
        return found

    assert says("write-bootstrap", in_place) == ""
    assert "middle half" in says("write-bootstrap", lambda s, y: interval(s, y, level=0.5))
    assert "does not hold" in says("write-bootstrap", lambda s, y: (0.1, 0.2))
    up_to = lambda s, y: (0.5, (s[y == 1][:, None] > s[y == 0]).mean())  # noqa: E731
    assert "does not hold" in says("write-bootstrap", up_to)

    def of_the_mean(scores, labels):
        low, high = interval(scores, labels)
        cases, others = (scores[labels == y] for y in (1, 0))
        value = (cases[:, None] > others).mean()
        return value - (high - low) / 80, value + (high - low) / 80

    assert "mean of the draws" in says("write-bootstrap", of_the_mean)
    for wider, told in ((0.8, "0.6"), (0.999, "1.")):
        said = says("write-bootstrap", lambda s, y, level=wider: interval(s, y, level=level))
        assert said.startswith(f"the interval is {told}")
        assert said.endswith("times as wide as it should be")


def bleu(candidate, reference, clip=True, short=True):
    said, true = candidate.split(), reference.split()
    counts = ((said.count(w), true.count(w)) for w in set(said))
    common = sum(min(s, t) if clip else s * (t > 0) for s, t in counts)
    brevity = math.exp(min(0, 1 - len(true) / len(said))) if short else 1
    return common / len(said) * brevity


def test_bleu():
    assert says("write-bleu", bleu) == ""
    assert "only as often" in says("write-bleu", lambda c, r: bleu(c, r, clip=False))
    assert "short texts" in says("write-bleu", lambda c, r: bleu(c, r, short=False))
    assert "equal texts" in says("write-bleu", lambda c, r: 0.9 * bleu(c, r))

    def either_way(candidate, reference):
        ratio = len(reference.split()) / len(candidate.split())
        return bleu(candidate, reference, short=False) * math.exp(-abs(1 - ratio))

    assert "long texts" in says("write-bleu", either_way)
    assert "without a common word" in says("write-bleu", lambda c, r: max(0.1, bleu(c, r)))


def test_cmrs():
    def by_hand(missing, full, labels, centre=True, unit=True, cut=True):
        def separation(s):
            s = s - s.mean(0) if centre else s - s.mean()
            own = (s * labels).sum(1) / labels.sum(1)
            other = (s * (1 - labels)).sum(1) / (1 - labels).sum(1)
            return (own - other).mean() / (np.sqrt((s**2).mean()) if unit else 1)

        share = separation(missing) / separation(full)
        return np.clip(share, 0, 1) if cut else share

    assert says("write-cmrs", by_hand) == ""
    assert says("write-cmrs", lambda m, f, y: cmrs(m, f, y)[0]) == ""
    assert "cut off" in says("write-cmrs", lambda m, f, y: by_hand(m, f, y, cut=False))
    assert "centred" in says("write-cmrs", lambda m, f, y: by_hand(m, f, y, centre=False))
    assert "own spread" in says("write-cmrs", lambda m, f, y: by_hand(m, f, y, unit=False))
    assert "nothing missing" in says("write-cmrs", lambda m, f, y: 1 - by_hand(m, f, y))
    part = lambda m, f, y: round(by_hand(m, f, y), 1)  # noqa: E731
    assert "separation that is left" in says("write-cmrs", part)


def test_leak():
    table = split_with_a_leak()
    names = [{one.strip().upper() for one in side} for side in table.values()]
    both = names[0] & names[1]
    assert len(both) == 7
    assert len(set(table["train"]) & set(table["test"])) < 7  # as typed, some hide
    assert says("write-leak", both) == ""
    assert "missing" in says("write-leak", set(table["train"]) & set(table["test"]))
    assert "do not belong" in says("write-leak", names[1])


def test_every_judge_is_tried():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in JUDGES if f'"{name}"' not in source] == []
