"""Code that a page shows: the lines that run, without docstring."""

import inspect

import pytest

from ecglearn.errors import InputError
from ecglearn.losses import info_nce, local_contrastive
from ecglearn.methods import PTACL
from ecglearn.plots import Source


@pytest.mark.parametrize("function", [info_nce, local_contrastive, PTACL.losses])
def test_every_shown_line_is_in_the_source(function):
    text = Source(function).text()
    source = inspect.getsource(function)
    head, *body = text.splitlines()
    assert head.startswith(f"def {function.__name__}(")
    assert all(line.strip() in source for line in body)
    assert body[-1].strip() == source.rstrip().splitlines()[-1].strip()
    assert '"""' not in text
    assert "Args:" not in text
    compile(text, "shown", "exec")


def test_markdown_is_a_block_of_python():
    def two(a, *, b):
        return a + b

    assert Source(two)._repr_markdown_() == ("```python\ndef two(a, *, b):\n    return a + b\n```")


@pytest.mark.parametrize("what", [len, PTACL])
def test_what_has_no_source_is_refused(what):
    with pytest.raises(InputError, match=r"no (source|function)"):
        Source(what).text()
