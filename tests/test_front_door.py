"""The front door: what is offered, what it costs to open, and that the first look runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ecglearn

ROOT = Path(__file__).resolve().parent.parent
OFFERED = {
    *("simulate", "read_record", "ECGBatch", "open_store", "prepare"),
    *("list_methods", "create", "load", "load_released", "fit"),
    *("embed", "zero_shot", "compare", "cite"),
}


def test_dir_is_the_designed_list():
    assert set(dir(ecglearn)) == OFFERED
    for name in OFFERED:
        assert getattr(ecglearn, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'train_everything'; it has"):
        ecglearn.train_everything  # noqa: B018


def test_lazy_names_are_those_for_the_type_checker():
    """The table of modules and the imports under TYPE_CHECKING say the same."""
    text = Path(ecglearn.__file__).read_text()
    typed = re.findall(r"^    from ([\w.]+) import (\w+) as \2$", text, re.M)
    assert {name: module for module, name in typed} == ecglearn._FACE


def python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_import_loads_nothing_but_itself():
    code = "import sys; a = set(sys.modules); import ecglearn; print(*sorted(set(sys.modules) - a))"
    loaded = {name.partition(".")[0] for name in python(code)}
    assert "torch" not in loaded
    assert not {"numpy", "pandas", "scipy", "transformers", "wfdb", "matplotlib"} & loaded


def test_import_takes_a_fraction_of_the_time_of_torch():
    code = (
        "import time; t = time.process_time(); import ecglearn; a = time.process_time() - t;"
        "t = time.process_time(); import torch; b = time.process_time() - t; print(a / b)"
    )
    assert min(float(python(code)[0]) for _ in range(3)) < 0.5


def first_look() -> str:
    text = (ROOT / "README.md").read_text()
    found = re.search(r"## A first look\n\n```python\n(.*?)```", text, re.S)
    assert found is not None
    return found[1]


def test_first_look_of_the_readme_runs_as_it_stands(tmp_path):
    code = first_look()
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "torch.Size([256, 64])" in done.stdout
    assert "AF" in done.stdout
    assert "liu2024merl" in done.stdout
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_every_python_block_of_the_readme_imports_what_exists():
    """Blocks that need a data set are compiled, and their imports are run."""
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S):
        compile(block, "README.md", "exec")
        for line in re.findall(r"^(?:from|import) .*$", block, re.M):
            exec(line, {})
