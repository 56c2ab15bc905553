"""A local cloud of a test's own, in a tenth of the time that its start takes a user.

Each cloud is a fork of a process that has imported moto. What is about the start itself uses
`lab.here.own_cloud`, as users do.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from lab.aws.waiting import wait_until
from lab.errors import NoAnswerError
from lab.here import local
from lab.here import own_cloud as users
from localcloud.host import start_key
from localcloud.host.start_key import StartKey
from tests.support.forks import fork_server


def _run(
    arguments: tuple[str, ...], variables: dict[str, str], stdin: Connection, stdout: Connection
) -> None:
    from localcloud.__main__ import main

    os.dup2(stdin.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    for end in (stdin, stdout):
        end.close()
    os.environ.clear()
    os.environ.update(variables)
    main([*arguments], prog_name="python -m localcloud")


def _serve_folder(folder: Path, log: Path, variables: dict[str, str]) -> None:
    from localcloud.__main__ import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    main(["--log", str(log)])


@contextmanager
def cloud_of(folder: Path) -> Iterator[StartKey]:
    """The cloud of a folder that stands for the project, which is found there without a setting."""
    log = local.log_path(None)
    process = fork_server().Process(target=_serve_folder, args=(folder, log, dict(os.environ)))
    process.start()

    def found() -> StartKey | None:
        keys = start_key.of_folder(folder, start_key.ports(folder))
        with suppress(NoAnswerError):  # of a busy machine
            return next((key for key in keys if local.status(key.address)), None)
        return None

    try:
        yield wait_until(found, "the local cloud answers", timeout=90)
    finally:
        process.kill()
        process.join()


@contextmanager
def own_cloud(*arguments: str) -> Iterator[tuple[str, int]]:
    """As `lab.here.own_cloud.own_cloud`: yields the address and the process id. Failed events are
    tried again after a second, not after a minute, unless it is told otherwise."""
    arguments = ("--retry-delay", "1", *arguments)
    if os.name != "posix":  # there is nothing to fork
        with users.own_cloud(*arguments) as found:
            yield found
        return
    (theirs, ours), (ready, their_ready) = (multiprocessing.Pipe(duplex=False) for _ in range(2))
    given = ("--port", "0", "--until-stdin-ends", *arguments)
    process = fork_server().Process(
        target=_run, args=(given, dict(os.environ), theirs, their_ready)
    )
    process.start()
    for end in (theirs, their_ready):
        end.close()
    try:
        with open(ready.fileno(), encoding="utf-8", closefd=False) as output:
            line = output.readline()  # "Local cloud ready at http://..."
        assert line, f"the local cloud ended with status {process.join() or process.exitcode}"
        yield line.split()[-1], process.pid
    finally:
        process.terminate()
        process.join()
        ours.close()
        ready.close()
