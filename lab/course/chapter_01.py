"""Chapter 01: the place where orders wait, and the function that puts them there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

from lab.course.functions import function_is_right
from lab.course.looking import Look, look_at
from lab.course.names import Names, names
from lab.course.roles import rights_in
from lab.engine.course import Box, Chapter, Detail, Exercise, Expectation

_SETTINGS = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "90"}

_NO_POLICY = (
    'In a cell: `lab.session().resource("sqs").get_queue_by_name(QueueName="{}")'
    '.set_attributes(Attributes={{{{"Policy": ""}}}})`; in the console: SQS, the queue, Access '
    "policy, Edit."
)


# -- What must be true -----------------------------------------------------------------------------


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    yield _queue(look)
    yield from _function(look)


def _redrive(look: Look) -> dict[str, Any]:
    arn = look.queue_arn(look.names.queue_dead_letters)
    return {"deadLetterTargetArn": arn, "maxReceiveCount": 5}


def _settings(look: Look) -> dict[str, Any]:
    """The queue's attributes, and what its own policy denies ("sqs:ReceiveMessage on *"); {} if
    there is no such queue."""
    found = look.queue(look.names.queue)
    return found and {**found, "denied": [*rights_in(found.get("Policy", {}), "Deny")]}


def _queue(look: Look) -> Expectation:
    name = look.names.queue
    return Expectation(
        f"The settings of {name}",
        "They decide how long an order may wait, and how often it is tried.",
        "queue",
        lambda: _settings(look),
        {**_SETTINGS, "RedrivePolicy": _redrive(look), "denied": []},
        needs=f"SQS queue {name}",
        details={
            "MessageRetentionPeriod": Detail("An order that waits for longer is deleted."),
            "VisibilityTimeout": Detail(
                "A short one delivers an order again while the function still works on it; a long "
                "one lets an order that failed wait."
            ),
            "RedrivePolicy": Detail(
                "It moves what failed five times to the dead-letter queue; without it a bad order "
                "comes back again and again until it is deleted."
            ),
            "denied": Detail(
                "What the queue denies, no role's policy can allow: orders stay out, or wait.",
                "its own policy denies {found}",
                _NO_POLICY.format(name),
            ),
        },
    )


def _function(look: Look) -> Iterator[Expectation]:
    n = look.names
    actions = ("CreateQueue", "TagQueue", "GetQueueUrl", "SendMessage")
    allowed = [f"sqs:{action} on {look.queue_arn(n.queue)}" for action in actions]
    allowed.append(f"sns:Publish on {look.topic_arn(n.stakeholders)}")
    variables = {
        "QUEUE_NAME": n.queue,
        "QUEUE_ATTRIBUTES": {**_SETTINGS, "RedrivePolicy": json.dumps(_redrive(look))},
        "QUEUE_TAGS": n.tags,
        "STAKEHOLDERS_TOPIC_ARN": look.topic_arn(n.stakeholders),
    }
    return function_is_right(look, n.take_order, allowed, variables)


# -- The exercise ----------------------------------------------------------------------------------


def _long_polling(aws: boto3.Session) -> str:
    sqs: Any = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=names().queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    name = "ReceiveMessageWaitTimeSeconds"
    seconds = found.get(name, "0")
    return "" if seconds == "20" else f"Expected {name} 20 of {names().queue}, found {seconds}."


CHAPTER = Chapter(
    stem="01_take_orders",
    builds="queue, topic, role, `take_order`, two orders that wait",
    article="taken for granted",
    orders=2,
    expects=_expects,
    exercise=Exercise(
        _long_polling,
        hints=(
            "It is an attribute of the queue, like its visibility timeout. Find the method of "
            "`sqs` that changes the attributes of a queue that exists.",
            "`set_queue_attributes` wants the queue's URL, which `get_queue_url` gives, and a "
            "dictionary of attributes.",
            'All values are strings, also numbers: {"ReceiveMessageWaitTimeSeconds": "20"}.',
        ),
    ),
    boxes=(
        Box("Lambda\ntake_order", 2, 0, Names.role("take_order", "<region>")),
        Box("SQS\nCustomerOrders", 3, 0),
        Box("dead letters\nof the queue", 4, 0),
    ),
    arrows=(
        ("Lambda\ntake_order", "SQS\nCustomerOrders"),
        ("SQS\nCustomerOrders", "dead letters\nof the queue"),
    ),
)
