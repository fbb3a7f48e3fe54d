"""What something taught: a number before and after, as two dots on one line."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecglearn.evaluate.intervals import Interval

WIDE, HIGH, EDGE = 320, 26, 18
STYLE = """<style>
.dumbbells {display: grid; grid-template-columns: minmax(11rem, 1fr) minmax(12rem, 2fr);
  gap: .5rem 1rem; align-items: center}
.dumbbells p {margin: 0} .dumbbells small {display: block; opacity: .85}
.dumbbells svg {width: 100%; height: auto; fill: currentColor}
.dumbbells line {stroke: currentColor} .dumbbells .rail {opacity: .25}
.dumbbells .way {stroke-width: 3} .dumbbells .before {fill: none; stroke: currentColor}
.dumbbells text {font-size: 11px; text-anchor: middle}
@media (max-width: 600px) {.dumbbells {grid-template-columns: 1fr; gap: .2rem}}
</style>"""


class Dumbbells:
    """One line each: an open dot for what was known before, a full one for what is known after.

    Args:
        rows: what is asked, to (before, after), numbers from 0 to 1.
        notes: what is asked, to a second line in small letters.

    Book: claims#taught
    """

    def __init__(
        self,
        rows: Mapping[str, tuple[Interval, Interval]],
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.rows, self.notes = dict(rows), dict(notes or {})

    def _repr_html_(self) -> str:
        cells = []
        for title, (before, after) in self.rows.items():
            note = self.notes.get(title, "")
            cells.append(f"<p><b>{escape(title)}</b><small>{escape(note)}</small></p>")
            cells.append(_line(title, before, after))
        return f'{STYLE}<div class="dumbbells">{"".join(cells)}</div>'

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {a} -> {b}" for name, (a, b) in self.rows.items())


def _line(title: str, before: Interval, after: Interval) -> str:
    a, b = _x(before.value), _x(after.value)
    told = escape(f"{title}: {before} before, {after} after", quote=True)
    lines = [f'<line x1="{_x(0)}" x2="{_x(1)}" y1="17" y2="17" class="rail"/>']
    lines.append(f'<line x1="{a}" x2="{b}" y1="17" y2="17" class="way"/>')
    lines += [
        f'<line x1="{_x(one.low)}" x2="{_x(one.high)}" y1="23" y2="23"/>' for one in (before, after)
    ]
    lines.append(f'<circle cx="{a}" cy="17" r="5" class="before"/>')
    lines.append(f'<circle cx="{b}" cy="17" r="5"/>')
    lines += [f'<text x="{x}" y="9">{one.value:.2f}</text>' for x, one in ((a, before), (b, after))]
    size = f"0 0 {WIDE} {HIGH}"
    return f'<svg viewBox="{size}" role="img" aria-label="{told}">{"".join(lines)}</svg>'


def _x(value: float) -> float:
    """Below 0 a score is worth nothing, and stands at 0."""
    return round(EDGE + min(max(value, 0.0), 1.0) * (WIDE - 2 * EDGE), 1)
