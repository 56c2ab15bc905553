"""What the operating system gives this process: file descriptors, and a private place for files.

The local cloud runs out of descriptors first: macOS gives a process 256, and each connection takes
one, as do the pipes, logs and connections of the workers. So we raise the limit as far as it goes,
and connections leave a reserve for the work that they bring.
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
_STEPS = (_ENOUGH, 10_240, 4_096, 1_024)  # macOS shows no limit, but has one: 10,240 or more
_ON_WINDOWS = 8_192  # the most that its C library allows; sockets do not count there
# For the cloud itself (about 20 when idle), files that are open for a moment, and the start of a
# worker: one for its log, and its connections.
_RESERVE = 40
_LEAST_CONNECTIONS = 16
# Errors when the operating system has run out of something, but may have some again in a moment.
# EFBIG is among them, as a limit on the size of files can be raised.
_NO_DISK = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_EXHAUSTED = _NO_DISK | {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows (65,536 are enough). Returns the
    number."""
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
    """How many connections this process may hold with this limit on files: at most half of it, as
    each may bring a worker with its own log and connections, and nothing of the reserve."""
    return max(_LEAST_CONNECTIONS, min(file_limit // 2, file_limit - _RESERVE))


def may_pass(error: BaseException) -> bool:
    """Whether it is worth trying again in a moment: something ran out (descriptors, memory,
    processes, disk), or a helper process went away."""
    if isinstance(error, OSError):
        return error.errno in _EXHAUSTED or isinstance(error, TimeoutError | ConnectionError)
    return isinstance(error, MemoryError) or "can't start new thread" in str(error)


def is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_DISK


def make_hiding_place(directory: Path) -> None:
    """Make a directory that nobody can list, so that files with random names in it stay hidden.
    Even other programs of the same user must change its mode first."""
    directory.mkdir(mode=0o300, exist_ok=True)


def remove_tree(directory: Path) -> None:
    """Remove a directory and everything below it, hiding places too, as far as possible."""
    with suppress(OSError):
        for found in (directory, *directory.iterdir()):
            if found.is_dir() and not found.is_symlink():
                found.chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
