"""The clock of the cloud: what time it is, and how long AWS's waits take here.

Visibility timeouts, delays, batching windows, retries and long polls wait as long as on AWS
unless somebody is in a hurry: at a speed of 60, a wait of a minute takes a second. The time-outs
of functions and integrations are not waits but limits on real work, so they stay as they are, and
so does the time that workers take, which is this machine's own.

Call it by the module's name (`clock.now_ms()`), so that a test can put another clock in its place.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

MIN_SPEED, MAX_SPEED = 1.0, 1000.0

speed = 1.0  # how many times as fast waits pass that begin from now on


def now_ms() -> float:
    """The present, in epoch milliseconds. It is never scaled."""
    return time.time() * 1000


def now() -> datetime:
    """The present in UTC, without a time zone, as moto's times are."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC).replace(tzinfo=None)


def timestamp() -> str:
    """The present as AWS writes it: 2026-07-01T12:00:00.000Z."""
    present = datetime.fromtimestamp(now_ms() / 1000, UTC)
    return present.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(wait: float) -> float:
    """How many seconds a wait takes here that takes `wait` seconds on AWS."""
    return wait / speed


def after_ms(wait: float) -> float:
    """When a wait ends that begins now and takes `wait` seconds on AWS, in epoch milliseconds."""
    return now_ms() + seconds(wait) * 1000
