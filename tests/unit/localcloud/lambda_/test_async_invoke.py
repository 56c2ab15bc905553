"""An asynchronous invocation is tried again, or its loss is recorded."""

from __future__ import annotations

import asyncio
import errno
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.awslambda.models import LambdaFunction

from localcloud import clock, losses
from localcloud.lambda_ import functions
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result


async def handled(events: AsyncInvocations) -> None:
    """Wait until no event waits or is under way."""
    async with asyncio.timeout(20):
        while events.describe():
            await asyncio.sleep(0)


@pytest.mark.place("destination")
def test_an_event_that_cannot_be_reported_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Works:
        async def invoke(self, *_: Any, **__: Any) -> Result:
            return Result(b"null", "Unhandled")

    function = SimpleNamespace(  # its role is none, and its dead-letter queue is of another form
        function_arn="arn",
        function_name="f",
        event_invoke_config=[],
        reserved_concurrency=None,
        dead_letter_config={"TargetArn": 7},
    )
    monkeypatch.setattr(functions, "find", lambda *_: function)

    async def run() -> None:
        events = AsyncInvocations(cast(Runtime, Works()), retry_delay=0.01)
        events.add(cast(LambdaFunction, function), b"{}")
        await handled(events)

    losses.clear()
    asyncio.run(run())
    assert losses.describe()["counts"] == {"destination": 1}


@pytest.mark.parity(
    "An event that Lambda itself could not run is tried again for as long as it may be old",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
@pytest.mark.place("event in a broken cloud")
def test_an_event_survives_a_cloud_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "speed", clock.MAX_SPEED)
    calls: list[str] = []

    class Broken:
        async def invoke(self, *_: Any, **__: Any) -> Result:
            calls.append("")
            if len(calls) < 4:
                raise OSError(errno.EMFILE, "Too many open files")
            return Result(b"null")

    function = SimpleNamespace(
        function_arn="arn", function_name="f", event_invoke_config=[], reserved_concurrency=None
    )
    monkeypatch.setattr(functions, "find", lambda *_: function)

    async def run() -> None:
        events = AsyncInvocations(cast(Runtime, Broken()), retry_delay=0.01)
        events.add(cast(LambdaFunction, function), b"{}")
        await handled(events)

    losses.clear()
    asyncio.run(run())
    assert (len(calls), losses.describe()["total"]) == (4, 0)
