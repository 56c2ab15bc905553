"""SQS queues whose cost per message does not grow with the backlog.

moto keeps a queue as one list and counts it again at every call, so sending to a queue
that holds thousands of messages takes milliseconds and gets slower. Here a message is
found by its receipt handle and the next visible one by a deque; messages that are in
flight or delayed wait in a heap until they are due. The trade-off: this replaces the
inside of moto's ``Queue`` (standard queues only), so it has to follow moto when that
changes; ``tests/test_queues.py`` holds it to the behavior that AWS documents.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
import secrets
import time
from collections import deque
from contextlib import suppress
from typing import Any

import moto.sqs.models as moto_sqs
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid

_sequence = itertools.count()  # breaks ties in the heap: messages are not comparable
_MAX_VISIBILITY_MS = 12 * 60 * 60 * 1000


def _now_ms() -> float:
    return time.time() * 1000


def _due_ms(message: moto_sqs.Message) -> float:
    """When the message may next be received, in epoch milliseconds."""
    return max(message.visible_at, message.delayed_until)


class IndexedQueue(moto_sqs.Queue):
    """moto's queue with constant-time send, receive, delete and change of visibility."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        if name.endswith(".fifo"):
            raise InvalidParameterValue(
                "The local cloud has standard queues only; use a name without .fifo."
            )
        self._arrived: set[asyncio.Event] = set()
        super().__init__(name, *args, **kwargs)

    # moto assigns a new list to empty the queue, and does so in __init__ too.
    @property
    def _messages(self) -> list[moto_sqs.Message]:
        return list(self._by_id.values())

    @_messages.setter
    def _messages(self, messages: list[moto_sqs.Message]) -> None:
        self._by_id: dict[str, moto_sqs.Message] = {}
        self._by_handle: dict[str, moto_sqs.Message] = {}
        self._ready: deque[moto_sqs.Message] = deque()
        self._hidden: list[tuple[float, int, moto_sqs.Message]] = []
        self._hidden_ids: set[str] = set()
        self._in_flight: set[str] = set()
        for message in messages:
            self.add_message(message)

    @property
    def messages(self) -> list[moto_sqs.Message]:
        self._promote()
        return [m for m in self._by_id.values() if m.id not in self._hidden_ids]

    @property
    def approximate_number_of_messages(self) -> int:
        self._promote()
        return len(self._by_id) - len(self._hidden_ids)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        self._promote()
        return len(self._in_flight)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        self._promote()
        return len(self._hidden_ids) - len(self._in_flight)

    def add_message(self, message: moto_sqs.Message) -> None:
        """Append a new message, visible at once unless it is delayed."""
        self._by_id[message.id] = message
        if message.delayed:
            self._hide(message)
        else:
            self._ready.append(message)
        self._wake()

    def receive(self, count: int, visibility_timeout: int) -> list[moto_sqs.Message]:
        """Take up to `count` visible messages and hide them for `visibility_timeout` seconds.

        A message that was received `maxReceiveCount` times already moves to the
        dead-letter queue instead. Returns copies, as the state goes on changing.
        """
        self._promote()
        received: list[moto_sqs.Message] = []
        for _ in range(len(self._ready)):  # not for ever, should it be its own dead-letter queue
            if len(received) == count:
                break
            message = self._ready.popleft()
            if message.id not in self._by_id or message.id in self._hidden_ids:
                continue  # deleted or hidden since it was queued here
            if self._expired(message):
                self._remove(message)
                continue
            dead_letter_queue = self._dead_letter_queue_for(message)
            if dead_letter_queue is not None:
                self._remove(message)
                dead_letter_queue.add_message(_as_sent(message))
                continue
            message.mark_received(visibility_timeout=visibility_timeout)
            self._by_handle[message.receipt_handle] = message
            self._in_flight.add(message.id)
            self._hide(message)
            received.append(copy.copy(message))
        return received

    def delete_message(self, receipt_handle: str) -> None:
        """Delete for good; deleting twice succeeds. Raises ReceiptHandleIsInvalid."""
        if receipt_handle in self.deleted_messages:
            return
        self._remove(self._find(receipt_handle))

    def change_visibility(self, receipt_handle: str, timeout: int) -> None:
        """Hide the message for `timeout` seconds from now; 0 shows it at once."""
        message = self._find(receipt_handle)
        visible_at = _now_ms() + timeout * 1000
        if visible_at - message.sent_timestamp > _MAX_VISIBILITY_MS:
            raise InvalidParameterValue(
                f"Value {timeout} for parameter VisibilityTimeout is invalid. Reason: "
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            )
        message.visible_at = visible_at if timeout else 0.0
        self._hide(message)
        self._wake()

    def give_back(self, receipt_handle: str) -> None:
        """Show a message again at once that was received and not looked at."""
        message = self._find(receipt_handle)
        message.approximate_receive_count -= 1
        self.change_visibility(receipt_handle, 0)

    async def wait_for_message(self, timeout: float) -> None:
        """Return once a message is visible, or after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        arrived = asyncio.Event()
        self._arrived.add(arrived)
        try:
            while not self.approximate_number_of_messages:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                if self._hidden:
                    left = min(left, max(0.0, self._hidden[0][0] - _now_ms()) / 1000 + 0.001)
                arrived.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(arrived.wait(), left)
        finally:
            self._arrived.discard(arrived)

    def _wake(self) -> None:
        for event in self._arrived:
            event.set()

    def _hide(self, message: moto_sqs.Message) -> None:
        self._hidden_ids.add(message.id)
        heapq.heappush(self._hidden, (_due_ms(message), next(_sequence), message))

    def _promote(self) -> None:
        """Make the messages ready whose visibility timeout or delay is over."""
        now = _now_ms()
        while self._hidden and self._hidden[0][0] <= now:
            due, _, message = heapq.heappop(self._hidden)
            # Only the newest entry of a message counts: its timeout may have changed since.
            if due == _due_ms(message) and message.id in self._hidden_ids:
                self._hidden_ids.discard(message.id)
                self._in_flight.discard(message.id)
                self._ready.append(message)

    def _find(self, receipt_handle: str) -> moto_sqs.Message:
        try:
            return self._by_handle[receipt_handle]
        except KeyError:
            raise ReceiptHandleIsInvalid() from None

    def _expired(self, message: moto_sqs.Message) -> bool:
        age_ms = _now_ms() - message.sent_timestamp
        return bool(age_ms > self.message_retention_period * 1000)

    def _dead_letter_queue_for(self, message: moto_sqs.Message) -> moto_sqs.Queue | None:
        """Where the message belongs after its last receive. The queue is looked up by name:
        it may have been deleted (then the message stays here) and made again."""
        if not self.redrive_policy:
            return None
        if message.approximate_receive_count < self.redrive_policy["maxReceiveCount"]:
            return None
        name = self.redrive_policy["deadLetterTargetArn"].rsplit(":", 1)[-1]
        return moto_sqs.sqs_backends[self.account_id][self.region].queues.get(name)

    def _remove(self, message: moto_sqs.Message) -> None:
        self._by_id.pop(message.id, None)
        self._hidden_ids.discard(message.id)
        self._in_flight.discard(message.id)
        for handle in message.all_receipt_handles:
            if handle is not None:
                self._by_handle.pop(handle, None)
                self.deleted_messages.add(handle)


def _as_sent(message: moto_sqs.Message) -> moto_sqs.Message:
    """A copy that was never received, as it arrives in a dead-letter queue."""
    moved = copy.copy(message)
    moved.visible_at = moved.delayed_until = 0.0
    moved.receipt_handle, moved._old_receipt_handles = None, []
    return moved


def _receive_message(
    backend: moto_sqs.SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[moto_sqs.Message]:
    # Never waits: a long poll is held open by localcloud.server, outside of moto.
    messages = backend.get_queue(queue_name).receive(int(count), int(visibility_timeout))
    for message in messages:
        moto_sqs._filter_message_attributes(message, message_attribute_names or [])
    return messages


def _change_message_visibility(
    backend: moto_sqs.SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
) -> None:
    queue = backend.get_queue(queue_name)
    queue.change_visibility(receipt_handle, int(visibility_timeout))


def install() -> None:
    """Make moto build indexed queues from now on."""
    # moto draws a handle's 185 characters one at a time, a tenth of the cost of a receive.
    moto_sqs.generate_receipt_handle = lambda: secrets.token_urlsafe(96)
    moto_sqs.Queue = IndexedQueue
    moto_sqs.SQSBackend.receive_message = _receive_message
    moto_sqs.SQSBackend.change_message_visibility = _change_message_visibility
