"""Background tasks that do not vanish and do not fail in silence, and some that never end.

A task that works forever (a poller, the runtime's look at its workers) is supervised: if it ends
all the same, it starts again. The price is that a task that fails at once fails once a second, and
says so in the log each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0  # of this machine's, before a task that ended starts again

# How often supervised tasks started again since this process began, by their names.
restarted: Counter[str] = Counter()


class Tasks:
    """Keeps tasks alive until they are done (the event loop itself holds them weakly) and
    logs what goes wrong in them at once."""

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
        """Run `work` until the returned task is cancelled: when it ends or raises, that is
        logged and counted under its name, and it is begun again after a pause."""
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
            logger.error("%s ended, and begins again", name)
        except Exception:
            logger.exception("%s failed, and begins again", name)
        restarted[name] += 1
        await asyncio.sleep(_PAUSE_SECONDS)
