"""Chapter 03: the function that tells the fulfillment team of each order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.kinds import is_confirmed
from lab.course.functions import function_is_right
from lab.course.looking import Look, look_at
from lab.course.names import names
from lab.engine.course import Box, Chapter, Exercise, Expectation


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    n = look.names
    yield Expectation(
        f"The subscription of an e-mail address to {n.topic}",
        "SNS mails no orders before the link in its first mail was opened.",
        "email",
        lambda: _email(look),
        {"state": "confirmed"},
        needs=f"SNS topic {n.topic}",
    )
    actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    allowed = [f"sqs:{action} on {look.queue_arn(n.queue)}" for action in actions]
    topic_arn = look.topic_arn(n.topic)
    allowed.append(f"sns:Publish on {topic_arn}")
    yield from function_is_right(look, n.notify_fulfillment, allowed, {"TOPIC_ARN": topic_arn})


def _email(look: Look) -> dict[str, Any]:
    found = [s for s in look.subscriptions(look.names.topic) if s["Protocol"] == "email"]
    if not found:
        return {}
    return {"state": "confirmed" if any(map(is_confirmed, found)) else "pending"}


def _display_name(aws: boto3.Session) -> str:
    look = look_at(aws)
    topic_arn = look.topic_arn(look.names.topic)
    attributes = look.sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    name = attributes.get("DisplayName", "")
    wanted = "Tea shop"
    return (
        ""
        if name == wanted
        else f"Expected the DisplayName {wanted!r} of {names().topic}, found {name!r}."
    )


CHAPTER = Chapter(
    stem="03_notify_fulfillment",
    builds="topic, e-mail, role, `notify_fulfillment`, test event",
    article="Step 1",
    builds_on=("01",),
    orders=1,
    expects=_expects,
    exercise=Exercise(
        _display_name,
        hints=(
            "It is an attribute of the topic. SNS sets attributes one at a time.",
            "`sns.set_topic_attributes` takes TopicArn, AttributeName and AttributeValue.",
        ),
    ),
    boxes=(
        Box("Lambda\nnotify_fulfillment", 3, 1),
        Box("SNS\nOrders", 2, 1),
        Box("e-mail to\nfulfillment", 1, 1),
    ),
    arrows=(
        ("Lambda\nnotify_fulfillment", "SNS\nOrders"),
        ("SNS\nOrders", "e-mail to\nfulfillment"),
    ),
)
