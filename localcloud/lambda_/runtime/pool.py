"""The workers of one function, at one version of its code and configuration."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any

from moto.awslambda.models import LambdaFunction

from localcloud.deliver import ThrottledError
from localcloud.lambda_.runtime.packages import Package
from localcloud.lambda_.runtime.worker_handle import Invocation, Worker

# How long a worker may be idle, in real time: one of several of its function, and the last one,
# which saves the next order a cold start.
_SPARE_SECONDS, _WARM_SECONDS = 60.0, 300.0
_SLOW_SECONDS = 1.0
_SPOILED = 3  # times in a row that a package or fork server may go away while a worker starts


class Pool:
    """The workers of one function at one version of its code and configuration."""

    def __init__(self, function: LambdaFunction, fingerprint: str, package: Package) -> None:
        self.function = function
        self.fingerprint = fingerprint
        self.package = package
        self.workers: list[Worker] = []
        self.waiting: deque[Invocation] = deque()
        self.last_progress = time.monotonic()
        self.is_unpacking = False
        self.spoiled = 0  # failed starts in a row that were not the function's fault
        self.failures = 0  # failed starts of a worker, in a row
        self.retry_at = 0.0  # before that, no worker is started
        self.retired = False
        self.finished = 0
        self.failed = 0

    def next_wanted(self) -> Invocation | None:
        """The next invocation that someone waits for, and still wants."""
        while self.waiting:
            invocation = self.waiting.popleft()
            if invocation.done.done():
                continue
            if invocation.wanted():
                return invocation
            invocation.done.set_exception(ThrottledError())
        return None

    def idle_limit(self) -> float:
        """For how many seconds one of its workers may be idle."""
        return _SPARE_SECONDS if len(self.workers) > 1 else _WARM_SECONDS

    def starts_slowly(self) -> bool:
        """Whether there was no progress for a while, which justifies one more worker."""
        return time.monotonic() - self.last_progress > _SLOW_SECONDS

    def describe(self) -> dict[str, Any]:
        """What its workers do, what is under way and what waits; times in seconds."""
        now = time.monotonic()
        waits = [now - each.queued for each in self.waiting if not each.done.done()]
        in_hand = [worker.current for worker in self.workers if worker.current is not None]
        return {
            "function": self.function.function_name,
            "arn": self.function.function_arn,
            "workers": [worker.describe() for worker in self.workers],
            "under_way": [
                {"request_id": each.request_id, "seconds": round(now - each.started, 3)}
                for each in in_hand
            ],
            "invocations": self.finished,
            "errors": self.failed,
            "waiting": len(waits),
            "longest_wait_seconds": round(max(waits, default=0.0), 3),
            "failures_to_start": self.failures,
        }

    def is_spoiled(self, worker: Worker) -> bool:
        """Whether a worker could not start because its package or fork server went away. That is
        not the function's fault, unless it happens each time."""
        is_lost = worker.process is not None and worker.process.is_lost
        if self.spoiled >= _SPOILED or not (is_lost or not self.package.is_whole()):
            return False
        self.spoiled += 1
        return True


def fingerprint_of(function: LambdaFunction) -> str:
    """Everything that a running worker took from its function."""
    return json.dumps(
        [
            function.code_sha_256,
            function.handler,
            function.role,
            function.timeout,
            function.memory_size,
            function.environment_vars,
            function.run_time,
            function.logging_config,
        ],
        sort_keys=True,
    )
