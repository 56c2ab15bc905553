"""A local cloud of one's own, for a while: the demo, the first chapter, the builder of the
notebooks and the tests.

It ignores the settings of the user, so that it never meets a cloud that is in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lab.errors import TargetError
from lab.here.folders import ROOT


@contextmanager
def own_cloud(*arguments: str) -> Iterator[tuple[str, int]]:
    """A local cloud on a free port; yields its address and process id, and ends it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--port", "0", "--until-stdin-ends", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,  # ends with this process, and the local cloud with it
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is not meant for it
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
def in_own_cloud(**variables: str) -> Iterator[str]:
    """A local cloud of one's own that is the one in use; yields its address. `variables` are other
    settings meanwhile."""
    with own_cloud() as (address, _), environment(AWS_ENDPOINT_URL=address, **variables):
        yield address


_kept = ExitStack()


def keep_own_cloud() -> None:
    """Start a local cloud that stays, and is the one in use, until `leave_own_cloud` or until this
    process ends. One that was kept before ends now."""
    leave_own_cloud()
    _kept.enter_context(in_own_cloud())


def leave_own_cloud() -> None:
    """End the cloud that is kept, if there is one, and go back to the user's settings."""
    _kept.close()


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
