"""Citations are those of the book's bibliography, one for each method."""

from pathlib import Path

import pytest

from ecglearn import cite
from ecglearn.methods.ptacl import PTACL, PTACLConfig
from ecglearn.registry import list_methods

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", list_methods())
def test_entries_are_those_of_the_bibliography(name):
    assert cite(name) in (ROOT / "book" / "references.bib").read_text()


def test_object_class_and_name():
    method = PTACL(PTACLConfig.preset("smoke"))
    assert cite(method) == cite(PTACL) == cite("PTACL") == cite("ptacl")
    assert "selivanov2025ptacl" in cite(method)
    with pytest.raises(ValueError, match="no method 'BERT'; there are ptacl, tamer"):
        cite("BERT")
