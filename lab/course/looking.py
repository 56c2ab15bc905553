"""What several chapters expect of the same kind, and the looking that it takes.

What must be true is written down a second time, on purpose: an expectation that took what it
wants from the scripts would find a mistake in them right. Looking is all that happens here and in
the chapters' files: get, list, describe and scan.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import boto3

from lab.aws.kinds import function_policy
from lab.aws.session import account_id
from lab.course.names import Names, names
from lab.course.orders import recorded
from lab.engine.checks import COUNT
from lab.engine.course import Expectation

_SEND_BACK = (
    "`lab dead-letters` says why it is there. Fix that and send it back with `lab redrive`; "
    "delete what is no order, as chapter 08 does."
)


class Look:
    """The clients of one session, the names of one learner, and what is asked of them often."""

    def __init__(self, aws: boto3.Session, n: Names) -> None:
        self.aws = aws
        self.names = n
        self.region = aws.region_name
        self.account = account_id(aws)
        self.apigateway: Any = aws.client("apigateway")
        self.dynamodb: Any = aws.client("dynamodb")
        self.iam: Any = aws.client("iam")
        self.lambda_: Any = aws.client("lambda")
        self.logs: Any = aws.client("logs")
        self.sns: Any = aws.client("sns")
        self.sqs: Any = aws.client("sqs")

    def queue_arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account}:{name}"

    def topic_arn(self, name: str) -> str:
        return f"arn:aws:sns:{self.region}:{self.account}:{name}"

    def function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def queue(self, name: str) -> dict[str, Any]:
        """A queue's attributes, those that are JSON read; {} if there is no such queue."""
        try:
            url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except self.sqs.exceptions.QueueDoesNotExist:
            return {}
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        documents = ("RedrivePolicy", "Policy")
        return {**found, **{d: json.loads(found[d]) for d in documents if d in found}}

    def subscriptions(self, topic: str) -> list[dict[str, Any]]:
        pages = self.sns.get_paginator("list_subscriptions_by_topic")
        found = pages.paginate(TopicArn=self.topic_arn(topic))
        return [subscription for page in found for subscription in page["Subscriptions"]]

    def statement(self, function: str, statement_id: str) -> dict[str, Any]:
        """A statement of a function's resource policy, with its conditions; {} if it has none."""
        for statement in function_policy(self.lambda_, function):
            if statement.get("Sid") == statement_id:
                return {**statement, **sources(statement)}
        return {}

    def trigger(self) -> dict[str, Any]:
        """The event source mapping of notify_fulfillment; {} if it has none."""
        found = self.lambda_.list_event_source_mappings(
            EventSourceArn=self.queue_arn(self.names.queue),
            FunctionName=self.names.notify_fulfillment,
        )
        return next(iter(found["EventSourceMappings"]), {})


def look_at(aws: boto3.Session) -> Look:
    return _look_at(aws, names())


@lru_cache(maxsize=4)  # clients take longer to make than all the questions that they ask
def _look_at(aws: boto3.Session, n: Names) -> Look:
    return Look(aws, n)


def sources(statement: dict[str, Any]) -> dict[str, str]:
    """The conditions of a statement, whatever their operators: {"SourceArn": ..., ...}."""
    conditions = statement.get("Condition", {}).values()
    return {key.rpartition(":")[2]: value for pairs in conditions for key, value in pairs.items()}


# -- Orders that have arrived, or did not ----------------------------------------------------------


def orders_arrived(
    look: Look, prefix: str, what: str, wanted: int, cell: str = "post"
) -> Expectation:
    """That so many orders whose ids begin with this prefix are in the table."""
    return Expectation(
        what,
        "Only an order that was posted and has arrived shows that the chain holds.",
        cell,
        lambda: _recorded(look, prefix, wanted),
        {"orders": wanted},
        says=COUNT,
    )


def no_dead_letters(look: Look, cell: str, arrived: str) -> Iterator[Expectation]:
    for queue in look.names.dead_letters:
        yield Expectation(
            f"Dead-letter queue {queue}",
            "A dead letter is an order that somebody has to look after.",
            cell,
            partial(_messages, look, queue),
            {"messages": 0},
            needs=arrived,
            if_there=_SEND_BACK,
            says=COUNT,
        )


def _recorded(look: Look, prefix: str, enough: int) -> dict[str, Any]:
    count = sum(1 for _ in itertools.islice(recorded(look.aws, prefix), enough))
    return {"orders": count} if count else {}


def _messages(look: Look, name: str) -> dict[str, Any]:
    found = look.queue(name)
    return {"messages": int(found["ApproximateNumberOfMessages"])} if found else {}
