"""A worker as the cloud sees it: its process, what it is doing, and its invocation."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from localcloud import clock
from localcloud.http import Response
from localcloud.lambda_.runtime.output import Output
from localcloud.lambda_.runtime.processes import Forked, Process

if TYPE_CHECKING:
    from localcloud.lambda_.runtime.pool import Pool

# A worker needs a millisecond from an answer to its next request. After this time it no longer
# keeps another one from starting.
_COMING_SECONDS = 1.0


@dataclass
class Result:
    """The result of an invocation. `error` is None, or what AWS puts in X-Amz-Function-Error.
    `denied` says that nothing ran, as Lambda could not assume the function's role."""

    payload: bytes
    error: str | None = None
    request_id: str = ""
    log_tail: bytes = b""
    denied: bool = False


def new_request_id() -> str:
    return str(uuid.uuid4())


@dataclass(eq=False)
class Invocation:
    payload: bytes
    client_context: str | None
    done: asyncio.Future[Result]
    wanted: Callable[[], bool]
    request_id: str
    invoked_as: str  # the ARN that named the function
    queued: float = field(default_factory=time.monotonic)
    started: float = 0.0
    started_ms: int = 0
    timeout: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Worker:
    """One process, and what it is doing. `asking` is its open request for work. `since` is when it
    began what it does now: start, work, or neither."""

    pool: Pool
    token: str
    log_stream: str
    output: Output
    directory: Path
    since: float
    process: Process | None = None  # None until it has started
    access_key_id: str = ""  # of the credentials that it was given
    usage: psutil.Process | None = None  # the same process, for its memory
    asking: asyncio.Future[Response] | None = None
    current: Invocation | None = None
    init_seconds: float | None = None
    cold: bool = True
    init_error: bytes | None = None

    @property
    def state(self) -> str:
        if self.init_seconds is None:
            return "starting"
        if self.current is not None:
            return "busy"
        return "idle" if self.asking is not None else "coming"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def takes_work(self) -> bool:
        """Whether it asks for work. A stopped worker would only let the work time out."""
        stopped = isinstance(self.process, Forked) and self.process.is_stopped
        return self.asking is not None and not stopped

    def is_coming(self, now: float) -> bool:
        """Whether it is starting, or between its last answer and its next request."""
        if self.state == "coming":
            return now - self.since < _COMING_SECONDS
        return self.state == "starting"

    def begin(self, invocation: Invocation) -> None:
        """Begin an invocation."""
        self.current = invocation
        invocation.started = self.since = self.pool.last_progress = time.monotonic()
        invocation.started_ms = int(clock.now_ms())

    def describe(self) -> dict[str, Any]:
        """Its process, what it does and for how long (in seconds), and its invocation, if any."""
        now = time.monotonic()
        found: dict[str, Any] = {
            "pid": self.pid,
            "state": self.state,
            "seconds": round(now - self.since, 3),
        }
        if self.current is not None:
            found["request_id"] = self.current.request_id
        return found


def finish_with(invocation: Invocation, payload: bytes, error: str | None) -> Result:
    """Give an invocation its result."""
    result = Result(payload, error, invocation.request_id)
    if not invocation.done.done():
        invocation.done.set_result(result)
    return result
