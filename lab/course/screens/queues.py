"""The queue of orders, and the dead letters.

The local cloud tells of the messages in a queue without receiving them. AWS does not: there each
look would count as a try, and after five tries an order moves to the dead-letter queue. So on AWS
only the counts are shown. Dead-letter queues have no such limit, so their messages are read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3

from lab.aws.arn import name_in
from lab.aws.movement import cloud_status
from lab.course import dead_letters as stuck
from lab.course.looking import look_at
from lab.course.names import names
from lab.course.orders import order_in
from lab.course.screens.found import MOST_ROWS, found, screen_of
from lab.engine.screen import Screen, Table

_COUNT = "ApproximateNumberOfMessages"
_BEGINNING = 100  # characters of what is no order
_ON_AWS = (
    "AWS shows messages only to those who receive them, and counts that as a try. So here are the "
    "counts alone; SQS may be a few seconds behind with them."
)


def queue(aws: boto3.Session) -> Screen:
    """The queue of orders, with its oldest messages."""
    resource, _ = found(aws, "SQS queue", names().queue)
    attributes = look_at(aws).queue(names().queue)
    told = told_of_queue(aws, attributes["QueueArn"])
    facts = _facts(attributes)
    if told is None:
        return screen_of(resource, facts, says=_ON_AWS)
    if told["oldest_seconds"] is not None:
        facts["the oldest waits for"] = f"{told['oldest_seconds']:.0f} s"
    total = told["visible"] + told["in_flight"] + told["delayed"]
    says = "" if total else "No order waits. Post one, and look again before it is fetched."
    return screen_of(resource, facts, _messages(told["messages"], total), says=says)


def told_of_queue(aws: boto3.Session, arn: str) -> dict[str, Any] | None:
    """What the local cloud tells of a queue, its first messages included; None on AWS."""
    queues = ((cloud_status(aws) or {}).get("services") or {}).get("sqs", {}).get("queues", ())
    return next((each for each in queues if each["arn"] == arn), None)


def _facts(attributes: dict[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {
        "waiting": attributes[_COUNT],
        "in flight": attributes[f"{_COUNT}NotVisible"],
        "delayed": attributes[f"{_COUNT}Delayed"],
        "visibility timeout": f"{attributes['VisibilityTimeout']} s",
        "kept for": f"{int(attributes['MessageRetentionPeriod']) // 86400} days",
    }
    if redrive := attributes.get("RedrivePolicy"):
        target, tries = name_in(redrive["deadLetterTargetArn"]), redrive["maxReceiveCount"]
        facts["dead-letter queue"] = f"{target}, after {tries} receives"
    return facts


def _messages(messages: list[dict[str, Any]], total: int) -> Table:
    columns = ("product", "quantity", "order", "sent (UTC)", "received", "state")
    rows = [(*_content(message), *_delivery(message)) for message in messages[:MOST_ROWS]]
    return Table(columns, rows, "The oldest messages", total)


def _content(message: dict[str, Any]) -> tuple[object, ...]:
    """Product, quantity and id; or the beginning of a body that is no order, or is too long."""
    order = order_in(message["body"])
    if {"product", "quantity"} <= order.keys():
        return order["product"], order["quantity"], order.get("order_id")
    body = message["body"]
    rest = f"… ({message['bytes']:,} bytes)" if len(body) > _BEGINNING else ""
    return f"not an order: {body[:_BEGINNING]}{rest}", "", order.get("order_id")


def _delivery(message: dict[str, Any]) -> tuple[object, ...]:
    """When it was sent, how often it was received, and whether it can be received now."""
    state, seconds = message["state"], message["visible_in_seconds"]
    if state != "visible":
        state = f"{state}, visible in {seconds:.0f} s"
    times = message["receive_count"]
    return clock(message["sent_epoch_ms"]), f"{times} time{'s' * (times != 1)}", state


def clock(epoch_ms: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def dead_letters(aws: boto3.Session) -> Screen:
    """What is stuck in all three dead-letter queues, and why."""
    letters = stuck.dead_letters(aws)
    rows = [_letter(letter) for letter in letters[:MOST_ROWS]]
    columns = ("product", "quantity", "order", "queue", "since (UTC)", "tried", "why")
    return Screen(
        "Dead-letter queues",
        "What failed for good is put aside here, so that no order is lost.",
        tables=(Table(columns, rows, total=len(letters)),),
        says="Fix the cause, then run `lab redrive`." if letters else "No dead letters.",
    )


def _letter(letter: stuck.DeadLetter) -> tuple[object, ...]:
    since = f"{letter.since:%Y-%m-%d %H:%M:%S}"
    product = "cannot be read" if letter.product is None else letter.product
    return product, letter.quantity, letter.order_id, letter.queue, since, letter.tried, letter.why
