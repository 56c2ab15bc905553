"""A supervised task begins again whatever happens to it."""

from __future__ import annotations

import asyncio

import pytest

from localcloud import tasks
from localcloud.tasks import Tasks


def test_a_supervised_task_that_ends_or_raises_is_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.0)
    begun = []

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise ValueError("as a test asked for")
        if len(begun) == 3:
            await asyncio.sleep(60)

    async def watch() -> None:
        task = Tasks().supervise("a test's task", work)
        while len(begun) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(watch())
    assert tasks.restarted["a test's task"] == 2
    assert "a test's task failed" in caplog.text and "a test's task ended" in caplog.text
