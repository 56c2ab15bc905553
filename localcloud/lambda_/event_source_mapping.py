"""Event source mappings: polls SQS queues and invokes functions with what is there.

As on AWS, a batch is deleted when the function returns, except for the messages that it reports as
failed. Those are left alone, and so is the whole batch when the function raises or times out: they
come back when their visibility timeout is over, and move to the dead-letter queue after
`maxReceiveCount` receives. A poller is supervised, so it never stops by itself. A batch that has
ended always makes room for the next one.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import moto.awslambda.models as moto_lambda
from moto.sqs.exceptions import ReceiptHandleIsInvalid

from localcloud import arn as arns
from localcloud import clock, deliver
from localcloud.deliver import ThrottledError
from localcloud.lambda_ import filter_criteria, functions, states
from localcloud.lambda_.functions import LambdaFunction
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result
from localcloud.lambda_.states import Change
from localcloud.tasks import Tasks
from localcloud.upstream import replaces

if TYPE_CHECKING:
    from localcloud.sqs.message import QueuedMessage
    from localcloud.sqs.queue import IndexedQueue

logger = logging.getLogger(__name__)
_DEFAULT_CONCURRENCY = 5  # AWS starts with five pollers a queue
_FAILED = "PROBLEM: Function call failed"
_DENIED = "PROBLEM: AccessDenied: the function's role does not have permissions to call {} on SQS"
_IDLE_SECONDS = 20.0
_PAUSE_SECONDS = 1.0  # after something went wrong
_MAX_PAYLOAD = 6 * 1024 * 1024


@dataclass
class Batch:
    """The messages of one invocation, which is under way since `started_ms`."""

    messages: list[QueuedMessage]
    started_ms: float


@replaces(moto_lambda)
class EventSourceMapping(moto_lambda.EventSourceMapping):
    """moto's mapping, plus what moto lacks: the batches under way, how the last one went, and that
    a change takes a moment."""

    change: Change | None = None

    def __init__(self, spec: dict[str, Any]) -> None:
        self.processing_result = "No records processed"
        self.under_way: dict[asyncio.Task[None], Batch] = {}
        self.last_progress_ms: int | None = None  # when its last invocation ended
        super().__init__(spec)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets: everything but the batches under way."""
        return {**vars(self), "under_way": {}}

    def leave(self, backend: moto_lambda.LambdaBackend) -> None:
        """Stay in the listings, and poll no more, while it is being deleted."""
        self.enabled = False
        backend._event_source_mappings[self.uuid] = self

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted, and that is over."""
        change = self.change
        return change is not None and change.state == "Deleting" and change.is_over

    def ended(self, delivery: asyncio.Task[None]) -> None:
        """Make room for the next batch, however this one ended."""
        self.under_way.pop(delivery, None)

    def get_configuration(self) -> dict[str, Any]:
        found = {
            **super().get_configuration(),
            "FunctionResponseTypes": self.function_response_types or [],
            "MaximumBatchingWindowInSeconds": self.max_batch_window or 0,
            "StateTransitionReason": "USER_INITIATED",
            "FilterCriteria": self.filter_criteria or None,
        }
        if self.under_way and not self.enabled:
            found["State"] = "Disabling"
        found["State"] = states.now(self.change) or found["State"]
        return {name: value for name, value in found.items() if value is not None}

    @property
    def concurrency(self) -> int:
        """How many batches may be under way at the same time."""
        return (self.scaling_config or {}).get("MaximumConcurrency") or _DEFAULT_CONCURRENCY


class EventSourceMappings:
    """Keeps one poller running for each mapping that is enabled."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # By mapping and concurrency: another concurrency needs a new poller.
        self._pollers: dict[tuple[str, int], asyncio.Task[None]] = {}
        # Deliveries outlive their poller: a received batch is finished even if the mapping is
        # deleted in the meantime.
        self._tasks = Tasks()

    def reconcile(self) -> None:
        """Start and stop pollers so that they match the current mappings."""
        wanted = {
            (mapping.uuid, mapping.concurrency): mapping
            for mapping in functions.mappings()
            if mapping.enabled
        }
        for key in self._pollers.keys() - wanted.keys():
            self._pollers.pop(key).cancel()
        for key, mapping in wanted.items():
            if key not in self._pollers or self._pollers[key].done():
                name = f"The poller of {mapping.event_source_arn}"
                self._pollers[key] = self._tasks.supervise(name, partial(self._poll, mapping))

    def describe(self) -> list[dict[str, Any]]:
        """The state of each mapping: what waits and for how long, what is under way and since when,
        and its last progress. Ages are in seconds, times in epoch milliseconds. Changes nothing.
        The cost does not grow with what waits."""
        return [self._described(mapping) for mapping in functions.mappings()]

    def is_idle(self) -> bool:
        """Whether no batch is under way and the polled queues are empty."""
        return not any(_is_at_work(mapping) for mapping in functions.mappings())

    def stop(self) -> None:
        """Stop polling, and give up deliveries under way."""
        self._pollers.clear()
        self._tasks.cancel()

    def _described(self, mapping: EventSourceMapping) -> dict[str, Any]:
        queue = _queue_of(mapping)
        oldest = queue.longest_wait_ms() if queue else None
        batches, now = list(mapping.under_way.values()), clock.now_ms()
        since = min((batch.started_ms for batch in batches), default=None)
        return {
            "uuid": mapping.uuid,
            "function": arns.parse(mapping.function_arn).name,
            "queue": mapping.event_source_arn,
            "queue_exists": queue is not None,
            "enabled": mapping.enabled,
            "polls": self._polls(mapping),
            "waiting": queue.approximate_number_of_messages if queue else 0,
            "in_flight": queue.approximate_number_of_messages_not_visible if queue else 0,
            "oldest_seconds": None if oldest is None else round(oldest / 1000, 3),
            "under_way": len(batches),
            "messages_under_way": sum(len(batch.messages) for batch in batches),
            "under_way_since_seconds": None if since is None else round((now - since) / 1000, 3),
            "last_progress_ms": mapping.last_progress_ms,
            "last_result": mapping.processing_result,
        }

    def _polls(self, mapping: EventSourceMapping) -> bool:
        poller = self._pollers.get((mapping.uuid, mapping.concurrency))
        return poller is not None and not poller.done()

    async def _poll(self, mapping: EventSourceMapping) -> None:
        """Poll forever, whatever goes wrong with a batch. No more batches are under way than the
        mapping's concurrency."""
        await states.wait_to_begin(mapping.change)
        while True:
            while len(mapping.under_way) >= mapping.concurrency:
                await asyncio.wait(mapping.under_way, return_when=asyncio.FIRST_COMPLETED)
            try:
                await self._deliver_next(mapping)
            except Exception:
                logger.exception("Polling %s failed", mapping.event_source_arn)
                await _pause()

    async def _deliver_next(self, mapping: EventSourceMapping) -> None:
        """Receive a batch and begin to deliver it, if there is one and the role may receive it."""
        queue = _queue_of(mapping)
        if queue is not None:
            await queue.wait_for_message(_IDLE_SECONDS)
        function = _function_of(mapping)
        if queue is None or not _may(function, mapping, "ReceiveMessage", "GetQueueAttributes"):
            await _pause()
            return
        messages = await _collect(queue, mapping)
        if not messages:
            await asyncio.sleep(0)
            return
        delivery = self._tasks.start(self._deliver(mapping, queue, messages))
        mapping.under_way[delivery] = Batch(messages, clock.now_ms())
        delivery.add_done_callback(mapping.ended)

    async def _deliver(
        self, mapping: EventSourceMapping, queue: IndexedQueue, messages: list[QueuedMessage]
    ) -> None:
        """Invoke the function. However that ends, messages that are not deleted come back."""
        function = _function_of(mapping)
        if function is None:
            return
        records = [_record(queue, message, mapping) for message in messages]
        event = json.dumps({"Records": records}).encode()
        try:
            # A message that became a dead letter while it waited must not be processed, too.
            result = await self._runtime.invoke(
                function,
                event,
                wanted=lambda: all(map(queue.has, messages)),
                invoked_as=mapping.function_arn,
            )
        except ThrottledError:
            # Keep the slot for a while: the next batch would only lose a receive, too.
            await _pause()
            return
        if _may(function, mapping, "DeleteMessage"):
            mapping.processing_result = "OK" if result.error is None else _FAILED
            mapping.last_progress_ms = int(clock.now_ms())
            for message in _succeeded(mapping, messages, result):
                with suppress(ReceiptHandleIsInvalid):  # purged in the meantime
                    queue.delete_message(message.receipt_handle)


