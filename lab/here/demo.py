"""The whole tutorial in one go: a local cloud of its own, every chapter, and nothing left.

Ignores the settings of whoever calls it, so that it never meets a cloud that is in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.aws.session import session
from lab.course.chapters import CHAPTERS, SET_UP
from lab.course.resources import inventory, survey
from lab.errors import TargetError
from lab.here.folders import ROOT

_DEMO = (*SET_UP, "04", "07")


@contextmanager
def own_cloud(*arguments: str) -> Iterator[tuple[str, int]]:
    """A local cloud on a free port; yields its address and process id, and ends it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--port", "0", "--until-stdin-ends", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,  # ends with this process, and the local cloud with it
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()  # "Local cloud ready at http://..."
            if not ready:
                raise TargetError(f"The local cloud ended with status {process.wait()}.")
            yield ready.split()[-1], process.pid
        finally:
            process.terminate()


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """The process's environment with these variables and no other settings of ours."""
    before = dict(os.environ)
    for name in [n for n in os.environ if n.startswith(("LAB_", "AWS_"))]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def demo() -> int:
    """Run the chapters from first to last, printing as they go; returns how much is left."""
    started = time.monotonic()
    with own_cloud() as (address, _), environment(AWS_ENDPOINT_URL=address):
        for number in _DEMO:
            chapter = CHAPTERS[number]
            print(f"\n== {chapter.title}", flush=True)
            chapter.run()
        left = list(survey(inventory(session())))
    print(f"\nDone in {time.monotonic() - started:.1f} s.")
    return len(left)
