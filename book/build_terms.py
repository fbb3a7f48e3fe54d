"""What the glossary says, as a script that pages load: a page on a disk cannot read another."""

from __future__ import annotations

import json
import re
from pathlib import Path

from book.course.plain import Names, Plain

GLOSSARY = re.compile(r"^```\{glossary\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^(?P<term>\S.*)\n(?P<says>(?:  .*\n?)+)", re.MULTILINE)


def terms(book: Path, names: Names) -> dict[str, str]:
    """Term, as links name it, to its explanation in plain words."""
    plain = Plain(names, "glossary")
    found = {}
    for block in GLOSSARY.findall((book / "glossary.md").read_text("utf-8")):
        for entry in ENTRY.finditer(block):
            words = " ".join(plain.text(entry["says"]).split())
            found[key(entry["term"])] = re.sub(r"[*`]", "", words)
    return found


def key(term: str) -> str:
    """A term in small letters, with a hyphen for everything that is neither letter nor digit."""
    return re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def write_terms(book: Path, static: Path, names: Names) -> None:
    """Write the script beside those of the pages."""
    text = json.dumps(terms(book, names), ensure_ascii=False, indent=0)
    (static / "a-terms.js").write_text(f"window.glossaryTerms = {text};\n", "utf-8")
