"""What makes a stored result stale: code that it was made by, and its data; nothing else."""

import sys

import numpy as np
import pytest
import torch

from ecglearn import provenance
from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.provenance import code_digest, data_digest, imported_modules, sources

FIRST = """
from ecglearn.losses import info_nce
from madeup.second import two


def one():
    return two() + 1
"""
SECOND = '''
"""A module."""


def two():
    """Gives two."""
    return 2
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "madeup"
    folder.mkdir()
    for name, text in (("__init__", ""), ("first", FIRST), ("second", SECOND), ("third", "")):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def digest():
        for cached in (provenance._read, provenance._path, provenance._home):
            cached.cache_clear()
        return code_digest("madeup.first")

    yield folder, digest
    sys.modules.pop("madeup", None)


def test_comments_and_docstrings_do_not_count(package):
    folder, digest = package
    before = digest()
    text = SECOND.replace("Gives two.", "Gives the number two.") + "\n\n# a remark\n"
    (folder / "second.py").write_text(text)
    assert digest() == before


def test_code_that_is_imported_counts_and_other_code_does_not(package):
    folder, digest = package
    before = digest()
    (folder / "third.py").write_text("x = 1\n")
    assert digest() == before
    (folder / "second.py").write_text(SECOND.replace("return 2", "return 3"))
    assert digest() != before


def test_a_name_of_a_face_leads_to_its_module():
    found = sources(["ecglearn.losses.contrastive"])
    for code in (
        "from ecglearn.losses import info_nce",
        "from ecglearn import losses\nx = losses.info_nce",
    ):
        assert imported_modules(code, "ecglearn") == ["ecglearn.losses.contrastive"]
    lazy = imported_modules("from ecglearn import create, simulate", "ecglearn")
    assert lazy == ["ecglearn.registry", "ecglearn.cohort.simulate"]
    assert "ecglearn.methods.scar" in sources(lazy)
    assert "ecglearn.losses.contrastive" in found
    assert not any(name.startswith("ecglearn.methods") for name in found)


def test_a_method_does_not_depend_on_the_others():
    found = sources(["ecglearn.methods.scar", "ecglearn.train.loop"])
    assert {name for name in found if name.startswith("ecglearn.methods.")} == {
        "ecglearn.methods.scar"
    }
    assert {"ecglearn.encoders.masker", "ecglearn.train.step"} <= found.keys()
    assert not any(name.startswith(("ecglearn.evaluate", "ecglearn.plots")) for name in found)


def test_data_differ_by_one_value_a_shape_or_a_word():
    batch = ECGBatch.from_cohort(simulate(4, seed=0))
    same = ECGBatch.from_cohort(simulate(4, seed=0))
    assert data_digest(batch) == data_digest(same)
    assert batch.reports is not None
    before = data_digest(batch), data_digest(batch, only={"ecg", "reports"})
    same.ecg[2, 3, 4] += 1e-6
    assert data_digest(same) != before[0]
    batch.reports[1] += " "
    assert data_digest(batch, only={"ecg", "reports"}) != before[1]
    assert data_digest(batch, only={"ecg"}) == data_digest(batch[:], only={"ecg"})
    assert data_digest(torch.zeros(2, 3)) != data_digest(torch.zeros(3, 2))
    assert data_digest(np.zeros(2)) != data_digest(np.zeros(2, np.float32))
    assert data_digest(["ab", "c"]) != data_digest(["a", "bc"])


def test_what_has_no_digest_is_refused():
    with pytest.raises(TypeError, match="no digest of a generator"):
        data_digest(x for x in range(3))
