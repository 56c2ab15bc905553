"""The processes that workers run in: how they start and end.

A starting worker spends most of its time on Python and boto3. On Linux a fork server, one Python
that has already imported these, starts each worker as a fork of itself. It is not the one of
multiprocessing, whose forks inherit the environment of this process, three pipes and the state of
multiprocessing. On other systems each worker is a new Python: Windows has no fork, and on macOS a
fork may crash when it looks for proxies, as boto3 does. The pure Python client stands for these
systems, so its workers start in the same way.

Nothing here waits for another process: a handler can stop the fork server, or make itself
unkillable for a while. The fork server reports each worker that ended or was stopped. If it does
not answer, we replace it.

https://docs.python.org/3/library/urllib.request.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

logger = logging.getLogger(__name__)
_PYTHON = [sys.executable, "-P", "-B", str(Path(__file__).with_name("worker.py"))]
_READY_SECONDS = 20.0  # for a new fork server to import what it needs
_ANSWER_SECONDS = 5.0  # for it to carry out an order, which takes milliseconds
# The variables for every function that a starting Python reads.
SYSTEM_VARIABLES = {
    "LANG": "en_US.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TZ": ":UTC",
}


class Forked:
    """A process that a fork server started. No other process gets its id before `release`.
    `returncode` is None while it runs."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None
        self.is_stopped = False
        self.is_lost = False  # ended with its fork server

    def release(self) -> None:
        """Let it go, once it and everything that it started have ended."""
        self._server.release(self.pid)


