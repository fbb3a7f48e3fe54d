"""Chapters in plain Markdown: roles, references, admonitions and labels written out in words.

Jupyter without extensions prints a role as it is typed. A copy for students must not need any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import nbformat
from pybtex.database import Person, parse_file

from book.build_chapters import pages

ANCHOR = re.compile(r"^\(([\w-]+)\)=\n(?:\([\w-]+\)=\n)*(?:#+ +(.*))?", re.MULTILINE)
ANCHOR_LINE = re.compile(r"^\([\w-]+\)=(?:\n|\Z)", re.MULTILINE)
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
WITH_TARGET = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
BLOCK = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>\w+)\} ?(?P<title>.*)\n(?P<body>(?:.*\n)*?)(?P=fence)$",
    re.MULTILINE,
)
OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)
EQUATION = re.compile(r"\$\$([^$]+)\$\$ *\(([\w-]+)\)")
FIRST_FIGURE = re.compile(r"(?:(?<=[.?!] )|(?<=\n\n)|\A)figure (?=\d)")
CODE = re.compile(r"^(`{3,})(?!\{).*?^\1$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Names:
    """What labels mean in words.

    Attributes:
        titles: page, as in the table of contents, to title.
        sections: anchor to the title of its section.
        figures: figure to its chapter and its number there.
        citations: key to authors and year.
    """

    titles: Mapping[str, str]
    sections: Mapping[str, str]
    figures: Mapping[str, tuple[str, int]]
    citations: Mapping[str, str]

    @classmethod
    def of(cls, book: Path) -> Names:
        """Read all pages of a book once."""
        titles: dict[str, str] = {}
        sections: dict[str, str] = {}
        figures: dict[str, tuple[str, int]] = {}
        for page in pages(book / "_toc.yml"):
            notebook, text = book / f"{page}.ipynb", ""
            if notebook.exists():
                cells = nbformat.read(notebook, as_version=4).cells
                named = [f["name"] for cell in cells if (f := figure_of(cell))]
                figures |= {name: (page, number) for number, name in enumerate(named, start=1)}
                text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
            elif (plain := book / f"{page}.md").exists():
                text = plain.read_text(encoding="utf-8")
            first = re.search(r"^# +(.*)$", text, re.MULTILINE)
            titles[page.rpartition("/")[2]] = first[1] if first else page
            for anchor in ANCHOR.finditer(text):
                sections[anchor[1]] = anchor[2] or titles[page.rpartition("/")[2]]
        entries = parse_file(str(book / "references.bib")).entries
        cited = {}
        for key, entry in entries.items():
            who = _authors(entry.persons.get("author", [])) or entry.fields["title"]
            cited[key] = f"{who}, {entry.fields.get('year', 'no year')}"
        return cls(titles, sections, figures, cited)


@dataclass
class Plain:
    """Turns the Markdown of one chapter into plain Markdown, cell by cell.

    Attributes:
        names: of the whole book.
        chapter: whose cells these are.
        measured: what the chapter took, for its first cell.
    """

    names: Names
    chapter: str
    measured: str = ""
    equations: dict[str, int] = field(default_factory=dict)

    def number(self, cells: list[nbformat.NotebookNode]) -> None:
        """Number the labelled equations, which may be named before they are shown."""
        for cell in cells:
            for label in EQUATION.findall(cell.source) if cell.cell_type == "markdown" else ():
                self.equations.setdefault(label[1], len(self.equations) + 1)

    def text(self, source: str) -> str:
        """One cell."""
        kept: list[str] = []

        def keep(match: re.Match[str]) -> str:
            kept.append(match[0])
            return f"\0{len(kept) - 1}\0"

        source = CODE.sub(keep, source)
        source = ANCHOR_LINE.sub("", source).replace("{{ measured }}", self.measured)
        source = EQUATION.sub(self._equation, source)
        source = BLOCK.sub(self._block, source)
        source = ROLE.sub(self._role, source)
        source = FIRST_FIGURE.sub("Figure ", source)
        return re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], source)

    def _equation(self, match: re.Match[str]) -> str:
        formula = match[1].strip()
        return f"$${formula} \\tag{{{self.equations.get(match[2], '?')}}}$$"

    def _block(self, match: re.Match[str]) -> str:
        title = match["title"].strip() or match["kind"].capitalize()
        body = OPTION.sub("", match["body"]).strip()
        lines = [f"**{title}**", "", *body.splitlines()]
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def _role(self, match: re.Match[str]) -> str:
        role, inside = match[1], match[2]
        named = WITH_TARGET.match(inside)
        shown, target = (named[1], named[2]) if named else ("", inside)
        return self._says[role.partition("-")[0]](shown, target)

    @cached_property
    def _says(self) -> Mapping[str, Callable[[str, str], str]]:
        names = self.names
        return {
            "term": lambda shown, target: shown or target,
            "doc": lambda shown, target: shown or f"*{names.titles[target.rpartition('/')[2]]}*",
            "ref": lambda shown, target: shown or f"*{names.sections.get(target, target)}*",
            "numref": self._figure,
            "eq": lambda _, target: f"({self.equations.get(target, target)})",
            "cite": lambda _, target: "(" + "; ".join(self._cited(target)) + ")",
            "bdg": lambda shown, target: f"**{shown or target}**",
        }

    def _cited(self, keys: str) -> list[str]:
        return [self.names.citations[key.strip()] for key in keys.split(",")]

    def _figure(self, shown: str, target: str) -> str:
        page, number = self.names.figures[target]
        if page.endswith(f"/{self.chapter}"):
            return f"figure {number}"
        return f"figure {number} of *{self.names.titles[page.rpartition('/')[2]]}*"


def figure_of(cell: nbformat.NotebookNode) -> dict[str, str]:
    """Name and caption of the figure that a cell makes; nothing where it makes none."""
    return cell.metadata.get("mystnb", {}).get("figure", {})


def _authors(people: list[Person]) -> str:
    last = [" ".join(cast(list[str], person.last_names)) for person in people]
    if len(last) > 2:
        return f"{last[0]} et al."
    return " and ".join(last)