def _is_at_work(mapping: EventSourceMapping) -> bool:
    queue = _queue_of(mapping) if mapping.enabled else None
    return bool(mapping.under_way or (queue and queue._messages))


def _function_of(mapping: EventSourceMapping) -> LambdaFunction | None:
    return functions.find(mapping.function_arn, mapping.region)


def _queue_of(mapping: EventSourceMapping) -> IndexedQueue | None:
    return deliver.find(mapping.event_source_arn)


async def _pause() -> None:
    """Wait before the next try, as something is missing or went wrong."""
    await asyncio.sleep(clock.seconds(_PAUSE_SECONDS))


def _may(function: LambdaFunction | None, mapping: EventSourceMapping, *actions: str) -> bool:
    """Whether the function's role may do this on the queue: Lambda polls with that role. If the
    function is gone there is no role, and the messages wait in the queue."""
    for action in actions:
        if function is None or deliver.Role(function.role).problem(
            f"sqs:{action}", mapping.event_source_arn
        ):
            mapping.processing_result = _DENIED.format(action)
            return False
    return True


async def _collect(queue: IndexedQueue, mapping: EventSourceMapping) -> list[QueuedMessage]:
    """A batch: what is there at once, or what arrives within the batching window. It is full when
    it reaches the batch size, or when the next message would not fit."""
    messages = await _receive(queue, mapping, [])
    loop = asyncio.get_running_loop()
    deadline = loop.time() + clock.seconds(mapping.max_batch_window or 0)
    try:
        while messages and len(messages) < mapping.batch_size:
            left = deadline - loop.time()
            if left <= 0:
                break
            await queue.wait_for_message(left)
            more = await _receive(queue, mapping, messages)
            if not more and (queue.closed or queue.first_visible() is not None):
                break
            messages += more
    except asyncio.CancelledError:  # the mapping was switched off: give them back
        for message in messages:
            with suppress(ReceiptHandleIsInvalid):  # purged in the meantime
                queue.give_back(message.receipt_handle)
        raise
    return messages


