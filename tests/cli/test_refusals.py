"""Runs that cannot be, folders that are taken, disks that say no, text that a terminal obeys."""

import errno
import subprocess
import sys

import pytest
import torch

from ecglearn.checkpoint import load
from ecglearn.cli import main
from ecglearn.cli.terminal import shown
from ecglearn.data.store.prepare import prepare
from ecglearn.files import LOCK, disk, holding
from ecglearn.train.resume import save_state
from tests.cli.test_commands import SMOKE, refusal
from tests.data import layouts

SCAR = ("train", "scar", "--data", "cohort:40")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--epochs", "0"), "epochs is 0: it should be greater than or equal to 1"),
        (("--batch-size", "-4"), "batch_size is -4"),
        (("--accumulate", "-1"), "accumulate is -1"),
        (("--clip", "0"), "clip is 0.0: it should be greater than 0"),
        (("--workers", "-1"), "workers is -1"),
        (("--lr", "-1"), "lr is -1.0: it should be greater than 0"),
        (("--lr", "nan"), "lr is nan"),
        (("--seed", str(2**64)), "seed is"),
        (("--model.temperature", "0"), "temperature is 0.0: it should be above 0"),
        (("--model.width", "-3"), "width is -3"),
        (("--data", "cohort:99999999999"), "from 1 to 20,000"),
        (("--data", "cohort:0"), "from 1 to 20,000"),
        (("--data", "cohort:" + "9" * 5000), "from 1 to 20,000"),
        (("--preset", "class"), r"--preset is given more than once (smoke, class)"),
        (("--preset=class",), r"--preset is given more than once (smoke, class)"),
    ],
)
def test_a_run_that_cannot_be_leaves_nothing(tmp_path, flags, words):
    assert words in refusal(*SCAR, "--out", tmp_path / "out", *SMOKE, *flags)
    assert list(tmp_path.iterdir()) == []


def test_dropout_of_two(tmp_path):
    text = refusal(
        "train", "merl", "--data", "cohort:40", "--out", tmp_path, "--model.dropout", "2"
    )
    assert "dropout is 2.0: it should be 0 or more and below 1" in text


def test_the_loser_of_two_runs_leaves_nothing(tmp_path):
    with holding(tmp_path):
        before = (tmp_path / LOCK).read_text()
        assert "is in use by process" in refusal(*SCAR, "--out", tmp_path, *SMOKE)
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
        assert (tmp_path / LOCK).read_text() == before
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_kept_and_an_unfinished_one_goes_on(tmp_path, monkeypatch):
    words = [*SCAR, "--preset", "smoke", "--batch-size", "16", "--epochs", "2"]
    main([*words, "--out", str(tmp_path / "whole")])
    weights = (tmp_path / "whole" / "weights.safetensors").read_bytes()
    assert "holds a finished run" in refusal(*words, "--out", tmp_path / "whole")
    assert (tmp_path / "whole" / "weights.safetensors").read_bytes() == weights
    assert not (tmp_path / "whole" / LOCK).exists()

    def full(path, *given):
        save_state(path, *given)
        with disk(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr("ecglearn.train.loop.save_state", full)
        assert "No space left on device): make room" in refusal(*words, "--out", out)
    assert not (out / "weights.safetensors").exists()
    other = refusal(*words, "--out", out, "--lr", "0.1", "--seed", "3")
    assert "unfinished run with other settings (lr, seed)" in other
    steps = []
    monkeypatch.setattr("ecglearn.train.loop.save_state", lambda *given: steps.append(given[3]))
    main([*words, "--out", str(out)])
    assert len(steps) == 1
    one, two = (load(tmp_path / f / "weights.safetensors")[0] for f in ("whole", "stopped"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    monkeypatch.undo()
    main([*words, "--out", str(out), "--overwrite", "--seed", "1"])
    assert load(out / "weights.safetensors")[1]["run"]["seed"] == 1


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "something else stands in the place" in refusal(*SCAR, "--out", out, *SMOKE)
    assert (tmp_path / "file").read_text() == "x"


def test_a_disk_that_is_full_in_truth(tmp_path):
    """A limit on the size of files stands for the disk: the system refuses the write itself."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from ecglearn.cli import main; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        "main(sys.argv[1:])"
    )
    words = [*SCAR, "--out", str(tmp_path / "out"), *SMOKE]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "last.safetensors cannot be written" in done.stderr
    assert list((tmp_path / "out").glob("**/*.part")) == []
    main(words)


def test_text_of_records_cannot_move_the_cursor(tmp_path, capsys):
    hostile = "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u2028 \x9b31m \xdcberleitung"
    assert shown(hostile).isprintable()
    assert "Überleitung" in shown(hostile)
    rows = [layouts.ptbxl_row(k) for k in (1, 2)]
    rows[1]["strat_fold"] = hostile
    layouts.ptbxl(tmp_path / "in", 2, rows)
    main(["prepare", "ptbxl-100", str(tmp_path / "in"), str(tmp_path / "out"), "--workers", "1"])
    out = capsys.readouterr().out
    assert "strat_fold is" in out
    assert all(line.isprintable() for line in out.split("\n"))


def test_check(tmp_path, capsys):
    layouts.ptbxl(tmp_path / "in", 3)
    prepare("ptbxl-100", tmp_path / "in", tmp_path / "out", workers=1, progress=False)
    main(["check", str(tmp_path / "out")])
    assert "3 records in" in capsys.readouterr().out
    main(["check", str(tmp_path / "out"), "--full"])
    assert "every byte is as written" in capsys.readouterr().out
    signals = tmp_path / "out" / "signals"
    signals.write_bytes(signals.read_bytes()[:-1] + b"\x55")
    main(["check", str(tmp_path / "out")])
    assert "in 1 of 3 records (3)" in refusal("check", tmp_path / "out", "--full")
    assert "it is no store" in refusal("check", tmp_path / "in")


def test_a_finished_run_is_made_longer(tmp_path, capsys):
    words = [*SCAR, "--preset", "smoke", "--batch-size", "16"]
    out = ("--out", str(tmp_path / "out"))
    assert "holds no run that could be made longer" in refusal(*words, *out, "--extend")
    main([*words, *out, "--epochs", "1"])
    short = load(tmp_path / "out" / "weights.safetensors")[0]
    text = refusal(*words, *out, "--epochs", "3", "--lr", "0.1", "--extend")
    assert "a run with other settings (lr)" in text
    capsys.readouterr()
    main([*words, *out, "--epochs", "3", "--extend"])
    said = capsys.readouterr().err
    assert "epoch 2 of 3" in said
    assert "epoch 1 of 3" not in said
    long, about = load(tmp_path / "out" / "weights.safetensors")
    assert about["recipes"][0]["epochs"] == 3
    assert any(not torch.equal(long[name], short[name]) for name in short)


def test_the_best_epoch_of_a_run(tmp_path, capsys):
    words = ["train", "merl", "--data", "cohort:80", *SMOKE, "--best", "--clip", "1.0"]
    main([*words, "--epochs", "2", "--out", str(tmp_path), "--workers", "1"])
    said = capsys.readouterr().err
    assert "validation " in said
    assert "merl, joint: kept are the weights of epoch" in said
    kept, _ = load(tmp_path / "weights.safetensors")
    best, about = load(tmp_path / "joint" / "best.safetensors")
    assert about["epoch"] in (1, 2)
    assert all(torch.equal(kept[name], value) for name, value in best.items())
