"""The `lab` command on a terminal, as a person sees it. POSIX only."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_a_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """The `lab` command on a terminal of its own; yields it, and what reads what it showed."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    shown = bytearray()

    def read() -> str:
        try:
            while more := os.read(ours, 65536):
                shown.extend(more)
        except OSError:  # nothing more for now, or the other end is closed
            pass
        return shown.decode()

    process = subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, read
    finally:
        process.kill()
        process.wait()
        os.close(ours)
