"""Asynchronous invocations: Lambda's own queue in front of a function.

Whoever invokes this way (SNS, or `Invoke` with the type Event) is answered at once. A
failing event is tried twice more and then goes to the function's dead-letter queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import asyncio
import json
import logging

from moto.awslambda.models import LambdaFunction

from localcloud.permissions import role_allows
from localcloud.runtime import Result, Runtime
from localcloud.state import State
from localcloud.tasks import Tasks

logger = logging.getLogger(__name__)
_ATTEMPTS = 3  # the first and two retries


class AsyncInvocations:
    """Invokes later. `retry_delay` is the wait before the first retry, in seconds (a
    minute on AWS); the second waits twice as long."""

    def __init__(self, state: State, runtime: Runtime, *, retry_delay: float = 1.0) -> None:
        self._state = state
        self._runtime = runtime
        self._retry_delay = retry_delay
        self._tasks = Tasks()

    def add(self, function: LambdaFunction, payload: bytes) -> None:
        """Take an event, as JSON bytes, and return at once."""
        self._tasks.start(self._invoke(function.function_arn, payload))

    def clear(self) -> None:
        """Give up everything that waits or is under way."""
        self._tasks.cancel()

    async def _invoke(self, function_arn: str, payload: bytes) -> None:
        result = Result(b"")
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._retry_delay * attempt)
            function = self._state.function(function_arn, "")
            if function is None:  # deleted in the meantime, and its events with it
                return
            result = await self._runtime.invoke(function, payload)
            if result.error is None:
                return
        self._dead_letter(function, payload, result)

    def _dead_letter(self, function: LambdaFunction, payload: bytes, result: Result) -> None:
        name = function.function_name
        target = (getattr(function, "dead_letter_config", None) or {}).get("TargetArn")
        if not target:
            logger.warning("%s failed for good and has no dead-letter queue: event lost", name)
            return
        if not role_allows(function.role, "sqs:SendMessage", target):
            logger.error("%s's role may not send to %s: event lost", name, target)
            return
        attributes = {
            "RequestID": result.request_id,
            "ErrorCode": "200",
            "ErrorMessage": _error_message(result)[:1024],
        }
        if not self._state.send(target, payload.decode(), attributes):
            logger.error("%s's dead-letter queue %s is gone", name, target)


def _error_message(result: Result) -> str:
    try:
        return str(json.loads(result.payload)["errorMessage"]) or "Unhandled"
    except (ValueError, KeyError, TypeError):
        return "Unhandled"
