"""Chapters on a store with reports, films and values: the one data cell does it."""

import os

import nbformat
import pytest

from book.build import ROOT
from book.build_chapters import chapters
from book.build_run import Workshop
from ecglearn.cli import main
from tests.data.constructed import constructed_pairs

pytestmark = pytest.mark.book
NAMES = ["ptacl", "clinical-transfer", "asking-a-model", "tamer"]
if os.environ.get("ECGLEARN_STORES"):  # all pages that follow a store
    NAMES += ["scar", "evaluation", "five-methods", "when-leads-go-missing"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Constructed pairs: ECGs, films and values of different simulated patients."""
    folder = tmp_path_factory.mktemp("pairs")
    main(constructed_pairs(folder, 120))
    return Workshop(ROOT, folder / "built", "smoke", str(folder / "out"), workers=2)


@pytest.fixture(scope="module")
def printed(shop):
    """What each chapter prints."""
    wanted = [chapter for chapter in chapters(ROOT / "book") if chapter.name in NAMES]
    for run in shop.run(wanted):
        assert not run.error, f"chapter {run.name}, {run.error}"
    return {
        name: "".join(
            output.get("text", "")
            for cell in nbformat.read(shop.executed(name), as_version=4).cells
            for output in cell.get("outputs", ())
        )
        for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_patients_are_those_of_the_store(name, printed):
    lines = [line for line in printed[name].splitlines() if "test patients, " in line]
    assert any("patients, PTB-XL 1.0.3" in line for line in lines), lines
    assert not any(line.endswith("simulated") for line in lines)
