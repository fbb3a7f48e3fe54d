"""Citations are those of the book's bibliography, one for each method."""

from pathlib import Path

import pytest

from ecglearn.cite import ENTRIES, cite
from ecglearn.methods.ptacl import PTACL, PTACLConfig

ROOT = Path(__file__).resolve().parent.parent


def test_entries_are_those_of_the_bibliography():
    bibliography = (ROOT / "book" / "references.bib").read_text()
    for entry in ENTRIES.values():
        assert entry in bibliography


def test_every_method_has_one():
    for path in (ROOT / "ecglearn" / "methods").glob("[a-z]*.py"):
        assert any(name.lower() == path.stem.replace("_", "") for name in ENTRIES), path.name


def test_object_class_and_name():
    method = PTACL(PTACLConfig.preset("smoke"))
    assert cite(method) == cite(PTACL) == cite("PTACL")
    assert "selivanov2025ptacl" in cite(method)
    with pytest.raises(KeyError, match="no citation for 'BERT'"):
        cite("BERT")