class Spawned:
    """A new Python process, with the attributes of a forked one. Each time that you ask, it checks
    whether it has ended."""

    is_lost = False

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    @property
    def is_stopped(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def release(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


Process = Forked | Spawned


def kill(process: Process) -> None:
    """End a worker and whatever its handler started, even outside the worker's process group."""
    if os.name != "posix":
        children = _descendants(process.pid)
        for each in (process.pid, *children):
            with suppress(psutil.Error, OSError):
                psutil.Process(each).kill()
        return
    _signal(os.kill, process.pid, signal.SIGSTOP)  # so that it starts nothing while we look
    children = _descendants(process.pid)
    kill_group(process.pid)
    for pid in (process.pid, *children):
        _signal(os.kill, pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """End what is left of a worker's process group."""
    if os.name == "posix":
        _signal(os.killpg, pid, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or a zombie on macOS
        send(pid, number)


def _descendants(pid: int) -> list[int]:
    """The ids of the processes below this one, as far as we can find them."""
    try:
        if sys.platform != "linux":
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        # psutil looks at every process of the machine; Linux knows the children of each thread.
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [int(n) for thread in threads for n in (thread / "children").read_text().split()]
    except (psutil.Error, OSError):
        return []
    return children + [below for child in children for below in _descendants(child)]


class ForkServer:
    """`worker.py` without arguments: carries out one order per line, and reports one event of its
    workers per line. Ends with this process.

    Calls `on_event` after each event. Raises OSError if it cannot be started.
    """

    def __init__(self, on_event: Callable[[], None] = lambda: None) -> None:
        self.process = subprocess.Popen(
            _PYTHON,
            env={**SYSTEM_VARIABLES, "HOME": os.devnull},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not meant for it
        )
        self._on_event = on_event
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: asyncio.Future[None] | None = None
        self._orders: deque[asyncio.Future[Forked]] = deque()
        self._workers: dict[int, Forked] = {}
        self._incoming = b""
        self._outgoing = b""
        self.closed = False

    async def start(self, order: dict[str, Any]) -> Forked:
        """Start a worker. Raises OSError if that fails. After a TimeoutError, the fork server is
        ended."""
        self._attach()
        assert self._ready is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.shield(self._ready)
            started = asyncio.get_running_loop().create_future()
            self._orders.append(started)
            self._send(order)
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asyncio.shield(started)
        except TimeoutError:
            self.close("it does not answer")
            raise TimeoutError("the fork server does not answer") from None

    def release(self, pid: int) -> None:
        """Wait for a worker that has ended, which frees its id."""
        if self._workers.pop(pid, None) is not None and not self.closed:
            self._send({"release": pid})

    def close(self, why: str) -> None:
        """End it, and its workers with it."""
        if self.closed:
            return
        self.closed = True
        logger.error("The fork server is ended, and its workers with it: %s", why)
        assert self.process.stdin is not None and self.process.stdout is not None
        if self._loop is not None:
            self._loop.remove_reader(self.process.stdout.fileno())
            self._loop.remove_writer(self.process.stdin.fileno())
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()
        for worker in self._workers.values():
            if worker.returncode is None:
                kill(worker)
                worker.returncode, worker.is_lost = -signal.SIGKILL, True
        self.process.kill()
        waiting: list[asyncio.Future[Any]] = [*self._orders]
        if self._ready is not None:
            waiting.append(self._ready)
        for each in waiting:
            if not each.done():
                each.set_exception(ConnectionResetError("the fork server ended"))
                each.exception()  # nobody must look
        self._on_event()

    def _attach(self) -> None:
        """Start to listen to it, at the first order: before that there may be no event loop."""
        if self._loop is None:
            assert self.process.stdin is not None and self.process.stdout is not None
            self._loop = asyncio.get_running_loop()
            self._ready = self._loop.create_future()
            os.set_blocking(self.process.stdin.fileno(), False)
            os.set_blocking(self.process.stdout.fileno(), False)
            self._loop.add_reader(self.process.stdout.fileno(), self._receive)
        elif self.closed:
            raise ConnectionResetError("the fork server ended")

    def _send(self, order: dict[str, Any]) -> None:
        self._outgoing += json.dumps(order).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        assert self._loop is not None and self.process.stdin is not None
        pipe = self.process.stdin.fileno()
        try:
            self._outgoing = self._outgoing[os.write(pipe, self._outgoing) :]
        except BlockingIOError:
            pass  # it is not reading now
        except OSError as error:
            self.close(str(error))
            return
        if self._outgoing:
            self._loop.add_writer(pipe, self._flush)
        else:
            self._loop.remove_writer(pipe)

    def _receive(self) -> None:
        assert self.process.stdout is not None
        try:
            piece = os.read(self.process.stdout.fileno(), 65_536)
        except BlockingIOError:
            return
        if not piece:
            self.close("it ended")
            return
        *lines, self._incoming = (self._incoming + piece).split(b"\n")
        try:
            for line in lines:
                self._take(**json.loads(line))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            self.close(f"it wrote a line that cannot be understood: {error}")
            return
        self._on_event()

    def _take(
        self,
        event: str,
        pid: int = 0,
        status: int = 0,
        errno: int | None = None,
        text: str = "",
    ) -> None:
        """Take one line that it wrote."""
        if event == "ready":
            assert self._ready is not None
            if not self._ready.done():
                self._ready.set_result(None)
        elif event == "started":
            self._workers[pid] = worker = Forked(self, pid)
            order = self._orders.popleft()
            if order.done():  # nobody waits for it any more
                kill(worker)
            else:
                order.set_result(worker)
        elif event == "refused":
            order = self._orders.popleft()
            if not order.done():
                order.set_exception(OSError(errno, text))
        elif event == "ended":
            self._workers[pid].returncode = status
        elif event == "stopped":
            self._workers[pid].is_stopped = True
        else:
            raise ValueError(event)


class Processes:
    """Starts workers that use the runtime client `client`. Calls `on_event` when one of them may
    have ended or been stopped."""

    def __init__(self, client: str, on_event: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._forks = sys.platform == "linux" and client == "native"
        self._server: ForkServer | None = None
        self._on_event = on_event
        self.replaced = 0  # fork servers that ended or were ended

    def prepare(self) -> None:
        """Start a fork server where there can be one, so that it imports what it needs."""
        if not self._forks:
            return
        if self._server is not None and self._server.closed:
            self._server.process.poll()
            self._server = None
            self.replaced += 1
        if self._server is None:
            self._server = ForkServer(self._on_event)

    async def start(
        self, handler: str, environment: dict[str, str], directory: Path, log_path: Path
    ) -> Process:
        """Start a worker with its own process group. It appends what it prints to an existing file,
        and has it open when this returns. Raises OSError if the operating system refuses."""
        arguments = [handler, self._client]
        self.prepare()
        if self._server is not None:
            return await self._server.start(
                {
                    "arguments": arguments,
                    "environment": environment,
                    "directory": str(directory),
                    "log": str(log_path),
                }
            )
        with open(log_path, "ab") as log:
            return Spawned(
                subprocess.Popen(
                    [*_PYTHON, *arguments],
                    env=environment,
                    cwd=directory,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # its own group, so that we can end its children, too
                )
            )
