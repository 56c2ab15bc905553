"""Event source mappings: polls SQS queues and invokes functions with what is there.

As on AWS, a batch is deleted when the function returns, except for the messages that it
reports as failed. Those, and the whole batch when the function raises or times out, are
simply left alone: they come back when their visibility timeout is over and move to the
dead-letter queue after `maxReceiveCount` receives.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.sqs.models import Message

from localcloud.permissions import role_allows
from localcloud.queues import IndexedQueue
from localcloud.runtime import Result, Runtime
from localcloud.state import State
from localcloud.tasks import Tasks

logger = logging.getLogger(__name__)
_DEFAULT_CONCURRENCY = 5  # AWS starts with five pollers a queue
_IDLE_SECONDS = 20.0


class EventSources:
    """Keeps one poller running for each mapping that is enabled."""

    def __init__(self, state: State, runtime: Runtime) -> None:
        self._state = state
        self._runtime = runtime
        # By the mapping and its concurrency: a change of that takes a new poller.
        self._pollers: dict[tuple[str, int], asyncio.Task[None]] = {}
        # Deliveries outlive their poller: what was received is finished even if the
        # mapping is deleted in the meantime.
        self._tasks = Tasks()

    def reconcile(self) -> None:
        """Start and stop pollers so that they match the mappings of the moment."""
        wanted = {
            (mapping.uuid, _concurrency(mapping)): mapping
            for mapping in self._state.event_source_mappings()
            if mapping.enabled
        }
        for key in self._pollers.keys() - wanted.keys():
            self._pollers.pop(key).cancel()
        for key, mapping in wanted.items():
            if key not in self._pollers or self._pollers[key].done():
                self._pollers[key] = self._tasks.start(self._poll(mapping))

    def stop(self) -> None:
        """Stop polling; deliveries under way are given up."""
        self._pollers.clear()
        self._tasks.cancel()

    async def _poll(self, mapping: EventSourceMapping) -> None:
        """Receive batches for ever, with at most the mapping's concurrency under way."""
        slots = asyncio.Semaphore(_concurrency(mapping))
        while True:
            await slots.acquire()
            queue = self._state.queue(mapping.event_source_arn)
            if queue is None:  # deleted; it may be made again
                slots.release()
                await asyncio.sleep(1)
                continue
            await queue.wait_for_message(_IDLE_SECONDS)
            if not self._may(mapping, "ReceiveMessage"):
                slots.release()
                await asyncio.sleep(1)  # it may be allowed again
                continue
            messages = await _collect(queue, mapping)
            if not messages:
                slots.release()
                await asyncio.sleep(0)
                continue
            delivery = self._tasks.start(self._deliver(mapping, queue, messages))
            delivery.add_done_callback(lambda _: slots.release())

    async def _deliver(
        self, mapping: EventSourceMapping, queue: IndexedQueue, messages: list[Message]
    ) -> None:
        function = self._state.function(mapping.function_arn, mapping.region)
        if function is None:
            logger.warning("%s triggers a function that is gone", queue.name)
            return
        records = [_record(queue, message) for message in messages]
        result = await self._runtime.invoke(function, json.dumps({"Records": records}).encode())
        if self._may(mapping, "DeleteMessage"):
            for message in _succeeded(mapping, messages, result):
                queue.delete_message(message.receipt_handle)

    def _may(self, mapping: EventSourceMapping, action: str) -> bool:
        """Whether the function's role allows this on the queue: Lambda polls in its name."""
        function = self._state.function(mapping.function_arn, mapping.region)
        return function is None or role_allows(
            function.role, f"sqs:{action}", mapping.event_source_arn
        )


def _concurrency(mapping: EventSourceMapping) -> int:
    return (mapping.scaling_config or {}).get("MaximumConcurrency") or _DEFAULT_CONCURRENCY


async def _collect(queue: IndexedQueue, mapping: EventSourceMapping) -> list[Message]:
    """A batch: what is there at once, or what comes together within the batching window."""
    messages = _receive(queue, mapping.batch_size)
    deadline = asyncio.get_running_loop().time() + (mapping.max_batch_window or 0)
    try:
        while messages and len(messages) < mapping.batch_size:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await queue.wait_for_message(left)
            messages += _receive(queue, mapping.batch_size - len(messages))
    except asyncio.CancelledError:  # the mapping was switched off: give them back
        for message in messages:
            queue.give_back(message.receipt_handle)
        raise
    return messages


def _receive(queue: IndexedQueue, count: int) -> list[Message]:
    return queue.receive(count, queue.visibility_timeout)


def _record(queue: IndexedQueue, message: Message) -> dict[str, Any]:
    """One entry of the event, as documented for Lambda with Amazon SQS."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "binaryValue": _base64(value.get("BinaryValue")),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }


def _base64(value: bytes | str | None) -> str | None:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _succeeded(
    mapping: EventSourceMapping, messages: list[Message], result: Result
) -> list[Message]:
    """The messages to delete. A reply that cannot be read fails the whole batch, as on AWS."""
    if result.error is not None:
        return []
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return messages
    try:
        reply = json.loads(result.payload)
        failures = (reply or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, AttributeError, TypeError, KeyError):
        return []
    if not failed <= {message.id for message in messages}:
        return []
    return [message for message in messages if message.id not in failed]
