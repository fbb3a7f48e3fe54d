"""`ecglearn lab DIR`: the kernel of that name is there, and JupyterLab is started on the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from ecglearn.cli import lab as lab_module  # the function of this name
from ecglearn.cli import main
from ecglearn.errors import MissingGroupError

LAB = sys.modules["ecglearn.cli.lab"]
# stands where JupyterLab would be, and says what it was told
STAND_IN = """
import json, pathlib, sys
pathlib.Path({told!r}).write_text(json.dumps(sys.argv[1:]), encoding="utf-8")
sys.exit({code})
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a JupyterLab on the path that ends with a code; returns what reads its arguments."""

    def put(code: int = 0) -> Path:
        package = tmp_path / "path" / "jupyterlab"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("", "utf-8")
        told = tmp_path / "told.json"
        text = STAND_IN.format(told=str(told), code=code)
        (package / "__main__.py").write_text(text, "utf-8")
        monkeypatch.setenv("PYTHONPATH", str(package.parent))
        return told

    registered = []
    monkeypatch.setattr(LAB, "register", lambda: registered.append("ecglearn"))
    put.registered = registered  # pyright: ignore[reportFunctionMemberAccess]
    return put


def test_one_line_starts_it_on_the_folder(stand_in, tmp_path, monkeypatch):
    """As the page for instructors says it: the folder without a flag."""
    told = stand_in()
    (tmp_path / "Kurs 1").mkdir()
    monkeypatch.chdir(tmp_path)
    main(["lab", "Kurs 1"])
    assert json.loads(told.read_text("utf-8")) == [f"--notebook-dir={tmp_path / 'Kurs 1'}"]
    assert stand_in.registered == ["ecglearn"]
    main(["lab", "Kurs 1", "--no-browser", "--allow-root"])
    assert json.loads(told.read_text("utf-8"))[1:] == ["--no-browser", "--allow-root"]


def test_its_failure_is_ours(stand_in, tmp_path):
    stand_in(code=3)
    with pytest.raises(SystemExit) as stopped:
        main(["lab", str(tmp_path)])
    assert stopped.value.code == 3


# answers Ctrl-C as JupyterLab does: in its own time
ASKED = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(1)
    pathlib.Path("ended").touch()
    sys.exit()
signal.signal(signal.SIGINT, end)
pathlib.Path("begun").touch()
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
def test_control_c_is_left_to_jupyterlab(tmp_path):
    """It may end its kernels in peace; then the command ends, and without a trace."""
    for name, text in (("jupyterlab", ASKED), ("ipykernel", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("", "utf-8")
        (tmp_path / name / "__main__.py").write_text(text, "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    command = subprocess.Popen(
        [sys.executable, "-m", "ecglearn", "lab", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "begun").exists():
        assert command.poll() is None
        time.sleep(0.1)
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert (command.returncode, said) == (0, "")
    assert (tmp_path / "ended").exists()


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="is no folder; the course makes one by `make course`"):
        main(["lab", str(tmp_path / "nowhere")])
    for lacking in ("jupyterlab", "ipykernel"):
        monkeypatch.setattr(
            LAB, "find_spec", lambda name, gone=lacking: None if name == gone else 1
        )
        with pytest.raises(MissingGroupError, match=r'pip install "ecglearn\[lab\]"'):
            lab_module(tmp_path)


def test_the_kernel_is_this_environment(tmp_path, monkeypatch):
    """Where the copies ask for `ecglearn`, this Python answers, with the library."""
    LAB.register(tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    manager, client = start_new_kernel(kernel_name="ecglearn")
    said = []
    try:
        code = "import sys, ecglearn; print(sys.executable)"
        reply = client.execute_interactive(code, timeout=60, output_hook=said.append)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok"
    text = "".join(one["content"].get("text", "") for one in said)
    assert text.strip() == sys.executable
