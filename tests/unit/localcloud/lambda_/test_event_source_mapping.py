"""A trigger says what it does, and its poller begins again when it fails."""

from __future__ import annotations

import asyncio
import errno
import json
from typing import Any

import pytest

from localcloud import deliver, tasks
from localcloud.lambda_ import event_source_mapping as event_sources
from localcloud.lambda_ import functions
from localcloud.lambda_.event_source_mapping import EventSourceMappings
from localcloud.lambda_.runtime.worker_handle import Result
from localcloud.sqs.message import QueuedMessage
from localcloud.sqs.queue import IndexedQueue
from tests.support.functions import a_function


class OneMapping:
    """One mapping between a queue and a function, which waits in `invoke`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.arn = "arn:aws:sqs:us-east-1:123456789012:q"
        self.queue_found = IndexedQueue("q", region="us-east-1", account_id="123456789012")
        self.mapping = event_sources.EventSourceMapping(
            {
                "EventSourceArn": self.arn,
                "FunctionName": "f",
                "FunctionArn": a_function("f").function_arn,
                "RegionName": "us-east-1",
                "AccountId": "123456789012",
            }
        )
        self.invocations: list[asyncio.Future[Result]] = []
        patch.setattr(functions, "mappings", lambda: [self.mapping])
        patch.setattr(functions, "find", lambda *_: a_function("f"))
        patch.setattr(deliver, "find", lambda _: self.queue_found)
        patch.setattr(deliver, "role_allows", lambda *_: True)

    async def invoke(self, *_: Any, **__: Any) -> Result:
        self.invocations.append(asyncio.get_running_loop().create_future())
        return await self.invocations[-1]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.queue_found.add_message(_message(body))


def _message(body: str) -> Any:
    made = QueuedMessage(body, body)
    made.mark_sent()
    return made


def test_a_trigger_says_what_waits_what_is_under_way_and_when_it_last_progressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def watch() -> None:
        state: Any = OneMapping(monkeypatch)
        sources = EventSourceMappings(state)
        state.send(*(f"tea {number}" for number in range(12)))
        (before,) = sources.describe()
        assert (before["waiting"], before["in_flight"], before["polls"]) == (12, 0, False)
        assert before["oldest_seconds"] >= 0 and before["last_progress_ms"] is None
        assert state.queue_found.approximate_number_of_messages == 12
        sources.reconcile()
        while len(state.invocations) < 2:
            await asyncio.sleep(0)
        (during,) = sources.describe()
        assert (during["waiting"], during["in_flight"], during["polls"]) == (0, 12, True)
        assert during["oldest_seconds"] is None
        assert during["under_way"] == 2 and during["under_way_since_seconds"] >= 0
        for invocation in state.invocations:
            invocation.set_result(Result(b"null"))
        while sources.describe()[0]["under_way"]:
            await asyncio.sleep(0)
        (after,) = sources.describe()
        assert (after["in_flight"], after["last_result"]) == (0, "OK")
        assert after["last_progress_ms"] > 0
        json.dumps(sources.describe())
        sources.stop()

    asyncio.run(asyncio.wait_for(watch(), 30))


def test_a_poller_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.0)
    poll, failures = EventSourceMappings._poll, [OSError(errno.EMFILE, "files"), MemoryError()]

    async def fail_first(sources: EventSourceMappings, mapping: Any) -> None:
        if failures:
            raise failures.pop()
        await poll(sources, mapping)

    monkeypatch.setattr(EventSourceMappings, "_poll", fail_first)

    async def watch() -> None:
        state: Any = OneMapping(monkeypatch)
        sources = EventSourceMappings(state)
        sources.reconcile()
        state.send("tea")
        while not state.invocations:
            await asyncio.sleep(0)
        assert sources.describe()[0]["polls"]
        sources.stop()

    asyncio.run(asyncio.wait_for(watch(), 30))
