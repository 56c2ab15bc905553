"""The moment that a change takes: a function is made or updated, a mapping begins or ends.

On AWS that takes seconds, and what needs the thing as it will be is refused meanwhile. Here it is
just long enough to refuse the next call of a script that forgets the waiter. A call that only looks
waits for the end: a waiter that finds a thing unfinished would look again a second later. If the
changes take longer (`--change-delay`), it is told the state as it is.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from localcloud import clock, like_aws

MOMENT = 0.03  # seconds
_WAITED_FOR = 0.2  # seconds, for which a call that only looks waits
_LOOKS = (
    "GetEventSourceMapping",
    "GetFunction",
    "GetFunctionConfiguration",
    "ListEventSourceMappings",
    "ListFunctions",
)
_BEGINNINGS = ("Creating", "Enabling")
change_delay = MOMENT  # how long a change takes here
_last_end_ms = 0.0  # of all changes


@dataclass(frozen=True)
class Change:
    """A change that is under way until `end_ms` (epoch milliseconds), and AWS's name for it."""

    state: str
    end_ms: float

    @property
    def is_over(self) -> bool:
        return clock.now_ms() >= self.end_ms


def begin(state: str) -> Change:
    """Begin a change."""
    global _last_end_ms
    made = Change(state, clock.after_ms(change_delay))
    _last_end_ms = max(_last_end_ms, made.end_ms)
    return made


def now(change: Change | None) -> str | None:
    """The state of a thing during its last change; None if that is over."""
    return None if change is None or change.is_over else change.state


async def wait_to_begin(change: Change | None) -> None:
    """Wait until a mapping polls that is just made or switched on, which on AWS takes seconds."""
    if like_aws.is_on and change is not None and change.state in _BEGINNINGS:
        await asyncio.sleep(max(0.0, change.end_ms - clock.now_ms()) / 1000)


async def wait_to_look(operation: str) -> None:
    """Wait for the end of all changes, if a call only looks and the end is near."""
    if operation not in _LOOKS or like_aws.is_on:
        return
    while 0 < (left := (_last_end_ms - clock.now_ms()) / 1000) < _WAITED_FOR:
        await asyncio.sleep(left)
