"""Asynchronous invocations: Lambda's own queue in front of a function.

Anyone who invokes this way (SNS, or `Invoke` with the type Event) gets an answer at once. A failing
event is tried twice more. A throttled one waits, longer each time, until it is too old; so does one
that the cloud itself could not run. The outcome goes to the function's destination, and an event
that failed for good also to its dead-letter queue. Events of a deleted function go with it. That is
recorded, and so is every event that goes nowhere.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import LambdaFunction

from localcloud import arn as arns
from localcloud import clock, losses
from localcloud.deliver import Role, ThrottledError, deliver
from localcloud.lambda_ import functions, names
from localcloud.lambda_.event_invoke_config import config_of
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result, new_request_id
from localcloud.tasks import Tasks

logger = logging.getLogger(__name__)
_LONGEST_PAUSE = 300.0  # seconds between two attempts of a throttled event
# How an event ends, in the words of the invocation record.
_SUCCESS, _EXHAUSTED, _TOO_OLD = "Success", "RetriesExhausted", "EventAgeExceeded"
_NEVER = "ZeroReservedConcurrency"


@dataclass(eq=False)
class Event:
    """An event on its way. It is tried again at `due_ms`, and too old after `deadline_ms`; both are
    in epoch milliseconds."""

    function_arn: str
    payload: bytes
    deadline_ms: float
    request_id: str
    invocations: int = 0
    throttles: int = 0
    due_ms: float | None = None  # None while it is under way
    result: Result | None = None  # of the last invocation

    def next_pause(self) -> float:
        """How many seconds it waits after it could not be run: longer each time."""
        self.throttles += 1
        return clock.seconds(min(2.0 ** min(self.throttles - 1, 10), _LONGEST_PAUSE))

    def describe(self) -> dict[str, Any]:
        """Which function it is for, how often it was tried, and when it is tried again."""
        wait = None if self.due_ms is None else max(0.0, self.due_ms - clock.now_ms()) / 1000
        return {
            "function_arn": self.function_arn,
            "request_id": self.request_id,
            "state": "under way" if wait is None else "waiting",
            "invocations": self.invocations,
            "throttles": self.throttles,
            "due_in_seconds": None if wait is None else round(wait, 3),
        }


class AsyncInvocations:
    """Invokes later. `retry_delay` is the wait before the first retry, in seconds (a
    minute on AWS); the second waits twice as long."""

    def __init__(self, runtime: Runtime, *, retry_delay: float) -> None:
        self._runtime = runtime
        self._retry_delay = retry_delay
        self._tasks = Tasks()
        self.events: dict[str, Event] = {}  # by request id, until they have ended

    def add(self, function: LambdaFunction, payload: bytes, invoked_as: str = "") -> str:
        """Take an event, as JSON bytes, for the function that the ARN `invoked_as` names. Returns
        its request id at once."""
        arn = invoked_as or function.function_arn
        deadline_ms = clock.after_ms(config_of(function, arn).max_age)
        event = Event(arn, payload, deadline_ms, new_request_id())
        self._begin(event)
        return event.request_id

    def _begin(self, event: Event) -> None:
        self.events[event.request_id] = event
        self._tasks.start(self._see_through(event))

    def saved(self) -> list[Event]:
        """The events that wait or are under way, for a checkpoint."""
        return list(self.events.values())

    def restore(self, saved: list[Event]) -> None:
        """Have exactly those events, and try each now."""
        self.events.clear()
        for event in saved:
            self._begin(event)

    def describe(self) -> list[dict[str, Any]]:
        """The events that wait for their function or are under way, the oldest first."""
        return [event.describe() for event in self.events.values()]

    def clear(self) -> None:
        """Give up everything that waits or is under way."""
        self._tasks.cancel()
        self.events.clear()

    async def _see_through(self, event: Event) -> None:
        try:
            await self._handle(event)
        finally:
            if self.events.get(event.request_id) is event:  # not one that was restored
                del self.events[event.request_id]

    async def _handle(self, event: Event) -> None:
        while (function := functions.find(event.function_arn, "")) is not None:
            outcome = await self._attempt(function, event)
            if isinstance(outcome, float):
                due_ms = clock.now_ms() + outcome * 1000
                if due_ms < event.deadline_ms:
                    event.due_ms = due_ms
                    await asyncio.sleep(outcome)
                    event.due_ms = None
                    continue
                outcome = _TOO_OLD
            try:
                self._report(function, event, outcome)
            except Exception as error:  # it was the last chance
                losses.record("destination", function.function_name, f"{outcome}: {error!r}")
            return
        losses.record("event of a deleted function", event.function_arn, "it is deleted")

    async def _attempt(self, function: LambdaFunction, event: Event) -> str | float:
        """Try the event once. Returns how it ended, or the seconds until the next try."""
        try:
            event.result = await self._runtime.invoke(
                function,
                event.payload,
                request_id=event.request_id,
                invoked_as=event.function_arn,
            )
        except ThrottledError:
            # With zero concurrency AWS does not even wait.
            if not int(function.reserved_concurrency or 0):
                return _NEVER
            return event.next_pause()
        except Exception:  # no memory, no files: the cloud's fault, which may pass
            logger.exception("An event of %s could not be run", function.function_name)
            return event.next_pause()
        event.invocations += 1
        if event.result.error is None:
            return _SUCCESS
        if event.invocations > config_of(function, event.function_arn).retries:
            return _EXHAUSTED
        return clock.seconds(self._retry_delay * event.invocations)

    def _report(self, function: LambdaFunction, event: Event, condition: str) -> None:
        config = config_of(function, event.function_arn)
        if condition == _SUCCESS:
            if config.on_success:
                self._send(function, config.on_success, _record(function, event, condition))
            return
        dead_letters = (getattr(function, "dead_letter_config", None) or {}).get("TargetArn")
        if config.on_failure:
            self._send(function, config.on_failure, _record(function, event, condition))
        if dead_letters:
            text = event.payload.decode()
            self._send(function, dead_letters, text, _error_attributes(event, condition))
        if not config.on_failure and not dead_letters:
            why = f"{condition}; the function has no dead-letter queue"
            losses.record("event without a dead-letter queue", function.function_name, why)

    def _send(
        self,
        function: LambdaFunction,
        target: str,
        text: str,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Send to a queue, topic or function, with the function's role."""
        try:
            problem = deliver(target, text, Role(function.role), attributes)
        except Exception as error:  # it was the last chance
            problem = f"the local cloud failed ({error!r})"
        if problem:
            losses.record("destination", function.function_name, f"{target}: {problem}")


