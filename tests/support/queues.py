"""Queues: who may send to them, and what they hold."""

from __future__ import annotations

import json
import time
from typing import Any

from lab.aws.session import Session


def open_queue(aws: Session, name: str, topic_arn: str) -> str:
    """A queue that lets a topic in; returns its URL."""
    allow_topic = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:123456789012:{name}",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow_topic]})
    made = aws.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})
    return str(made["QueueUrl"])


def set_policy(aws: Session, url: str, **statement: Any) -> None:
    """Give a queue a policy of this one statement; of none, take its policy away."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}) if statement else ""
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def messages_on(aws: Session, url: str, wait: float = 90) -> list[dict[str, Any]]:
    """Up to ten messages with all their attributes, taken off the queue; waits for the first
    one for so long, however fast the cloud's own waits pass."""
    sqs, deadline = aws.client("sqs"), time.monotonic() + wait
    while True:
        found = sqs.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=1 if wait else 0,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if found or time.monotonic() >= deadline:
            return list(found)
