"""Message move tasks: SQS's redrive, from a dead-letter queue back to where its messages were.

A moved message is a new one, with a new id, time and receive count. A task moves only what was
there at the start: what fails again comes back to the dead-letter queue, and the task would never
end.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.responses import SQSResponse

from localcloud import arn as arns
from localcloud import clock
from localcloud.sqs.message import QueuedMessage
from localcloud.sqs.queue import IndexedQueue, find, sources_of
from localcloud.tasks import Tasks
from localcloud.upstream import adds

_MAX_RATE = 500
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_NO_SOURCE = "CouldNotDetermineMessageSource"


class _NotFound(SQSException):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


@dataclass
class MoveTask:
    """One task, as ListMessageMoveTasks shows it."""

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
        """The entry in the list. It has a handle only while there is something to cancel."""
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
    """Starts, lists and cancels move tasks."""

    def __init__(self) -> None:
        global _running
        _running = self
        self._by_source: dict[str, list[MoveTask]] = defaultdict(list)  # by ARN, newest first
        self._tasks = Tasks()

    def describe(self) -> list[dict[str, Any]]:
        """All tasks; those of each queue newest first."""
        return [task.describe() for tasks in self._by_source.values() for task in tasks]

    def is_idle(self) -> bool:
        return all(task["Status"] != "RUNNING" for task in self.describe())

    def clear(self) -> None:
        """Forget all tasks; those under way stop."""
        self._tasks.cancel()
        self._by_source.clear()

    def saved(self) -> dict[str, list[MoveTask]]:
        """All tasks, for a checkpoint."""
        return self._by_source

    def restore(self, saved: dict[str, list[MoveTask]]) -> None:
        """Have exactly those tasks, and go on with those that are not done."""
        self._by_source = saved
        for task in chain.from_iterable(saved.values()):
            self._tasks.start(self._move(task))

    def start(self, call: dict[str, Any]) -> ActionResult:
        source = _queue(call, "SourceArn")
        if not sources_of(source):  # dead-letter queues of Lambda and SNS do not count
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        if "DestinationArn" in call:
            _queue(call, "DestinationArn")
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

    def list_tasks(self, call: dict[str, Any]) -> ActionResult:
        arn = _queue(call, "SourceArn").queue_arn
        tasks = self._by_source[arn][: call.get("MaxResults", 1)]
        return ActionResult({"Results": [task.describe() for task in tasks]})

    def cancel(self, call: dict[str, Any]) -> ActionResult:
        try:
            found = json.loads(base64.b64decode(call["TaskHandle"], validate=True))
            task_id, arn = found["taskId"], found["sourceArn"]
        except (ValueError, TypeError, KeyError):
            raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None
        _queue({"SourceArn": arn}, "SourceArn")
        for task in self._by_source[arn]:
            if task.id == task_id and task.status == "RUNNING":
                task.status = "CANCELLED"
                return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
        raise _NotFound("Task does not exist.")

    async def _move(self, task: MoveTask) -> None:
        """Move one message after another, at the task's rate."""
        while task.status == "RUNNING":
            message = task.source.first_visible()
            if message is None or task.moved == task.to_move:
                task.status = "COMPLETED"
                return
            self._move_one(task, message)
            await asyncio.sleep(clock.seconds(1 / task.rate) if task.rate else 0)

    def _move_one(self, task: MoveTask, message: QueuedMessage) -> None:
        arn = task.destination_arn or message.dead_letter_source
        destination = find(arns.parse(arn)) if arn else None
        if destination is None:
            task.status, task.failure = "FAILED", _NO_QUEUE if arn else _NO_SOURCE
            return
        sent = _sent_again(message)  # first, as it may fail
        task.source.remove(message)
        destination.add_message(sent)
        task.moved += 1


def _queue(call: dict[str, Any], parameter: str) -> IndexedQueue:
    queue = find(arns.parse(call[parameter]))
    if queue is None:
        raise _NotFound(
            f"The resource that you specified for the {parameter} parameter doesn't exist."
        )
    return queue


def _sent_again(message: QueuedMessage) -> QueuedMessage:
    """The message as if it were sent now."""
    sent = QueuedMessage(str(uuid.uuid4()), message.body, message.system_attributes)
    sent.message_attributes = message.message_attributes
    sent.mark_sent()
    return sent


# moto's state belongs to the whole process, and so do these tasks.
_running: MoveTasks | None = None


def _tasks() -> MoveTasks:
    assert _running is not None
    return _running


@adds(SQSResponse)
def start_message_move_task(response: SQSResponse) -> ActionResult:
    """moto has no message move tasks."""
    return _tasks().start(response.params)


@adds(SQSResponse)
def list_message_move_tasks(response: SQSResponse) -> ActionResult:
    """moto has no message move tasks."""
    return _tasks().list_tasks(response.params)


@adds(SQSResponse)
def cancel_message_move_task(response: SQSResponse) -> ActionResult:
    """moto has no message move tasks."""
    return _tasks().cancel(response.params)
