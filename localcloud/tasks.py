"""Background tasks that neither vanish nor fail silently, and some that never end.

A task that works forever (a poller, the runtime's check of its workers) is supervised: if it ends
all the same, it starts again. The price: what always fails at once fails once a second, with a
line in the log each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0  # real time, before a task that ended starts again

# How often supervised tasks started again in this process, by their names.
restarted: Counter[str] = Counter()


class Tasks:
    """Keeps tasks alive until they are done (the event loop holds them only weakly), and logs at
    once what goes wrong in them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def supervise(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> asyncio.Task[None]:
        """Run `work` until the returned task is cancelled. When it ends or raises, log and count
        that under its name, and start it again after a pause."""
        return self.start(_for_ever(name, work))

    def cancel(self) -> None:
        """Cancel everything that is under way."""
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A task of the local cloud failed", exc_info=error)


async def _for_ever(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await work()
            logger.error("%s ended, and starts again", name)
        except Exception:
            logger.exception("%s failed, and starts again", name)
        restarted[name] += 1
        await asyncio.sleep(_PAUSE_SECONDS)
