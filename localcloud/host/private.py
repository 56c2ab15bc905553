"""The user's private folder, with files that nobody else may read or replace.

It has the keys of this user's local clouds, their logs and the last error. Its place follows from
the user, so another user of the machine could make it first, or put a link there. So we check
owner and mode before each use, and follow no links. Windows has no such modes; there the user's
own profile protects it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NAME = "chain-lambda-functions"
_IS_POSIX = os.name == "posix"
_OTHERS = 0o077
_PATIENCE, _PAUSE = 60, 0.02  # seconds: for a lock in all, and between two tries
_FAR = 1 << 30  # a locked byte cannot be read, so it is one behind what the file says
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # by another process
# Opening a link fails. On Windows, making a link needs a permission.
NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def folder(*parts: str) -> Path:
    """The private folder, or a folder below it. Makes it if it is missing.

    Raises OSError, with the folder as its `filename` and a reason in words, if it belongs to
    another user, is open to others, is not a folder, or cannot be made.
    """
    found = Path(platformdirs.user_state_path(_NAME))
    found.parent.mkdir(parents=True, exist_ok=True)
    for part in ("", *parts):
        found = found / part
        found.mkdir(mode=0o700, exist_ok=True)
        _refuse_what_others_may_use(found)
    return found


def _refuse_what_others_may_use(path: Path) -> None:
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(path))
    if not _IS_POSIX:
        return
    if info.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
    if info.st_mode & _OTHERS:
        raise PermissionError(
            errno.EPERM, f"other users may use it (try chmod 700 {path})", str(path)
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "you may not write in it", str(path))


def write(path: Path, text: str) -> None:
    """Write a file of mode 0600, in place of any that is there. Nobody sees half of it, and no
    link is followed."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:  # such as a full disk
        os.unlink(draft)
        raise


def read(path: Path) -> str:
    """The text of a file that only this user may read.

    Raises FileNotFoundError if there is none. Raises another OSError, with a reason in words, if it
    is a link, belongs to another user, or others may read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link", str(path)) from None
        raise
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        info = os.fstat(file.fileno())
        if _IS_POSIX and info.st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
        if _IS_POSIX and info.st_mode & _OTHERS:
            raise PermissionError(errno.EPERM, "other users may read it", str(path))
        return file.read()


def open_log(path: Path) -> int:
    """A descriptor of an empty file to write to, of mode 0600. Raises OSError if there is a link in
    its place."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | NO_LINK, 0o600)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file; waits while another process has it, for a minute at most. The lock
    ends with this process, however that ends.

    Raises OSError, with the file as its `filename`, if it cannot be had.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
    deadline = time.monotonic() + _PATIENCE
    try:
        while not try_to_lock(descriptor):
            if time.monotonic() > deadline:  # as when somebody pressed Ctrl-Z
                reason = f"another process has held it for {_PATIENCE} s"
                raise TimeoutError(errno.ETIMEDOUT, reason, str(path))
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def try_to_lock(descriptor: int) -> bool:
    """Lock an open file; False if another process has it. Raises OSError."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True
