"""A queue, a function, and the trigger between them.

The function has time enough on any machine, and so has a batch that waits for it. What fails comes
back when a test says so, by `show_again`, and not when a time is over.
"""

from __future__ import annotations

import json
from typing import Any

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.chapters import status
from tests.support.counts import counts
from tests.support.functions import make_function
from tests.support.queues import messages_on

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
        self.aws = aws
        self.batches: list[Any] = []
        self.sqs = aws.client("sqs")
        self.lambda_ = aws.client("lambda")
        self.seen = self.sqs.create_queue(QueueName="seen")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"{QUEUE[:-1]}dead", "maxReceiveCount": "2"}
        attributes = {"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)}
        made = self.sqs.create_queue(QueueName="q", Attributes=attributes)
        self.url = made["QueueUrl"]
        make_function(aws, "spy", SPY, Timeout=30)

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
        """The next batch that the function got; others that came with it are kept for later."""
        self.batches = self.batches or messages_on(self.aws, self.seen, wait=90)
        return list(json.loads(self.batches.pop(0)["Body"]))

    def batches_so_far(self) -> list[Any]:
        """All batches that the function got since somebody looked."""
        found, self.batches = self.batches, []
        while page := messages_on(self.aws, self.seen, wait=0):
            found += page
        return [json.loads(each["Body"]) for each in found]

    def show_again(self, batch: list[Any]) -> None:
        """End the visibility timeout of all messages of a batch, at one moment."""
        entries = [
            {"Id": str(i), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 0}
            for i, record in enumerate(batch)
        ]
        shown = self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
        assert len(shown["Successful"]) == len(batch)

    def wait_until_done(self) -> None:
        """Wait until Lambda has read the reply to each batch."""
        wait_until(lambda: not self._under_way(), "no batch is under way", timeout=90)

    def _under_way(self) -> int:
        found = status(str(self.aws.endpoint_url))["services"]["lambda"]
        return sum(mapping["under_way"] for mapping in found["event_source_mappings"])

    def receive(self, url: str) -> list[Any]:
        return messages_on(self.aws, url)

    def left(self, url: str) -> int:
        return sum(counts(self.sqs, url))

    def visible(self) -> int:
        return counts(self.sqs, self.url).visible

    def in_flight(self) -> int:
        return counts(self.sqs, self.url).in_flight

    def most_in_flight(self) -> int:
        """How many messages are in flight at one time, at most, until the queue is empty."""
        in_flight: set[int] = set()

        def is_empty() -> bool:
            in_flight.add(self.in_flight())
            return self.left(self.url) == 0

        wait_until(is_empty, "the queue is empty", timeout=90)
        return max(in_flight)

    def wait_until_empty(self) -> None:
        wait_until(lambda: self.left(self.url) == 0, "the queue is empty", timeout=90)


def bodies(batch: list[Any]) -> list[str]:
    return [record["body"] for record in batch]
