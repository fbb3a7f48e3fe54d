"""Effects with their intervals, as lines that a page draws itself: no script, any width, any theme.

Colours are those of the text around (`currentColor`), so both themes of a page can read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from ecglearn.evaluate.claims import ENOUGH

if TYPE_CHECKING:
    from ecglearn.evaluate.claims import Judged
    from ecglearn.evaluate.intervals import Interval

REACH = 4.0  # of the axis, in units of what is worth having
WIDE, HIGH = 240, 20
STYLE = """<style>
.forest {width: 100%; min-width: 9rem; max-width: 20rem; height: auto; fill: currentColor}
.forest .small {opacity: .16}
.forest .zero {stroke: currentColor; stroke-width: 1; opacity: .6}
.forest .interval {stroke: currentColor; stroke-width: 2}
.forest .beyond {fill: none; stroke: currentColor; stroke-width: 2}
.forest text {font-size: 10px; text-anchor: middle}
.forest-table {display: table; border-collapse: collapse; width: 100%; font-size: .9em}
.forest-table caption {caption-side: top; text-align: left; color: inherit}
.forest-table th {text-align: left; font-weight: 400; padding: .2rem .6rem .2rem 0}
.forest-table td {padding: .2rem .4rem}
.forest-table td:last-child {white-space: nowrap}
.claim summary, .claim-axis {display: grid; grid-template-columns: 1fr minmax(9rem, 13rem) 7.5rem;
  gap: .2rem .8rem; align-items: center; padding: .35rem .2rem; cursor: pointer}
