"""Known and chosen: every method says it, and reported numbers point at rows that exist."""

import json
import re

import pytest

from book.build import ROOT
from book.build_chapters import Chapter
from ecglearn.evaluate import stored_results
from ecglearn.registry import list_methods, method_class

METHODS = ("ptacl", "tamer", "deri", "scar", "clinical-transfer")
REPORTED = json.loads((ROOT / "book" / "reported.json").read_text())["rows"]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_is_known_and_what_is_chosen(name):
    """A table of two columns whose second begins with a status; a paper leaves holes in each."""
    text = "\n".join(
        cell.source
        for cell in Chapter(ROOT / "book" / "chapters" / f"{name}.ipynb").notebook.cells
        if cell.cell_type == "markdown"
    )
    table = text.split("## Known and chosen")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", table, re.M)[1:]
    assert len(rows) >= 8
    statuses = [re.match(r"\*\*(known|derived|chosen)\*\*", status) for _, status in rows]
    assert all(statuses), rows
    assert {match[1] for match in statuses if match} >= {"known", "chosen"}


@pytest.mark.parametrize("row", REPORTED, ids=lambda row: f"{row['method']}: {row['what']}")
def test_reported_numbers_have_a_source_and_ours_a_table(row):
    assert row["status"] in ("known", "derived")
    assert row["source"]
    assert row["why"] or row["reported"] == ""
    if row["ours"] is not None:
        stored = stored_results(row["ours"]["table"])
        assert stored.interval(row["ours"]["variant"], row["ours"]["measure"]).value > 0


def test_related_work_has_an_entry_and_a_sentence():
    rows = json.loads((ROOT / "book" / "related.json").read_text())["rows"]
    entries = re.findall(r"^@\w+\{([\w-]+),", (ROOT / "book" / "references.bib").read_text(), re.M)
    assert len(rows) >= 15
    assert len({row["key"] for row in rows}) == len(rows)
    for row in rows:
        assert row["key"] in entries
        assert row["says"].endswith(".")
        assert row["topic"]
        assert row["here"]


@pytest.mark.parametrize("name", list_methods())
def test_every_chapter_wears_the_badge_of_its_method(name):
    """How the paper was read stands in the class, under the title, and on the common page."""
    kind = method_class(name)
    (chapter,) = set(re.findall(r"Book: ([\w-]+)#", kind.__doc__ or ""))
    badges = r"\{bdg-ref-\w+\}`([\w ]+) <how-read>`"
    notebook = Chapter(ROOT / "book" / "chapters" / f"{chapter}.ipynb").notebook
    assert kind.basis in re.findall(badges, notebook.cells[0].source)
    common = Chapter(ROOT / "book" / "chapters" / "known-and-chosen.ipynb").notebook
    table = next(c.source for c in common.cells if "(how-read)=" in c.source)
    (row,) = [line for line in table.split("\n") if f"`{kind.basis}`" in line]
    assert kind.title in row


def test_every_method_has_a_row():
    titles = {"PTACL", "TAMER", "DERI", "SCAR", "clinical transfer", "MERL"}
    assert {row["method"] for row in REPORTED} == titles
