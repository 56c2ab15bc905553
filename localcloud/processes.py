"""The processes that workers run in: how they start and end.

Most of the time that a worker takes to start goes into Python and boto3. On Linux a fork
server, which is one Python that has imported these already, starts each worker as a fork of
itself. It is not multiprocessing's: forks of that one inherit the environment of this process,
three pipes and the state of multiprocessing. Elsewhere a worker is a Python of its own: Windows
has no fork, and on macOS a fork may crash when it looks for proxies, as boto3 does. The pure
Python client stands for these systems, so its workers start as there.

https://docs.python.org/3/library/urllib.request.html
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_PYTHON = [sys.executable, "-P", "-B", str(Path(__file__).with_name("worker.py"))]
# What every function has of the variables that a starting Python reads.
SYSTEM_VARIABLES = {
    "LANG": "en_US.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
}


class Forked:
    """A process that a fork server has started, with what we use of subprocess.Popen."""

    stdin = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and self._has_ended():
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Wait for a process that has ended or been killed: the fork server waits, too."""
        if self.returncode is None:
            try:
                self.returncode = self._server.ask({"wait": self.pid})
            except OSError:  # the fork server is gone, and its workers with it
                self.returncode = -signal.SIGKILL
        return self.returncode

    def _has_ended(self) -> bool:
        # Its id is not given to another process before the fork server was asked to wait for it.
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True


Process = subprocess.Popen[bytes] | Forked


def kill_group(process: Process) -> None:
    """End a worker and whatever its handler has started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    elif isinstance(process, subprocess.Popen):
        process.kill()


class ForkServer:
    """`worker.py` without arguments: carries out an order a line. Ends with this process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            _PYTHON,
            env={**SYSTEM_VARIABLES, "HOME": os.devnull},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not meant for it
        )

    def runs(self) -> bool:
        return self.process.poll() is None

    def ask(self, order: dict[str, Any]) -> int:
        """Raises OSError if the order cannot be carried out."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '"the fork server ended"')
        if isinstance(answer, str):
            raise OSError(answer)
        return int(answer)


class Processes:
    """Starts workers that use the runtime client `client`."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._forks = sys.platform == "linux" and client == "native"
        self._server: ForkServer | None = None

    def prepare(self) -> None:
        """Have a fork server import what it needs, if there is to be one."""
        if self._forks and not (self._server and self._server.runs()):
            self._server = ForkServer()

    def start(
        self, handler: str, environment: dict[str, str], directory: Path, log_path: Path
    ) -> Process:
        """Start a worker that leads a process group of its own and appends what it prints to a
        file that is there. Raises OSError if the operating system refuses."""
        arguments = [handler, self._client]
        self.prepare()
        if self._server is not None:
            order = {
                "arguments": arguments,
                "environment": environment,
                "directory": str(directory),
                "log": str(log_path),
            }
            return Forked(self._server, self._server.ask(order))
        with open(log_path, "ab") as log:
            return subprocess.Popen(
                [*_PYTHON, *arguments],
                env=environment,
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group of its own, to end with its children
            )
