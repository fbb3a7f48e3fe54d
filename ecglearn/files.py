"""Files written whole or not at all, folders in which one process works, disks that say no."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ecglearn.errors import EcglearnError

LOCK = ".lock"
_PARTS = ".*.*[0-9]-[0-9]*.part"  # as `whole` names them
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


class DiskError(EcglearnError, OSError):
    """What cannot be written, or a folder in which another process works; the message says which.

    Book: your-own-data#data-prepare
    """


@contextmanager
def disk(path: str | os.PathLike[str], doing: str = "written") -> Iterator[None]:
    """Until the end of the `with` block, what the disk refuses is one sentence.

    Args:
        path: what is written, named where the system names nothing.
        doing: what cannot be done.

    Raises:
        DiskError: the disk is full or read-only, or a file stands in the place of a folder.

    Book: your-own-data#data-prepare
    """
    try:
        yield
    except EcglearnError:
        raise
    except OSError as error:
        raise _refused(path, error, doing) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file that is there completely or not at all, also after a loss of power.

    Args:
        path: file to write; its folder is made.

    Yields:
        A name beside it, to write to; moved into its place at the end of the `with` block.

    Raises:
        DiskError: it cannot be written; nothing is left beside it.

    Book: your-own-data#data-prepare
    """
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.touch()
            usual = part.stat().st_mode
            yield part
            part.chmod(usual)  # writers that go through a private file leave it to its owner alone
            sync(part)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk itself.

    Args:
        path: the file or the folder.

    Book: your-own-data#data-prepare
    """
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Until the end of the `with` block, no other process works in a folder.

    What a killed process left half written is removed. A folder that is still empty at the end is
    removed, if it was made here.

    Args:
        folder: made where it is absent.

    Raises:
        DiskError: another process works in it, or it cannot be made.

    Book: your-own-data#data-prepare
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise DiskError(
                f"{folder} is in use by {_holder(folder)}: wait until it ends, or give another "
                "folder"
            ) from error
        (folder / LOCK).write_text(
            f"process {os.getpid()} on {socket.gethostname()} since "
            f"{datetime.now().isoformat(' ', 'seconds')}",
            "utf-8",
        )
        for left in (*folder.glob(_PARTS), *folder.glob(f"*/{_PARTS}")):
            left.unlink(missing_ok=True)
    try:
        yield
    finally:
        # removed while it is held: whoever opened it before finds it gone, and makes another
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            for place in made:
                place.rmdir()


def _holder(folder: Path) -> str:
    with suppress(OSError):
        return (folder / LOCK).read_text("utf-8", "replace")[:200].strip() or "another process"
    return "another process"


def _refused(path: str | os.PathLike[str], error: OSError, doing: str) -> DiskError:
    named = error.filename if isinstance(error.filename, str) else os.fspath(path)
    where = os.fspath(path) if named.endswith(".part") else named
    said = error.strerror or " ".join(str(error).split())
    if error.errno in _FULL:
        help_ = "make room"
    elif error.errno in _CLOSED:
        help_ = "give a place that may be written to"
    elif error.errno in _TAKEN:
        help_ = "something else stands in the place of a folder or a file: move it, or give another"
    else:
        help_ = "look after the disk"
    return DiskError(
        f"{where} cannot be {doing} ({said}): {help_}; what was finished is kept, and the same "
        "command goes on"
    )
