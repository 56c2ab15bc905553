"""A time limit on one piece of work on the event loop, as everybody waits for it.

The alarm of the operating system ends it. That also ends a search with a regular expression, in
which Python does not come back to the loop by itself. What counts is the processor's time, so a
busy machine ends nothing. Windows has no such alarm, and so no limit.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds of work. For the main thread only, and
    for work that may end anywhere: what changes something would be left half done."""
    if sys.platform == "win32":
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError(f"it took longer than {seconds:g} s")

    handler = signal.signal(signal.SIGVTALRM, stop)
    # Again and again, as an error in a callback of the garbage collector ends nothing.
    timer = signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, *timer)
        signal.signal(signal.SIGVTALRM, handler)
