"""A lock around set-up and teardown, so that two of them do not make or delete the same things.

It is the operating system's lock on a file in the user's private folder, one file for each cloud,
region and prefix. The system releases it when the process that holds it ends, however it ends, so
there is no stale lock to clean up. The text in the file only says who holds it. The file stays:
deleting it could take the lock away from somebody who just got it. A second set-up does not wait,
because nobody can say for how long.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab.engine.display import printable
from lab.errors import LockedError
from lab.here import settings
from lab.here.folders import ROOT, private_folder
from lab.here.shell import command_line, ipython
from localcloud.host import private

_held: dict[Path, int] = {}  # the descriptors of those that this process holds


@contextmanager
def set_up_lock(of: str = "") -> Iterator[None]:
    """Hold the lock of the cloud that the settings name. It can be taken again inside. `of` is for
    a lock of another kind, such as that of a class, beside which each learner's is free.

    Raises LockedError, which says who holds it, if another process does or the file cannot be
    used, and SettingsError.
    """
    path = _path(of)
    if path in _held:
        yield
        return
    _held[path] = _take(path)
    try:
        yield
    finally:
        os.close(_held.pop(path))


def hold_if_a_script(folder: Path) -> None:
    """Hold the lock until the process ends, if what it runs is a script in this folder.

    A chapter that `lab up` runs is in its lock already; a notebook would keep it for days.
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    if ipython() is not None or script is None:
        return
    if Path(script).resolve().parent != folder.resolve():
        return
    path = _path()
    if path not in _held:
        _held[path] = _take(path)


def _path(of: str = "") -> Path:
    """The file for the cloud in use. A local cloud is this folder's own."""
    chosen = settings.load()
    if chosen.target == "aws":
        where = os.environ.get("AWS_PROFILE", "")
    else:
        where = chosen.endpoint_url or f"{ROOT} {chosen.port}"
    parts = (chosen.target, where, str(chosen.region), chosen.prefix, *filter(None, [of]))
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    try:
        return private_folder() / f"set-up-{name}.lock"
    except OSError as error:
        raise LockedError(_unusable(Path(error.filename), error.strerror or "")) from None


def _take(path: Path) -> int:
    """Lock the file and write into it who does. Returns its descriptor."""
    descriptor = _open(path)
    try:
        is_taken = not private.try_to_lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise LockedError(_unusable(path, error.strerror or str(error))) from None
    if is_taken:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise LockedError(
            f"{holder} is setting up or tearing down here. Wait until it has ended, or end it; "
            "then run this again: it finds what is there."
        )
    _write(descriptor)
    return descriptor


def _open(path: Path) -> int:
    """Open the file, which only its owner may read, without following a link."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | private.NO_LINK, 0o600)
    except OSError as error:
        raise LockedError(_unusable(path, error.strerror or str(error))) from None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    raise LockedError(_unusable(path, "it is a link, or no ordinary file"))


def _unusable(path: Path, reason: str) -> str:
    return f"{path}, which keeps two set-ups apart, cannot be used: {reason}. Delete it."


def _write(descriptor: int) -> None:
    """Say who holds the lock. A full disk is no reason not to hold it."""
    says = {"command": command_line(), "pid": os.getpid(), "since": time.time()}
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(says).encode())


def _holder(descriptor: int) -> str:
    """Who holds the lock, in words: "Another `lab up` (process 4711, since 14:03:22)"."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        says: dict[str, Any] = json.loads(os.read(descriptor, 4096))
        since = time.strftime("%H:%M:%S", time.localtime(says["since"]))
        command = printable(str(says["command"]))
        return f"Another `{command}` (process {says['pid']}, since {since})"
    except (OSError, ValueError, TypeError, KeyError, OverflowError):  # not written yet
        return "Another `lab up`, `lab goto`, `lab reset` or teardown"
