"""The clock of the cloud: what time it is, and how long AWS's waits take here.

Visibility timeouts, delays, batching windows, retries and long polls take as long as on AWS, unless
you are in a hurry: at a speed of 60, a wait of a minute takes a second. The speed does not change
the time-outs of functions and integrations, as they are limits on real work, not waits.

Always call this module by its name (`clock.now_ms()`), so that a test can replace the source of
time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

MIN_SPEED, MAX_SPEED = 1.0, 1000.0

speed = 1.0  # how many times as fast the waits pass that begin from now on


def now_ms() -> float:
    """The current time, in epoch milliseconds. It is never scaled."""
    return time.time() * 1000


def now() -> datetime:
    """The current time in UTC, without a time zone, like moto's times."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC).replace(tzinfo=None)


def timestamp() -> str:
    """The current time as AWS writes it: 2026-07-01T12:00:00.000Z."""
    present = datetime.fromtimestamp(now_ms() / 1000, UTC)
    return present.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(wait: float) -> float:
    """How many seconds a wait takes here that takes `wait` seconds on AWS."""
    return wait / speed


def after_ms(wait: float) -> float:
    """The end, in epoch milliseconds, of a wait that begins now and takes `wait` seconds on AWS."""
    return now_ms() + seconds(wait) * 1000
