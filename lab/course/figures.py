"""The figures of the chain, hop by hop: what waits, what is under way, what was stored.

The local cloud tells them in its status. AWS tells the counts of SQS and DynamoDB; it has
invocations and errors as well, but in CloudWatch only, minutes later and for money. What is not
known is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws.inventory import is_missing
from lab.aws.movement import cloud_status
from lab.course.looking import Look, look_at


@dataclass(frozen=True)
class Figures:
    """What one hop has to do and has done. `dead_letters` is what waits in the queue that catches
    what this hop could not pass on."""

    hop: str
    waiting: int | None = None
    in_flight: int | None = None
    oldest_seconds: float | None = None
    invocations: int | None = None
    errors: int | None = None
    stored: int | None = None
    dead_letters: int | None = None


def figures(aws: boto3.Session) -> list[Figures]:
    """The figures of each hop that is there, in the order of the chain. Only looks."""
    look = look_at(aws)
    n, services = look.names, (cloud_status(aws) or {}).get("services", {})
    hops = [
        _function(look, services, n.take_order),
        _queue(look, services, n.queue, n.queue_dead_letters),
        _function(look, services, n.notify_fulfillment),
        _topic(look, services),
        _function(look, services, n.record_order, n.function_dead_letters),
        _table(look),
    ]
    found = [each for each in hops if each is not None]
    return [*found, *_mailbox(services)] if found else []


def _queue(look: Look, services: Any, name: str, dead_letters: str) -> Figures | None:
    found = _counts(look, services, name)
    if found is None:
        return None
    return replace(found, dead_letters=_waiting(look, services, dead_letters))


def _waiting(look: Look, services: Any, name: str) -> int | None:
    """What a dead-letter queue holds, in hand or not; None if there is no such queue."""
    found = _counts(look, services, name)
    return None if found is None else (found.waiting or 0) + (found.in_flight or 0)


def _counts(look: Look, services: Any, name: str) -> Figures | None:
    hop = f"queue {name}"
    if services:
        told = _of_arn(services["sqs"]["queues"], look.queue_arn(name))
        return told and Figures(hop, told["visible"], told["in_flight"], told["oldest_seconds"])
    asked, count = look.queue(name), "ApproximateNumberOfMessages"
    return Figures(hop, int(asked[count]), int(asked[f"{count}NotVisible"])) if asked else None


def _of_arn(listing: list[dict[str, Any]], arn: str) -> Any:
    return next((each for each in listing if each["arn"] == arn), None)


def _function(look: Look, services: Any, name: str, dead_letters: str = "") -> Figures | None:
    stuck = _waiting(look, services, dead_letters) if dead_letters else None
    found = Figures(f"function {name}", dead_letters=stuck)
    if not services:
        return found if _is_there(look, name) else None
    told = _of_arn(services["lambda"]["functions"], look.function_arn(name))
    return told and replace(
        found,
        waiting=told.get("waiting", 0),
        in_flight=len(told.get("under_way", ())),
        invocations=told.get("invocations"),
        errors=told.get("errors"),
    )


def _is_there(look: Look, function: str) -> bool:
    try:
        look.lambda_.get_function_configuration(FunctionName=function)
    except look.lambda_.exceptions.ResourceNotFoundException:
        return False
    return True


def _topic(look: Look, services: Any) -> Figures | None:
    """SNS keeps nothing, so a topic has dead letters at most."""
    stuck = _waiting(look, services, look.names.topic_dead_letters)
    try:
        look.sns.get_topic_attributes(TopicArn=look.topic_arn(look.names.topic))
    except look.sns.exceptions.NotFoundException:
        return None
    return Figures(f"topic {look.names.topic}", dead_letters=stuck)


def _table(look: Look) -> Figures | None:
    """DynamoDB counts a table's items about every six hours, the local cloud at once."""
    name = look.names.table
    try:
        count = look.dynamodb.describe_table(TableName=name)["Table"]["ItemCount"]
    except ClientError as error:
        if not is_missing(error):
            raise
        return None
    return Figures(f"table {name}", stored=count)


def _mailbox(services: Any) -> Iterator[Figures]:
    """The local cloud has one, unless its mail leaves through an SMTP server."""
    told = services["sns"]["mailbox"] if services else {}
    if told.get("directory") is not None:
        yield Figures("mailbox", waiting=told["on_their_way"], stored=told["mails"])
