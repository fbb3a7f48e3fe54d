"""What a user sees of a run."""

import pytest

from ecglearn.train.logging import Progress, progress_kind


@pytest.mark.parametrize("who", [0, 1])
def test_the_first_process_alone_prints_a_line_for_each_epoch(capsys, monkeypatch, who):
    monkeypatch.setattr("ecglearn.train.logging.rank", lambda: who)
    shown = Progress("lines", total=4, done=0, epochs=2)
    for number in (1, 2):
        shown.step({"align": 0.5})
        shown.epoch(number, 2 * number, {"align": 0.25, "mix": 1.0})
    shown.close()
    told = capsys.readouterr().err.splitlines()
    lines = [f"epoch {k} of 2, step {2 * k}: align 0.250, mix 1.000" for k in (1, 2)]
    assert told == ([] if who else lines)


@pytest.mark.parametrize(("kind", "shows"), [("bar", True), ("none", False)])
def test_a_bar_prints_no_lines(capsys, kind, shows):
    shown = Progress(kind, total=2, done=0, epochs=1)
    shown.step({"align": 0.5})
    shown.epoch(1, 1, {"align": 0.5})
    shown.close()
    told = capsys.readouterr().err
    assert "epoch 1 of 1" not in told
    assert ("1/2" in told) == shows


def test_what_is_asked_for_is_shown_and_the_environment_decides_where_nobody_does(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert [progress_kind(k) for k in ("lines", True, False)] == ["lines", "bar", "none"]
    quiet = progress_kind(None)
    monkeypatch.delenv("TQDM_DISABLE")
    assert (quiet, progress_kind(None)) == ("none", "lines")
