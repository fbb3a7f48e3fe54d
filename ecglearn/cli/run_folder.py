"""The folder of a run: free, unfinished or finished, and by which command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecglearn.errors import InputError
from ecglearn.files import whole
from ecglearn.metadata import Description, described

WEIGHTS, HISTORY, STARTED = "weights.safetensors", "history.jsonl", "run.json"
STATES = "*/last.safetensors"  # one for each stage


class Started(Description):
    """What `run.json` says: by which command the folder was begun.

    Attributes:
        method: its name.
        config: of the method.
        run: flags of the command that change the result.
        data: digest of the store; empty for simulated patients, whom the flags describe.

    Book: many-machines#commands
    """

    method: str
    config: dict[str, Any]
    run: dict[str, Any]
    data: str


def goes_on(
    out: Path, now: Started, *, resume: bool, overwrite: bool, extend: bool = False
) -> bool:
    """Whether this run continues what lies in its folder; refuses to spoil it.

    Args:
        out: the folder.
        now: the command.
        resume: the user wants to go on, whatever began it.
        overwrite: the user wants to begin anew.
        extend: the user wants more epochs of what is there, finished or not.

    Raises:
        InputError: a finished run is there, or an unfinished one of another command; or nothing
            that could be made longer.

    Book: many-machines#commands
    """
    if overwrite:
        return False
    unfinished = any(out.glob(STATES))
    if extend:
        if not unfinished or not (out / STARTED).is_file():
            raise InputError(f"{out} holds no run that could be made longer: leave out --extend")
        before = described(Started, (out / STARTED).read_bytes(), out / STARTED, InputError)
        if other := [name for name in _differing(before, now) if name != "epochs"]:
            raise InputError(
                f"{out} holds a run with other settings ({', '.join(other)}): repeat them, and "
                "give more --epochs, to make it longer"
            )
        return True
    if resume or not (unfinished or (out / WEIGHTS).exists()):
        return resume
    if (out / WEIGHTS).exists():
        raise InputError(
            f"{out} holds a finished run: give another folder, or --overwrite to train anew"
        )
    if not (out / STARTED).is_file():
        raise InputError(
            f"{out} holds an unfinished run: give --resume to go on, or --overwrite to train anew"
        )
    before = described(Started, (out / STARTED).read_bytes(), out / STARTED, InputError)
    if other := _differing(before, now):
        raise InputError(
            f"{out} holds an unfinished run with other settings ({', '.join(other)}): repeat them "
            "to go on, give another folder, or --overwrite to train anew"
        )
    return True


def begin(out: Path, now: Started, *, anew: bool) -> None:
    """Write by which command the folder is begun.

    Args:
        out: the folder.
        now: the command.
        anew: remove what an earlier run left there.

    Book: many-machines#commands
    """
    if anew:
        for left in (out / WEIGHTS, *out.glob(STATES)):
            left.unlink(missing_ok=True)
    with whole(out / STARTED) as part:
        part.write_text(json.dumps(now.model_dump(), indent=1) + "\n", "utf-8")


def _differing(before: Started, now: Started) -> list[str]:
    """Fields in which two commands differ, after a way through JSON."""
    one, two = before.model_dump(), json.loads(now.model_dump_json())
    found = [name for name in ("method", "data") if one[name] != two[name]]
    for part in ("config", "run"):
        keys = one[part].keys() | two[part].keys()
        found += sorted(key for key in keys if one[part].get(key) != two[part].get(key))
    return found
