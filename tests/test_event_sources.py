"""SQS event source mappings: batches, partial failures, redrive, switching off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.session import Session
from lab.waiting import wait_until
from tests.conftest import make_function

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
# Writes each batch that it gets to a table of its own making: the queue "seen".
SPY = """
import json, boto3
sqs = boto3.client("sqs")
url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
def handler(event, context):
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event["Records"]))
    bodies = [record["body"] for record in event["Records"]]
    if "raise" in bodies:
        raise ValueError("as asked")
    reply = [body for body in bodies if body.startswith("reply:")]
    if reply:
        return json.loads(reply[0].removeprefix("reply:"))
    failed = [r["messageId"] for r in event["Records"] if r["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""


class Setup:
    """A queue with a dead-letter queue, a function that spies, and the mapping between."""

    def __init__(self, aws: Session) -> None:
        self.sqs = aws.client("sqs")
        self.lambda_ = aws.client("lambda")
        self.seen = self.sqs.create_queue(QueueName="seen")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"{QUEUE[:-1]}dead", "maxReceiveCount": "2"}
        attributes = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(redrive)}
        made = self.sqs.create_queue(QueueName="q", Attributes=attributes)
        self.url = made["QueueUrl"]
        make_function(aws, "spy", SPY, Timeout=1)

    def map(self, **options: Any) -> str:
        options = {"FunctionResponseTypes": ["ReportBatchItemFailures"], **options}
        made = self.lambda_.create_event_source_mapping(
            EventSourceArn=QUEUE, FunctionName="spy", **options
        )
        return str(made["UUID"])

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def batch(self) -> list[Any]:
        """The next batch that the function got."""
        (message,) = self.receive(self.seen)
        return list(json.loads(message["Body"]))

    def receive(self, url: str) -> list[Any]:
        reply = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=8)
        for message in reply.get("Messages", []):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return list(reply.get("Messages", []))

    def left(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def wait_until_empty(self) -> None:
        wait_until(lambda: self.left(self.url) == 0, "the queue is empty", timeout=10)


@pytest.fixture
def setup(aws: Session) -> Setup:
    return Setup(aws)


def bodies(batch: list[Any]) -> list[str]:
    return [record["body"] for record in batch]


def test_messages_that_wait_come_in_one_batch_of_up_to_ten(setup: Setup) -> None:
    setup.send(*(f"tea {i}" for i in range(12)))
    setup.map(BatchSize=10, ScalingConfig={"MaximumConcurrency": 2})
    sizes = sorted(len(setup.batch()) for _ in range(2))
    assert sizes == [2, 10]
    setup.wait_until_empty()


def test_a_record_has_the_form_that_aws_documents(setup: Setup) -> None:
    setup.map()
    setup.send("tea")
    (record,) = setup.batch()
    assert set(record) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == QUEUE
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()


def test_only_the_reported_messages_come_back_and_then_go_to_the_dead_letters(
    setup: Setup,
) -> None:
    setup.send("good 1", "bad", "good 2")
    setup.map()
    assert bodies(setup.batch()) == ["good 1", "bad", "good 2"]
    assert bodies(setup.batch()) == ["bad"]  # the second of two receives
    (dead,) = setup.receive(setup.dead)
    assert dead["Body"] == "bad"
    assert setup.left(setup.url) == 0


def test_an_exception_brings_the_whole_batch_back(setup: Setup) -> None:
    setup.send("good", "raise")
    setup.map()
    assert bodies(setup.batch()) == ["good", "raise"]
    assert sorted(bodies(setup.batch())) == ["good", "raise"]


@pytest.mark.parametrize(
    "reply",
    [
        '{"batchItemFailures": [{"itemIdentifier": "unknown"}]}',
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"wrong": "key"}]}',
        '{"batchItemFailures": "nonsense"}',
    ],
)
def test_a_reply_that_cannot_be_understood_fails_the_batch(setup: Setup, reply: str) -> None:
    setup.send(f"reply:{reply}")
    setup.map()
    assert setup.batch()
    assert setup.batch()
    assert setup.receive(setup.dead)


@pytest.mark.parametrize(
    "reply", ["null", "{}", '{"batchItemFailures": []}', '{"statusCode": 200}']
)
def test_a_reply_without_failures_is_a_success(setup: Setup, reply: str) -> None:
    setup.send(f"reply:{reply}")
    setup.map()
    assert setup.batch()
    setup.wait_until_empty()
    assert setup.left(setup.dead) == 0


def test_without_the_setting_reported_failures_are_not_heeded(setup: Setup) -> None:
    setup.send("bad")
    setup.map(FunctionResponseTypes=[])
    assert setup.batch()
    setup.wait_until_empty()


def test_a_mapping_can_be_switched_off_and_on(setup: Setup) -> None:
    uuid = setup.map()
    setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    setup.send("tea")
    assert setup.left(setup.url) == 1
    setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert bodies(setup.batch()) == ["tea"]


def test_a_deleted_mapping_polls_no_more(setup: Setup) -> None:
    uuid = setup.map()
    setup.send("first")
    assert setup.batch()
    setup.wait_until_empty()
    setup.lambda_.delete_event_source_mapping(UUID=uuid)
    setup.send("second")
    (message,) = setup.receive(setup.url)
    assert message["Body"] == "second"


def test_a_batching_window_gathers_messages(setup: Setup) -> None:
    setup.map(BatchSize=3, MaximumBatchingWindowInSeconds=5)
    setup.send("one", "two", "three")
    assert bodies(setup.batch()) == ["one", "two", "three"]


def test_a_mapping_that_is_deleted_in_its_window_gives_its_messages_back(setup: Setup) -> None:
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "60"})
    uuid = setup.map(BatchSize=10, MaximumBatchingWindowInSeconds=60)
    setup.send("tea")
    hidden = ["ApproximateNumberOfMessagesNotVisible"]

    def taken() -> bool:
        found = setup.sqs.get_queue_attributes(QueueUrl=setup.url, AttributeNames=hidden)
        return bool(found["Attributes"][hidden[0]] == "1")

    wait_until(taken, "the poller has the message", timeout=5)
    setup.lambda_.delete_event_source_mapping(UUID=uuid)
    reply = setup.sqs.receive_message(QueueUrl=setup.url, AttributeNames=["All"], WaitTimeSeconds=5)
    (message,) = reply["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_attributes_of_every_type_reach_the_function(setup: Setup) -> None:
    setup.map()
    attributes = {
        "color": {"DataType": "String", "StringValue": "green"},
        "leaf": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    setup.sqs.send_message(QueueUrl=setup.url, MessageBody="tea", MessageAttributes=attributes)
    (record,) = setup.batch()
    assert record["messageAttributes"]["color"]["stringValue"] == "green"
    assert record["messageAttributes"]["leaf"]["binaryValue"] == "AP8="