def dead_letter_target(function: LambdaFunction) -> str | None:
    """Where events go that the function failed with: an ARN, or None if they are lost."""
    configured = (getattr(function, "dead_letter_config", None) or {}).get("TargetArn")
    return config_of(function, function.function_arn).on_failure or configured


def _record(function: LambdaFunction, event: Event, condition: str) -> str:
    """The invocation record. An event that was never invoked has no response."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": clock.timestamp(),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": _with_qualifier(event.function_arn),
                "condition": condition,
                "approximateInvokeCount": event.invocations,
            },
            "requestPayload": json.loads(event.payload),
            **(_response(function, event.result) if event.result else {}),
        }
    )


def _response(function: LambdaFunction, result: Result) -> dict[str, Any]:
    error = {} if result.error is None else {"functionError": result.error}
    context = {"statusCode": 200, "executedVersion": str(function.version), **error}
    return {"responseContext": context, "responsePayload": _parsed(result.payload)}


def _with_qualifier(arn: str) -> str:
    """A function's ARN with the qualifier that it has, or the one that is meant."""
    return arn if ":" in arns.parse(arn).resource.partition(":")[2] else f"{arn}:{names.LATEST}"


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def _error_attributes(event: Event, condition: str) -> dict[str, dict[str, str]]:
    """The attributes of a dead letter that say why, as AWS documents: the status of the last
    attempt, and the start of the error message."""
    code: int | None = 429
    message = ThrottledError.message
    if condition == _NEVER:
        code = None
        message = "Function not invoked: it has zero reserved concurrent executions."
    elif event.result is not None:
        code, message = 200, _error_message(event.result)
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:1024]},
    }
    if code is not None:
        attributes["ErrorCode"] = {"DataType": "Number", "StringValue": str(code)}
    return attributes


def _error_message(result: Result) -> str:
    try:
        return str(json.loads(result.payload)["errorMessage"]) or "Unhandled"
    except (ValueError, KeyError, TypeError):
        return "Unhandled"
