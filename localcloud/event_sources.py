"""Event source mappings: polls SQS queues and invokes functions with what is there.

As on AWS, a batch is deleted when the function returns, except for the messages that it
reports as failed. Those, and the whole batch when the function raises or times out, are
simply left alone: they come back when their visibility timeout is over and move to the
dead-letter queue after `maxReceiveCount` receives.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.sqs.models import Message

from localcloud.queues import IndexedQueue
from localcloud.runtime import Result, Runtime
from localcloud.state import State

logger = logging.getLogger(__name__)
_DEFAULT_CONCURRENCY = 5  # AWS starts with five pollers a queue
_IDLE_SECONDS = 20.0


class EventSources:
    """Keeps one poller running for each mapping that is enabled."""

    def __init__(self, state: State, runtime: Runtime) -> None:
        self._state = state
        self._runtime = runtime
        self._pollers: dict[str, asyncio.Task[None]] = {}

    def reconcile(self) -> None:
        """Start and stop pollers so that they match the mappings of the moment."""
        wanted = {m.uuid: m for m in self._state.event_source_mappings() if m.enabled}
        for uuid in self._pollers.keys() - wanted.keys():
            self._pollers.pop(uuid).cancel()
        for uuid, mapping in wanted.items():
            if uuid not in self._pollers or self._pollers[uuid].done():
                self._pollers[uuid] = asyncio.create_task(self._poll(mapping))

    def stop(self) -> None:
        for poller in self._pollers.values():
            poller.cancel()
        self._pollers.clear()

    async def _poll(self, mapping: EventSourceMapping) -> None:
        """Receive batches for ever, with at most the mapping's concurrency under way."""
        concurrency = (mapping.scaling_config or {}).get("MaximumConcurrency")
        slots = asyncio.Semaphore(concurrency or _DEFAULT_CONCURRENCY)
        # Deliveries outlive the poller: what was received is finished even if the
        # mapping is deleted in the meantime.
        deliveries: set[asyncio.Task[None]] = set()
        while True:
            await slots.acquire()
            queue = self._state.queue(mapping.event_source_arn)
            if queue is None:  # deleted; it may be made again
                slots.release()
                await asyncio.sleep(1)
                continue
            messages = await _collect(queue, mapping)
            if not messages:
                slots.release()
                continue
            delivery = asyncio.create_task(self._deliver(mapping, queue, messages))
            deliveries.add(delivery)
            delivery.add_done_callback(deliveries.discard)
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
        for message in _succeeded(mapping, messages, result):
            queue.delete_message(message.receipt_handle)


async def _collect(queue: IndexedQueue, mapping: EventSourceMapping) -> list[Message]:
    """A batch: what is there at once, or what comes together within the batching window."""
    await queue.wait_for_message(_IDLE_SECONDS)
    messages = _receive(queue, mapping.batch_size)
    deadline = asyncio.get_running_loop().time() + (mapping.max_batch_window or 0)
    while messages and len(messages) < mapping.batch_size:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        await queue.wait_for_message(left)
        messages += _receive(queue, mapping.batch_size - len(messages))
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
                "binaryValue": value.get("BinaryValue"),
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
