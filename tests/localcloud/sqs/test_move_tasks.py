"""Message move tasks bring dead letters back."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab.here.local
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.counts import counts
from tests.support.queues import messages_on

ARN = "arn:aws:sqs:us-east-1:123456789012:"
DEAD = f"{ARN}dead"
MANY = 30  # at one a second, they outlast what a test does meanwhile


class Setup:
    """The queues "a" and "b" with the dead-letter queue "dead" between them."""

    def __init__(self, aws: Session) -> None:
        self.aws = aws
        self.sqs = aws.client("sqs")
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.urls = {name: self.make(name) for name in ("a", "b")}

    def make(self, name: str) -> str:
        redrive = json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 1})
        made = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})
        return str(made["QueueUrl"])

    def fail(self, name: str, *bodies: str) -> None:
        """Send messages to the queue, and let it give them up."""
        url = self.urls[name]
        for body in bodies:
            self.sqs.send_message(QueueUrl=url, MessageBody=body)
        while counts(self.sqs, url).visible:
            self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)

    def start(self, **options: Any) -> str:
        return str(self.sqs.start_message_move_task(SourceArn=DEAD, **options)["TaskHandle"])

    def tasks(self, **options: Any) -> list[dict[str, Any]]:
        return list(self.sqs.list_message_move_tasks(SourceArn=DEAD, **options)["Results"])

    def ended(self) -> dict[str, Any]:
        """The newest task once it is over."""

        def over() -> dict[str, Any] | None:
            (task,) = self.tasks()
            return task if task["Status"] != "RUNNING" else None

        return wait_until(over, "the task is over", timeout=90)

    def bodies(self, name: str) -> list[str]:
        return [message["Body"] for message in messages_on(self.aws, self.urls[name], wait=0)]

    def left(self) -> int:
        return counts(self.sqs, self.dead).visible


@pytest.fixture
def setup(aws: Session) -> Setup:
    return Setup(aws)


@pytest.mark.parity(
    "StartMessageMoveTask moves dead letters back to the queues that they came from",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html",
)
def test_each_message_goes_back_to_the_queue_that_it_came_from(setup: Setup) -> None:
    setup.fail("a", "tea", "cup")
    setup.fail("b", "pot")
    setup.start()
    task = setup.ended()
    assert task["StartedTimestamp"] > 1e12  # in milliseconds
    del task["StartedTimestamp"]
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": DEAD,
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 3,
    }
    assert (setup.bodies("a"), setup.bodies("b")) == (["tea", "cup"], ["pot"])
    assert setup.left() == 0


@pytest.mark.parity(
    "A message that is moved has a new id; it was never received",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html",
)
def test_a_message_that_was_moved_is_a_new_one(setup: Setup) -> None:
    color = {"color": {"DataType": "String", "StringValue": "green"}}
    url = setup.urls["a"]
    sent = setup.sqs.send_message(QueueUrl=url, MessageBody="tea", MessageAttributes=color)
    setup.fail("a")
    setup.start()
    setup.ended()
    (message,) = messages_on(setup.aws, url)
    assert message["MessageId"] != sent["MessageId"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in message["Attributes"]
    assert message["MessageAttributes"] == color


@pytest.mark.parity(
    "A task can move messages to any other queue, and at a rate",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html",
)
def test_messages_can_go_to_another_queue_and_at_a_rate(setup: Setup) -> None:
    setup.fail("a", *(f"tea {i}" for i in range(3)))
    setup.sqs.send_message(QueueUrl=setup.dead, MessageBody="sent there directly")
    lab.hurry(setup.aws, 10)
    setup.start(DestinationArn=f"{ARN}b", MaxNumberOfMessagesPerSecond=5)
    task = setup.ended()
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 4)
    assert task["DestinationArn"] == f"{ARN}b"
    assert task["MaxNumberOfMessagesPerSecond"] == 5
    assert setup.bodies("b") == ["tea 0", "tea 1", "tea 2", "sent there directly"]


@pytest.mark.parity(
    "A task can be cancelled; a queue has one at a time",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html",
)
def test_a_task_that_is_cancelled_leaves_the_rest(setup: Setup) -> None:
    setup.fail("a", *(f"tea {i}" for i in range(MANY)))
    handle = setup.start(MaxNumberOfMessagesPerSecond=1)
    wait_until(lambda: setup.left() < MANY, "the first is moved", timeout=90)
    (task,) = setup.tasks()
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    with pytest.raises(ClientError, match="Only one active task is allowed"):
        setup.start()
    reply = setup.sqs.cancel_message_move_task(TaskHandle=handle)
    (task,) = setup.tasks()
    moved = reply["ApproximateNumberOfMessagesMoved"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("CANCELLED", moved)
    assert "TaskHandle" not in task
    assert (setup.left(), moved) == (MANY - moved, moved)
    with pytest.raises(ClientError, match="Task does not exist"):
        setup.sqs.cancel_message_move_task(TaskHandle=handle)
    setup.start()
    setup.ended()
    assert [task["Status"] for task in setup.tasks(MaxResults=10)] == ["COMPLETED", "CANCELLED"]


@pytest.mark.parity("A message that did not come from a queue fails the task", kept="yes")
def test_a_message_of_unknown_origin_ends_the_task(setup: Setup) -> None:
    setup.sqs.send_message(QueueUrl=setup.dead, MessageBody="sent there directly")
    setup.start()
    task = setup.ended()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert setup.left() == 1


@pytest.mark.parity(
    "A task fails when the queue is gone that the messages came from",
    kept="yes",
)
@pytest.mark.place("move task")
def test_a_task_fails_when_the_queue_is_gone_that_the_messages_came_from(setup: Setup) -> None:
    setup.fail("a", "tea")
    setup.sqs.delete_queue(QueueUrl=setup.urls["a"])
    setup.start()
    task = setup.ended()
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert setup.left() == 1


@pytest.mark.parity(
    "A task moves the messages of the dead-letter queue",
    kept="those that are there when it starts, not those that come later",
)
def test_what_fails_again_while_a_task_runs_is_not_moved_again(setup: Setup) -> None:
    setup.fail("a", *(f"tea {i}" for i in range(MANY)))
    setup.start(MaxNumberOfMessagesPerSecond=1)
    wait_until(lambda: setup.left() < MANY, "the first is moved", timeout=90)
    setup.fail("a")
    lab.hurry(setup.aws, 1000)
    assert setup.ended()["ApproximateNumberOfMessagesMoved"] == MANY
    again = setup.left()
    assert again >= 1
    assert again + counts(setup.sqs, setup.urls["a"]).visible == MANY


@pytest.mark.parity(
    "Only the dead-letter queue of another queue can be moved from, at 500 messages a "
    "second at most",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html",
)
def test_only_the_dead_letter_queue_of_a_queue_can_be_moved_from(setup: Setup) -> None:
    with pytest.raises(ClientError, match="Source queue must be configured as a Dead Letter Queue"):
        setup.sqs.start_message_move_task(SourceArn=f"{ARN}a")
    for options, parameter in (
        ({"SourceArn": f"{ARN}gone"}, "SourceArn"),
        ({"SourceArn": "nonsense"}, "SourceArn"),
        ({"SourceArn": DEAD, "DestinationArn": f"{ARN}gone"}, "DestinationArn"),
    ):
        with pytest.raises(setup.sqs.exceptions.ResourceNotFoundException, match=parameter):
            setup.sqs.start_message_move_task(**options)
    with pytest.raises(ClientError, match="MaxNumberOfMessagesPerSecond"):
        setup.start(MaxNumberOfMessagesPerSecond=501)
    elsewhere = json.dumps({"taskId": "1", "sourceArn": f"{ARN}gone"}).encode()
    for handle, error in (
        ("nonsense", "Value for parameter TaskHandle is invalid"),
        (base64.b64encode(b"{}").decode(), "Value for parameter TaskHandle is invalid"),
        (base64.b64encode(elsewhere).decode(), "SourceArn parameter doesn't exist"),
    ):
        with pytest.raises(ClientError, match=error):
            setup.sqs.cancel_message_move_task(TaskHandle=handle)


def test_a_reset_forgets_the_tasks(setup: Setup, cloud: str) -> None:
    setup.fail("a", "tea", "cup")
    setup.start(MaxNumberOfMessagesPerSecond=1)
    lab.here.local.reset(cloud)
    setup.sqs.create_queue(QueueName="dead")
    assert setup.tasks() == []
