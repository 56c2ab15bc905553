"""Turns for processes that work in one account at the same time, so that together they keep to its
rates.

What one process asks for too often, AWS refuses to all of them, and boto3 gives up after some
attempts. So each call first gets the time of its turn, from a file that the processes share under
a lock. A process that ends early has taken a turn in vain, which costs a moment and nothing else.

A call waits before it is signed: a signature is good for five minutes, and turns can be later.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from lab.aws.rates import RATES, names_for
from localcloud.host import private

VARIABLE = "LAB_TURNS"  # names the file; one process sets it for those that it starts


class Turns:
    """The turns in a file, which the first call makes."""

    def __init__(
        self,
        file: Path,
        *,
        clock: Callable[[], float] = time.time,  # every process has the same
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._file = file
        self._lock = file.with_suffix(".lock")
        self._clock = clock
        self._sleep = sleep

    def wait(self, service: str, operation: str) -> None:
        """Wait for the turn of a call at each rate that it counts for, its own kind's last: that is
        the slow one, and others need not wait behind it for the turns of the whole service."""
        for name in names_for(service, operation):
            if (seconds := self._take(name)) > 0:
                self._sleep(seconds)

    def _take(self, name: str) -> float:
        """Take the next turn at a rate; returns how many seconds from now it is.

        The file has the time at which all that was taken would be through, if it had come at the
        rate's pace. While that is less than a burst away, there is no wait.
        https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
        """
        rate, now = RATES[name], self._clock()
        with private.locked(self._lock):
            through: dict[str, float] = json.loads(self._text())
            start = max(through.get(name, now), now)
            through[name] = start + rate.seconds
            private.write(self._file, json.dumps(through))
        return start - now - (rate.burst - 1) * rate.seconds

    def _text(self) -> str:
        return self._file.read_text("utf-8") if self._file.exists() else "{}"


def keep(aws: boto3.Session) -> None:
    """Let the clients that this session makes from now on wait for their turns, if the process was
    started to share them."""
    if file := os.environ.get(VARIABLE):
        turns = Turns(Path(file))

        def wait(event_name: str, **_: Any) -> None:
            turns.wait(*event_name.split(".")[1:])

        # For each attempt, and before botocore's own hook signs it.
        aws.events.register_first("request-created.*.*", wait, unique_id="lab-turns")
