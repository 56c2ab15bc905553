"""Message move tasks: SQS's redrive, from a dead-letter queue back to where its messages were.

A message that is moved is a new one, with a new id, time and receive count. Moved is what
was there at the start: what a consumer fails again comes back to the dead-letter queue, and
the task would never end.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import sqs_backends
from moto.sqs.responses import SQSResponse

from localcloud import clock
from localcloud.sqs.message import QueuedMessage
from localcloud.sqs.queue import IndexedQueue
from localcloud.tasks import Tasks
from localcloud.upstream import State

_MAX_RATE = 500
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_NO_SOURCE = "CouldNotDetermineMessageSource"


class _NotFound(SQSException):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


@dataclass
class MoveTask:
    """One task, as ListMessageMoveTasks tells of it."""

    source: IndexedQueue
    destination_arn: str | None
    rate: int | None
    to_move: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_ms: int = field(default_factory=lambda: int(clock.now_ms()))
    moved: int = 0
    status: str = "RUNNING"
    failure: str | None = None

    @property
    def handle(self) -> str:
        text = json.dumps({"taskId": self.id, "sourceArn": self.source.queue_arn})
        return base64.b64encode(text.encode()).decode()

    def describe(self) -> dict[str, Any]:
        """The entry in the list; the handle is only there while there is something to cancel."""
        found = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source.queue_arn,
            "DestinationArn": self.destination_arn,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started_ms,
        }
        return {name: value for name, value in found.items() if value is not None}


class MoveTasks:
    """Starts, lists and cancels."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_source: dict[str, list[MoveTask]] = defaultdict(list)  # by ARN, newest first
        self._tasks = Tasks()
        # moto's dispatcher looks for a method of the operation's name.
        SQSResponse.start_message_move_task = lambda call: self._start(call.params)
        SQSResponse.list_message_move_tasks = lambda call: self._list(call.params)
        SQSResponse.cancel_message_move_task = lambda call: self._cancel(call.params)

    def clear(self) -> None:
        """Forget all tasks; those under way stop."""
        self._tasks.cancel()
        self._by_source.clear()

    def _start(self, call: dict[str, Any]) -> ActionResult:
        source = self._queue(call, "SourceArn")
        if not _is_dead_letter_queue(source):
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        if "DestinationArn" in call:
            self._queue(call, "DestinationArn")
        rate = call.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= _MAX_RATE:
            raise InvalidParameterValue(
                f"Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: "
                f"must be between 1 and {_MAX_RATE}, if provided."
            )
        tasks = self._by_source[source.queue_arn]
        if any(task.status == "RUNNING" for task in tasks):
            raise InvalidParameterValue(
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time."
            )
        count = source.approximate_number_of_messages
        task = MoveTask(source, call.get("DestinationArn"), rate, to_move=count)
        tasks.insert(0, task)
        self._tasks.start(self._move(task))
        return ActionResult({"TaskHandle": task.handle})

    def _list(self, call: dict[str, Any]) -> ActionResult:
        arn = self._queue(call, "SourceArn").queue_arn
        tasks = self._by_source[arn][: call.get("MaxResults", 1)]
        return ActionResult({"Results": [task.describe() for task in tasks]})

    def _cancel(self, call: dict[str, Any]) -> ActionResult:
        try:
            found = json.loads(base64.b64decode(call["TaskHandle"], validate=True))
            task_id, arn = found["taskId"], found["sourceArn"]
        except (ValueError, TypeError, KeyError):
            raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None
        self._queue({"SourceArn": arn}, "SourceArn")
        for task in self._by_source[arn]:
            if task.id == task_id and task.status == "RUNNING":
                task.status = "CANCELLED"
                return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
        raise _NotFound("Task does not exist.")

    def _queue(self, call: dict[str, Any], parameter: str) -> IndexedQueue:
        queue = self._state.queue(call[parameter])
        if queue is None:
            raise _NotFound(
                f"The resource that you specified for the {parameter} parameter doesn't exist."
            )
        return queue

    async def _move(self, task: MoveTask) -> None:
        """Move one message after the other, at the task's rate."""
        while task.status == "RUNNING":
            message = task.source.first_visible()
            if message is None or task.moved == task.to_move:
                task.status = "COMPLETED"
                return
            self._move_one(task, message)
            await asyncio.sleep(clock.seconds(1 / task.rate) if task.rate else 0)

    def _move_one(self, task: MoveTask, message: QueuedMessage) -> None:
        arn = task.destination_arn or message.dead_letter_source
        destination = self._state.queue(arn) if arn else None
        if destination is None:
            task.status, task.failure = "FAILED", _NO_QUEUE if arn else _NO_SOURCE
            return
        sent = _anew(message)  # first, should it fail
        task.source.remove(message)
        destination.add_message(sent)
        task.moved += 1


def _is_dead_letter_queue(queue: IndexedQueue) -> bool:
    """Whether another queue sends its dead letters there. Those of Lambda and SNS do not count."""
    queues = sqs_backends[queue.account_id][queue.region].queues.values()
    return any(other.dead_letter_target == queue.queue_arn for other in queues)


def _anew(message: QueuedMessage) -> QueuedMessage:
    """The message as if it were sent now."""
    sent = QueuedMessage(str(uuid.uuid4()), message.body, message.system_attributes)
    sent.message_attributes = message.message_attributes
    sent.mark_sent()
    return sent