.claim {border-top: 1px solid rgba(128, 128, 128, .35)}
.claim summary:focus-visible {outline: 2px solid currentColor}
.claim dl {display: grid; grid-template-columns: 9rem 1fr; gap: .15rem .8rem; margin: .3rem 0 .8rem}
.claim dt {font-weight: 600} .claim dd {margin: 0}
.claim-paper {font-weight: 700; margin: 1.2rem 0 .2rem}
.verdict {font-size: .9em; font-weight: 600}
.verdict.shown::before {content: "\\2714\\A0"}
.verdict.refuted::before {content: "\\2718\\A0"}
.verdict.undecided {font-weight: 400}
.verdict.undecided::before {content: "?\\A0"}
@media (max-width: 600px) {
  .claim summary {grid-template-columns: 1fr 7.5rem}
  .claim summary > span {grid-column: 1 / 3}
  .claim-axis {grid-template-columns: 1fr 7.5rem} .claim-axis > span {display: none}
  .claim dl {grid-template-columns: 1fr}
  .forest-table tr {display: grid; grid-template-columns: 1fr auto}
  .forest-table th {grid-column: 1 / 3}
}
</style>"""


def forest_row(effect: Interval | None, worth: float, *, label: str = "") -> str:
    """One interval on the common axis: grey what is not worth having, a line at 0.

    Args:
        effect: mean and interval; None draws the axis alone.
        worth: unit of the axis.
        label: for those who do not see it.

    Returns:
        An `svg` element.

    Book: claims#register
    """
    middle = HIGH / 2
    parts = [
        f'<rect x="{_x(-1)}" width="{_x(1) - _x(-1)}" height="{HIGH}" class="small"/>',
        f'<line x1="{_x(0)}" x2="{_x(0)}" y2="{HIGH}" class="zero"/>',
    ]
    if effect is not None:
        low, value, high = (part / worth for part in (effect.low, effect.value, effect.high))
        a, b = _x(low), _x(high)
        parts.append(f'<line x1="{a}" x2="{b}" y1="{middle}" y2="{middle}" class="interval"/>')
        parts += [
            f'<path d="M{x} {middle - 5}l{turn} 5l{-turn} 5" class="beyond"/>'
            for x, turn, beyond in ((a + 6, -6, low < -REACH), (b - 6, 6, high > REACH))
            if beyond
        ]
        if abs(value) <= REACH:
            parts.append(f'<circle cx="{_x(value)}" cy="{middle}" r="4"/>')
    return (
        f'<svg class="forest" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


class Forest:
    """Effects of parts, sorted, beside the band in which nothing can be told apart.

    Args:
        effects: what was changed, to the difference it makes.
        worth: smallest difference worth having, half the width of the grey band.
        unit: of the differences.

    Book: claims#register
    """

    def __init__(self, effects: Mapping[str, Interval], *, worth: float, unit: str) -> None:
        self.effects, self.worth, self.unit = dict(effects), worth, unit

    def _repr_html_(self) -> str:
        ordered = sorted(self.effects.items(), key=lambda pair: -pair[1].value)
        lines = "".join(
            f"<tr><th>{escape(name)}</th><td>{forest_row(e, self.worth, label=str(e))}</td>"
            f"<td>{number(e)}</td></tr>"
            for name, e in ordered
        )
        head = (
            f"{escape(self.unit)}; grey: less than {self.worth:g} either way; arrow: beyond "
            f"{REACH * self.worth:g}"
        )
        return f'{STYLE}<table class="forest-table"><caption>{head}</caption>{lines}</table>'

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {effect}" for name, effect in self.effects.items())


class ClaimBoard:
    """One line a claim: statement, interval, verdict; each opens to its curve and its origin.

    Before there are eight seeds, how many there are stands in the verdict's place.

    Args:
        judged: claims with their verdicts; those of a paper stand together.
        opened: show everything at once.

    Book: claims#register
    """

    def __init__(self, judged: Iterable[Judged], *, opened: bool = False) -> None:
        self.judged, self.opened = list(judged), opened
        papers = list(dict.fromkeys(one.claim.paper for one in self.judged))
        self.judged.sort(key=lambda one: papers.index(one.claim.paper))

    def _repr_html_(self) -> str:
        found, paper = [], ""
        for one in self.judged:
            if one.claim.paper != paper:
                paper = one.claim.paper
                found.append(f'<p class="claim-paper">{escape(paper)}</p>')
            found.append(self._line(one))
        return f'{STYLE}<div class="claims">{_axis()}{"".join(found)}</div>'

    def _line(self, one: Judged) -> str:
        claim, verdict = one.claim, one.verdict
        told = f"{one.effect}" if one.effect else "no runs yet"
        kind, enough = verdict.split(",")[0], one.seeds >= ENOUGH
        runs = f"{one.seeds} of {claim.seeds} seeds"
        return (
            f'<details class="claim"{" open" if self.opened else ""} id="claim-{claim.key}">'
            f"<summary><span>{escape(claim.statement)}</span>"
            f"{forest_row(one.effect, claim.worth, label=f'{verdict}: {told}')}"
            f'<b class="verdict {kind}">{verdict if enough else runs}</b></summary>'
            f"{_more(one)}</details>"
        )

    def __repr__(self) -> str:
        return "\n".join(f"{j.claim.key}: {j.verdict}, {j.effect}" for j in self.judged)


def _more(one: Judged) -> str:
    claim = one.claim
    plan = f"{one.seeds} of {claim.seeds} planned seeds"
    effect = f"{number(one.effect)} ({plan})" if one.effect else f"not measured yet ({plan})"
    facts: list[tuple[str, str]] = [
        ("Effect", f"{effect}: {escape(claim.unit)}"),
        ("Contrast", escape(_contrast(claim.contrast, claim.minus, claim.at))),
        ("Worth having", f"{claim.worth:g}, said on {claim.written} before the runs"),
        ("The paper", escape(claim.reported)),
    ]
    if claim.note:
        facts.append(("Said beforehand", escape(claim.note)))
    if one.verdict == "undecided":
        few = "more than 1,000" if one.needed is None else str(max(one.needed, claim.seeds))
        facts.append(("It would take", f"{few} seeds" if one.effect else "the planned runs"))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts)
    return f"<dl>{listed}</dl>{_curve(one)}"


def _curve(one: Judged) -> str:
    if len(one.curve) < 2:
        return ""
    rows = "".join(
        f"<tr><th>{escape(at)}</th><td>{forest_row(effect, one.claim.worth, label=str(effect))}"
        f"</td><td>{number(effect)}</td><td>{seeds} seeds</td></tr>"
        for at, (effect, seeds) in one.curve.items()
    )
    return f'<table class="forest-table">{rows}</table>'


def _contrast(contrast: Mapping[str, float], minus: float, at: str) -> str:
    parts = []
    for name, weight in contrast.items():
        size = "" if abs(weight) == 1 else f"{abs(weight):g} x "
        sign = "" if weight > 0 and not parts else ("plus " if weight > 0 else "minus ")
        parts.append(f"{sign}{size}{name.removesuffix(f'; {at}')}")
    if minus:
        parts.append(f"minus {minus:g}")
    return " ".join(parts) + (f", {at}" if at else "")


def _axis() -> str:
    marks: Sequence[tuple[float, str]] = (
        (-2.6, "worse"),
        (0, "too small"),
        (2.6, "better"),
    )
    texts = "".join(f'<text x="{_x(at)}" y="13">{word}</text>' for at, word in marks)
    svg = f'<svg class="forest axis" viewBox="0 0 {WIDE} {HIGH}" aria-hidden="true">{texts}</svg>'
    return f'<div class="claim-axis"><span></span>{svg}<b class="verdict"></b></div>'


def number(effect: Interval | None) -> str:
    """Sign, value, and interval, for a page.

    Args:
        effect: None gives nothing.

    Book: claims#register
    """
    if effect is None:
        return ""
    texts = [f"{part:+.3f}".replace("-", "\N{MINUS SIGN}") for part in effect]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def _x(value: float) -> float:
    return round((min(max(value, -REACH), REACH) / REACH + 1) / 2 * (WIDE - 12) + 6, 1)
