"""What the operating system gives this process: file descriptors, and a private place for files.

A descriptor is what the local cloud runs out of first: macOS gives a process 256 of them, and each
connection takes one, as do the pipes, the logs and the connections of the workers. So the limit is
raised as far as it goes, and connections leave a reserve for the work that they bring.
"""

from __future__ import annotations

import errno
import shutil
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import resource

_ENOUGH = 65_536
_STEPS = (_ENOUGH, 10_240, 4_096, 1_024)  # macOS names no limit, and yet has one: 10,240 or more
_ON_WINDOWS = 8_192  # what its C library takes at most; sockets do not count there
# For the cloud itself (about 20 when it is idle), the files that it has open for a moment, and a
# start of a worker: one of its log, and its connections.
_RESERVE = 40
_LEAST_CONNECTIONS = 16
# Errors of an operating system that has none left of something, and may have some in a moment; a
# limit on the size of files (EFBIG) can be raised.
_NO_DISK = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_EXHAUSTED = _NO_DISK | {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows (65,536 are enough); returns how
    many that are."""
    if sys.platform == "win32":
        return _ON_WINDOWS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for step in _STEPS:
        wanted = step if hard == resource.RLIM_INFINITY else min(step, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            continue
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def connections_to_hold(file_limit: int) -> int:
    """How many connections this process may hold open with a limit of so many files: half of
    them, as each connection may bring a worker with a log and connections of its own, and none
    of the reserve."""
    return max(_LEAST_CONNECTIONS, min(file_limit // 2, file_limit - _RESERVE))


def may_pass(error: BaseException) -> bool:
    """Whether it is worth trying once more in a moment: something ran out (descriptors, memory,
    processes, disk), or a process that helps went away."""
    if isinstance(error, OSError):
        return error.errno in _EXHAUSTED or isinstance(error, TimeoutError | ConnectionError)
    return isinstance(error, MemoryError) or "can't start new thread" in str(error)


def is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_DISK


def make_hiding_place(directory: Path) -> None:
    """A directory in which what has a random name cannot be found by others, as nobody can list
    it: not even other programs of the same user, unless they change its mode first."""
    directory.mkdir(mode=0o300, exist_ok=True)


def remove_tree(directory: Path) -> None:
    """Remove a directory and all below it, a hiding place in it too, as far as that can be done."""
    with suppress(OSError):
        for found in (directory, *directory.iterdir()):
            if found.is_dir() and not found.is_symlink():
                found.chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