async def _receive(
    queue: IndexedQueue, mapping: EventSourceMapping, before: list[QueuedMessage]
) -> list[QueuedMessage]:
    """Receive what is visible, passes the filters, and fits into the batch with the messages
    before."""
    room = _MAX_PAYLOAD - sum(map(_record_bytes, before))

    def fits(message: QueuedMessage) -> bool:
        nonlocal room
        room -= _record_bytes(message)
        return room >= 0

    count = mapping.batch_size - len(before)
    while received := queue.receive(count, queue.visibility_timeout, fits):
        if wanted := _filtered(queue, mapping, received):
            return wanted
        room = _MAX_PAYLOAD - sum(map(_record_bytes, before))
        await asyncio.sleep(0)  # others have their turn
    return []


def _filtered(
    queue: IndexedQueue, mapping: EventSourceMapping, received: list[QueuedMessage]
) -> list[QueuedMessage]:
    """The messages that the function gets. Lambda deletes the others from the queue.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
    """
    if not mapping.filter_criteria:
        return received
    wanted = []
    for message in received:
        if filter_criteria.let_through(mapping.filter_criteria, _record(queue, message, mapping)):
            wanted.append(message)
        elif _may(_function_of(mapping), mapping, "DeleteMessage"):
            queue.delete_message(message.receipt_handle)
            mapping.last_progress_ms = int(clock.now_ms())
    return wanted


def _record_bytes(message: QueuedMessage) -> int:
    """About how many bytes the message's record adds to the event."""
    return message.size + 1024


def _record(
    queue: IndexedQueue, message: QueuedMessage, mapping: EventSourceMapping
) -> dict[str, Any]:
    """One entry of the event, as documented for Lambda with Amazon SQS. With a batching window it
    says that a message has no attributes, and else it says nothing."""
    attributes = message.message_attributes
    digest = {"md5OfMessageAttributes": message.attribute_md5 if attributes else None}
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        **(digest if attributes or mapping.max_batch_window else {}),
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute has the field of its value only."""
    fields = {
        "stringValue": value.get("StringValue"),
        "binaryValue": _base64(value.get("BinaryValue")),
    }
    return {
        **{name: each for name, each in fields.items() if each is not None},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def _base64(value: bytes | str | None) -> str | None:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _succeeded(
    mapping: EventSourceMapping, messages: list[QueuedMessage], result: Result
) -> list[QueuedMessage]:
    """The messages to delete. A reply that cannot be read fails the whole batch, as on AWS."""
    if result.error is not None:
        return []
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return messages
    failed = _reported(result.payload)
    if failed is None or not failed <= {message.id for message in messages}:
        return []
    return [message for message in messages if message.id not in failed]


def _reported(payload: bytes) -> set[str] | None:
    """The ids in a partial batch response; None if it cannot be understood.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        reply = json.loads(payload)
        failures = None if reply is None else reply.get("batchItemFailures")
        if not isinstance(failures, list | None):
            return None
        return {failure["itemIdentifier"] for failure in failures or []}
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
