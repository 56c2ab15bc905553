"""SQS queues whose cost per message does not grow with the backlog.

moto keeps a queue as one list and counts it again at every call. So sending to a queue of
thousands of messages takes milliseconds, and gets slower. Here a receipt handle finds its message,
a deque has the next visible one, and messages that are in flight or delayed wait in a heap until
they are due. The trade-off: this replaces the inside of moto's ``Queue`` (standard queues only),
so it must follow moto's changes. ``tests/localcloud/sqs/test_queue.py`` checks the behavior that
AWS documents.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

import moto.sqs.models as moto_sqs
from moto.core.responses import ActionResult
from moto.sqs.exceptions import InvalidAttributeValue, InvalidParameterValue, ReceiptHandleIsInvalid
from moto.sqs.responses import SQSResponse

from localcloud import arn as arns
from localcloud import clock, losses, steps, upstream
from localcloud.arn import Arn
from localcloud.iam.policies import is_policy
from localcloud.sqs.message import QueuedMessage
from localcloud.upstream import original, replaces

_sequence = itertools.count()  # breaks ties in the heap: messages are not comparable
_MAX_VISIBILITY_MS = 12 * 60 * 60 * 1000
_SHOWN = 1000  # characters of a message's body in `describe`


class _WrongReceiptHandle(ReceiptHandleIsInvalid):
    def __init__(self, receipt_handle: str) -> None:
        super().__init__()
        text = f'The input receipt handle "{receipt_handle}" is not a valid receipt handle.'
        self.message = text


@replaces(moto_sqs, "Queue")
class IndexedQueue(moto_sqs.Queue):
    """moto's queue, with constant-time send, receive, delete and change of visibility."""

    BASE_ATTRIBUTES: ClassVar = [*moto_sqs.Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    redrive_allow_policy: str | None = None  # which queues may send their dead letters here

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        if name.endswith(".fifo"):
            raise InvalidParameterValue(
                "The local cloud has standard queues only; use a name without .fifo."
            )
        self._arrived: set[asyncio.Event] = set()
        self.closed = False
        super().__init__(name, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets: everything but those who wait for a message."""
        return {**vars(self), "_arrived": set()}

    # moto assigns a new list to empty the queue, and does so in __init__ too.
    @property
    def _messages(self) -> list[QueuedMessage]:
        return list(self._by_id.values())

    @_messages.setter
    def _messages(self, messages: list[QueuedMessage]) -> None:
        self._by_id: dict[str, QueuedMessage] = {}
        self._by_handle: dict[str, QueuedMessage] = {}
        self._ready: deque[QueuedMessage] = deque()
        self._hidden: list[tuple[float, int, QueuedMessage]] = []
        self._hidden_ids: set[str] = set()
        self._in_flight: set[str] = set()
        for message in messages:
            self.add_message(message)

    def _set_attributes(self, attributes: dict[str, Any], now: float | None = None) -> None:
        """Refuse a malformed policy, and keep the policy if none is given: moto forgets it."""
        kept = {} if "Policy" in attributes else {"Policy": self.policy}
        attributes = {**kept, **attributes}
        if attributes.get("KmsMasterKeyId"):
            attributes["SqsManagedSseEnabled"] = False
        if attributes.get("RedriveAllowPolicy") == "":  # which takes it away
            attributes["RedriveAllowPolicy"] = None
        if attributes["Policy"] and not is_policy(attributes["Policy"]):
            raise InvalidAttributeValue("Policy")
        super()._set_attributes(attributes, now)

    @property
    def messages(self) -> list[QueuedMessage]:
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

    @property
    def dead_letter_target(self) -> str | None:
        """The ARN of its dead-letter queue, whether or not that exists."""
        return self.redrive_policy["deadLetterTargetArn"] if self.redrive_policy else None

    def add_message(self, message: QueuedMessage) -> None:
        """Append a new message, visible at once unless it is delayed."""
        self._by_id[message.id] = message
        count, source = message.approximate_receive_count, message.dead_letter_source
        came = f"came as a dead letter after {count} receives" if source else "took it"
        steps.note(self.queue_arn, came, message.body)
        if message.delayed:
            self._hide(message)
        else:
            self._ready.append(message)
        self._wake()

    def receive(
        self,
        count: int,
        visibility_timeout: int,
        fits: Callable[[QueuedMessage], bool] = lambda _: True,
    ) -> list[QueuedMessage]:
        """Take up to `count` visible messages, as long as they fit, and hide them for
        `visibility_timeout` seconds.

        A message that was already received `maxReceiveCount` times moves to the dead-letter queue
        instead. Returns copies, as the state keeps changing.
        """
        self._promote()
        received: list[QueuedMessage] = []
        for _ in range(len(self._ready)):  # ends even if the queue is its own dead-letter queue
            if len(received) == count:
                break
            message = self._ready.popleft()
            if not self._is_visible(message):
                continue
            if self._expired(message):
                self.remove(message)
                age = f"a message is older than {self.message_retention_period} s"
                losses.record("message too old", self.name, age)
                continue
            dead_letter_queue = self._dead_letter_queue_for(message)
            if dead_letter_queue is not None:
                given_up = _given_up(message, self.queue_arn)  # first, as it may fail
                self.remove(message)
                dead_letter_queue.add_message(given_up)
                continue
            if not fits(message):
                self._ready.appendleft(message)
                break
            message.mark_received(visibility_timeout=visibility_timeout)
            message.received_ms = clock.now_ms()
            self._by_handle[message.receipt_handle] = message
            self._in_flight.add(message.id)
            self._hide(message)
            times = message.approximate_receive_count
            steps.note(self.queue_arn, f"gave it out, attempt {times}", message.body)
            received.append(copy.copy(message))
        return received

    def first_visible(self) -> QueuedMessage | None:
        """The message that would be received next. It stays where it is."""
        self._promote()
        while self._ready and not self._is_visible(self._ready[0]):
            self._ready.popleft()
        return self._ready[0] if self._ready else None

    def longest_wait_ms(self) -> float | None:
        """How long the oldest visible message has waited; None if none waits. That is the next one
        to be received: messages come in the order in which they became visible."""
        message = self.first_visible()
        if message is None:
            return None
        return max(0.0, clock.now_ms() - max(message.sent_timestamp, message.due_ms))

    def delete_message(self, receipt_handle: str) -> None:
        """Delete for good. Deleting twice succeeds. Raises ReceiptHandleIsInvalid."""
        if receipt_handle in self.deleted_messages:
            return
        message = self._find(receipt_handle)
        steps.note(self.queue_arn, "deleted it, as it is done", message.body)
        self.remove(message)

    def change_visibility(self, receipt_handle: str, timeout: int) -> None:
        """Hide the message for `timeout` seconds from now; 0 shows it at once."""
        if receipt_handle in self.deleted_messages:
            raise InvalidParameterValue(
                f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: Message "
                "does not exist or is not available for visibility timeout change."
            )
        message = self._find(receipt_handle)
        if clock.now_ms() + timeout * 1000 - message.received_ms > _MAX_VISIBILITY_MS:
            raise InvalidParameterValue(
                f"Value {timeout} for parameter VisibilityTimeout is invalid. Reason: "
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            )
        message.visible_at = clock.after_ms(timeout) if timeout else 0.0
        self._hide(message)
        self._wake()

    def describe(self, first: int = 10) -> dict[str, Any]:
        """Its counts, and its first messages, without receiving them."""
        return {
            "name": self.name,
            "arn": self.queue_arn,
            "visible": self.approximate_number_of_messages,
            "in_flight": self.approximate_number_of_messages_not_visible,
            "delayed": self.approximate_number_of_messages_delayed,
            "oldest_seconds": _seconds(self.longest_wait_ms()),
            "long_polls": len(self._arrived),
            "dead_letter_target": self.dead_letter_target,
            "messages": [_described(m, self) for m in itertools.islice(self._messages, first)],
        }

    def state_of(self, message: QueuedMessage) -> str:
        """Whether a message of this queue is visible, in flight or delayed."""
        self._promote()
        if message.id in self._in_flight:
            return "in flight"
        return "delayed" if message.id in self._hidden_ids else "visible"

    def has(self, message: QueuedMessage) -> bool:
        """Whether a message is still here, not deleted or moved to the dead-letter queue."""
        return message.id in self._by_id

    def give_back(self, receipt_handle: str) -> None:
        """Make a message visible again at once that was received but not used."""
        message = self._find(receipt_handle)
        message.approximate_receive_count -= 1
        self.change_visibility(receipt_handle, 0)

    async def wait_for_message(self, timeout: float) -> None:
        """Return when a message is visible, when the queue is deleted, or after `timeout` seconds
        (real time)."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        arrived = asyncio.Event()
        self._arrived.add(arrived)
        try:
            while not self.approximate_number_of_messages and not self.closed:
                left = deadline - loop.time()
                if left <= 0:
                    return
                if self._hidden:
                    left = min(left, max(0.0, self._hidden[0][0] - clock.now_ms()) / 1000 + 0.001)
                arrived.clear()
                # Not asyncio.wait_for: in Python 3.11 it may lose a cancellation.
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await arrived.wait()
        finally:
            self._arrived.discard(arrived)

    def close(self) -> None:
        """End all waits for a message, as the queue is deleted."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        for event in self._arrived:
            event.set()

    def _hide(self, message: QueuedMessage) -> None:
        self._hidden_ids.add(message.id)
        heapq.heappush(self._hidden, (message.due_ms, next(_sequence), message))

    def _promote(self) -> None:
        """Make messages ready when their visibility timeout or delay is over."""
        now = clock.now_ms()
        while self._hidden and self._hidden[0][0] <= now:
            due, _, message = heapq.heappop(self._hidden)
            # Only the newest entry of a message counts: its timeout may have changed since.
            if due == message.due_ms and message.id in self._hidden_ids:
                self._hidden_ids.discard(message.id)
                self._in_flight.discard(message.id)
                self._ready.append(message)

    def _is_visible(self, message: QueuedMessage) -> bool:
        """Whether it was neither deleted nor hidden since it became ready."""
        return message.id in self._by_id and message.id not in self._hidden_ids

    def _find(self, receipt_handle: str) -> QueuedMessage:
        try:
            return self._by_handle[receipt_handle]
        except KeyError:
            raise _WrongReceiptHandle(receipt_handle) from None

    def _expired(self, message: QueuedMessage) -> bool:
        age_ms = clock.now_ms() - message.sent_timestamp
        return bool(age_ms > self.message_retention_period * 1000)

    def _dead_letter_queue_for(self, message: QueuedMessage) -> moto_sqs.Queue | None:
        """Where the message goes after its last receive. Looks up the queue by name, as it may
        have been deleted (then the message stays here) and made again."""
        if self.dead_letter_target is None:
            return None
        if message.approximate_receive_count < self.redrive_policy["maxReceiveCount"]:
            return None
        name = arns.parse(self.dead_letter_target).resource
        return moto_sqs.sqs_backends[self.account_id][self.region].queues.get(name)

    def remove(self, message: QueuedMessage) -> None:
        """Remove a message for good, no matter who received it."""
        self._by_id.pop(message.id, None)
        self._hidden_ids.discard(message.id)
        self._in_flight.discard(message.id)
        for handle in message.all_receipt_handles:
            if handle is not None:
                self._by_handle.pop(handle, None)
                self.deleted_messages.add(handle)


def _described(message: QueuedMessage, queue: IndexedQueue) -> dict[str, Any]:
    hidden_ms = message.due_ms - clock.now_ms()
    return {
        "id": message.id,
        "state": queue.state_of(message),
        "sent_epoch_ms": int(message.sent_timestamp),
        "receive_count": message.approximate_receive_count,
        "visible_in_seconds": _seconds(max(0.0, hidden_ms)),
        "bytes": message.size,
        "body": message.body[:_SHOWN],
    }


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)


def _given_up(message: QueuedMessage, source_arn: str) -> QueuedMessage:
    """A copy for the dead-letter queue. It keeps its id, receive count and sent time; its receipt
    handles are no longer valid."""
    moved = copy.copy(message)
    moved.dead_letter_source = source_arn
    moved.visible_at = moved.delayed_until = 0.0
    moved.receipt_handle, moved._old_receipt_handles = None, []
    return moved


def find(arn: Arn) -> IndexedQueue | None:
    """The queue with this ARN, if there is one."""
    backend = upstream.backend(moto_sqs.sqs_backends, arn.account, arn.region)
    return backend and backend.queues.get(arn.resource)


def at(url: str, region: str) -> IndexedQueue | None:
    """The queue of a queue URL, whose last two parts are account and name."""
    *_, account, name = ["", "", *url.rstrip("/").split("/")]
    return find(Arn("aws", "sqs", region, account, name))


def queues() -> Iterator[IndexedQueue]:
    """All queues, in every region."""
    for backend in upstream.backends(moto_sqs.sqs_backends):
        yield from backend.queues.values()


def sources_of(dead_letters: IndexedQueue) -> list[IndexedQueue]:
    """The queues that send their dead letters to this one, found by ARN: moto forgets them when
    the queue is made again."""
    there = moto_sqs.sqs_backends[dead_letters.account_id][dead_letters.region].queues.values()
    return [queue for queue in there if queue.dead_letter_target == dead_letters.queue_arn]


@replaces(moto_sqs.SQSBackend)
def receive_message(
    backend: moto_sqs.SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[QueuedMessage]:
    """moto would wait here; long_poll.py waits outside of moto."""
    messages = backend.get_queue(queue_name).receive(int(count), int(visibility_timeout))
    wanted = [".*" if name == "*" else name for name in message_attribute_names or []]
    for message in messages:
        moto_sqs._filter_message_attributes(message, wanted)
    received: list[QueuedMessage] = messages
    return received


@replaces(moto_sqs.SQSBackend)
def change_message_visibility(
    backend: moto_sqs.SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
) -> None:
    """Our queue finds the message by its handle; moto searches all messages."""
    queue = backend.get_queue(queue_name)
    queue.change_visibility(receipt_handle, int(visibility_timeout))


@replaces(moto_sqs.SQSBackend)
def list_dead_letter_source_queues(
    backend: moto_sqs.SQSBackend, queue_name: str
) -> list[IndexedQueue]:
    """moto forgets a queue's sources when the queue is made again."""
    return sources_of(backend.get_queue(queue_name))


@replaces(SQSResponse, "receive_message")
def receive_message_with_source(response: SQSResponse) -> ActionResult:
    """moto lacks one attribute of a received message: the queue that gave it up."""
    answer: ActionResult = original(receive_message_with_source)(response)
    asked = ("AttributeNames", "MessageSystemAttributeNames")
    names = {name for parameter in asked for name in response._get_param(parameter, [])}
    if not names & {"All", "DeadLetterQueueSourceArn"}:
        return answer
    queue = response.sqs_backend.get_queue(response._get_queue_name())
    for entry in answer.result.get("Messages", []):
        if source := queue._by_handle[entry["ReceiptHandle"]].dead_letter_source:
            entry.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = source
    return answer


@replaces(moto_sqs)
def generate_receipt_handle() -> str:
    """moto draws 185 characters one by one, a tenth of the cost of a receive."""
    return secrets.token_urlsafe(96)


@replaces(moto_sqs)
def unix_time_millis() -> float:
    """Our clock times the messages."""
    return clock.now_ms()
