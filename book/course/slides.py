"""One deck a chapter: headings, formulas, figures, tables and questions; prose in the notes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import cast

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from book.build_chapters import Chapter
from book.build_holds import of_size
from book.build_scripts import folder_of, vendor
from book.build_stage import views
from book.course.exercises import about, exercises, is_solution
from book.course.plain import Names, Plain, figure_of
from ecglearn._mystnb import PLOTLY, VIEW, figure_html, view_html
from ecglearn.course.quiz import Quiz, quiz

HERE = Path(__file__).with_name("deck")
HEADING = re.compile(r"^(#{1,3}) +(.*)$", re.MULTILINE)
FORMULA = re.compile(r"\$\$.+?\$\$", re.DOTALL)
TABLE = re.compile(r"^\|.*\|\n\|[-:| ]+\|\n(?:\|.*\|\n?)+", re.MULTILINE)
QUOTE = re.compile(r"(?:^>.*\n?)+", re.MULTILINE)
QUIZ = re.compile(r"""\bquiz\(['"]([\w-]+)['"]\)""")
FOLDED_END = ("Known and chosen", "Take it to your data", "Sizes", "Exercises", "Exercise")
REVEAL = ("dist/reveal.js", "dist/reveal.css", "dist/reset.css", "dist/theme/white.css")


def deck(
    chapter: Chapter, names: Names, executed: NotebookNode, measured: str, preset: str = "class"
) -> NotebookNode:
    """A notebook whose cells say which slide they are.

    Args:
        chapter: as its author wrote it.
        names: what labels mean.
        executed: the same with outputs.
        measured: what the chapter took.
        preset: the size of its outputs.
    """
    cells_of = of_size(chapter.notebook.cells, preset)
    plain = Plain(names, chapter.name, measured)
    plain.number(cells_of)
    ran = {cell.id: cell for cell in executed.cells}
    title, cells = "", []
    for cell in cells_of:
        if is_solution(cell) or "exercise" in about(cell):
            continue
        if cell.cell_type == "markdown":
            for part in re.split(r"(?m)^(?=#{1,3} )", plain.text(cell.source)):
                found = HEADING.match(part)
                title = found[2] if found else title
                if not title.startswith(FOLDED_END):
                    cells += spoken(part, title)
        elif asks := QUIZ.search(cell.source):
            cells += questions(asks[1], title)
        elif (output := shown(cell, ran.get(cell.id), plain)) and not title.startswith(FOLDED_END):
            cells.append(slide(f"### {title}\n\n{output}"))
    cells += [
        slide(f"### Exercise, about {e.minutes} minutes\n\n{plain.text(e.text)}")
        for e in exercises(chapter)
    ]
    metadata = {"title": names.titles[chapter.name], "language_info": {"name": "python"}}
    return cast(NotebookNode, nbformat.from_dict(new_notebook(metadata=metadata, cells=cells)))


def spoken(text: str, title: str) -> Iterator[NotebookNode]:
    """The slides of a section: its heading, formulas and tables; the rest are notes."""
    heading = HEADING.match(text)
    notes = HEADING.sub("", TABLE.sub("", text)).strip()
    if heading:
        boxes = "\n\n".join(QUOTE.findall(text))
        first = boxes or _first_sentence(notes)
        if first or heading[1] == "#":
            level = "#" if heading[1] == "#" else "##"
            yield slide(f"{level} {heading[2]}\n\n{first}")
    if notes:
        yield note(notes)
    for formula in FORMULA.findall(text):
        yield slide(f"### {title}\n\n{formula}")
    for table in TABLE.findall(text):
        yield slide(f'### {title}\n\n<div class="tall">\n\n{table}\n\n</div>')


def shown(cell: NotebookNode, ran: NotebookNode | None, plain: Plain) -> str:
    """A cell's figure with its caption, or its table, as HTML; nothing for others."""
    tags = set(cell.metadata.get("tags", []))
    if ran is None or {"remove-cell", "hide-output", "hide-cell", "live"} & tags:
        return ""
    label = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    found = ""
    for output in ran.outputs:
        data = output.get("data", {})
        if PLOTLY in data:
            found = figure_html(data[PLOTLY], label)
        elif VIEW in data:
            found = view_html(data[VIEW], label)
        elif "image/png" in data:
            image = data["image/png"].strip()
            found = f'<img alt="{escape(label)}" src="data:image/png;base64,{image}">'
        elif "text/html" in data and "<table" in data["text/html"]:
            found = f'<div class="tall">{data["text/html"]}</div>'
    figure = figure_of(cell)
    if figure and found:
        caption = escape(plain.text(figure["caption"]))
        return f"<figure>{_one_line(found)}<figcaption>{caption}</figcaption></figure>"
    return _one_line(found)


def questions(name: str, title: str) -> list[NotebookNode]:
    """A slide for each question of a chapter: with what is said of an answer it fills one."""
    found = []
    for number, one in enumerate(quiz(name).questions, start=1):
        html = Quiz(f"{name}-{number}", [one])._repr_html_()
        html = html.replace("<ol>", f'<ol start="{number}">', 1)
        found.append(slide(f"### {title}\n\n{_one_line(html)}"))
    return found


def slide(source: str) -> NotebookNode:
    """A cell that begins a slide."""
    return _cell(source, "slide")


def note(source: str) -> NotebookNode:
    """A cell that only the speaker sees."""
    return _cell(source, "notes")


def write_decks(decks: dict[str, NotebookNode], folder: Path) -> None:
    """Render decks into a folder, with the scripts that they need beside them."""
    from nbconvert import SlidesExporter

    folder.mkdir(parents=True, exist_ok=True)
    reveal = folder_of("sphinx_revealjs") / "_static" / "revealjs"
    for part in (*REVEAL, "dist/theme/fonts", "plugin/notes"):
        place = folder / "reveal" / part
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (reveal / part).is_dir() else shutil.copy
        copy(reveal / part, place)
    vendor(folder / "vendor")
    views(folder / "_static")
    shutil.copy(HERE / "deck.css", folder / "_static")
    shutil.copy(HERE.parents[1] / "_static" / "figures.js", folder / "_static")
    exporter = SlidesExporter(
        template_name="deck",
        extra_template_basedirs=[str(HERE.parent)],
        exclude_input=True,
        exclude_anchor_links=True,
    )
    for name, notebook in decks.items():
        text, _ = exporter.from_notebook_node(notebook)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")


def _cell(source: str, kind: str) -> NotebookNode:
    cell = new_markdown_cell(source)
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def _first_sentence(text: str) -> str:
    plain = [p for p in text.split("\n\n") if p and p[0] not in "|$>-*`"]
    return re.split(r"(?<=[.?!]) ", plain[0].replace("\n", " "))[0] if plain else ""


def _one_line(html: str) -> str:
    """HTML without blank lines, which would end it in Markdown."""
    return re.sub(r"\n\s*\n", "\n", html)
