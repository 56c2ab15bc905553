"""Whether the orders in a queue move, or its trigger stands still.

One look cannot tell: what has just been sent waits for a moment, too. So a trigger that seems to
stand still is watched for as long as it may take. The local cloud says what it has under way and
since when. SQS alone says less: there a trigger stands still when messages wait and none is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3

from lab.aws import reads
from lab.aws.arn import name_in
from lab.aws.waiting import wait_until
from lab.engine.display import printable
from lab.errors import WaitTimeoutError
from lab.here import local

PATIENCE_SECONDS = 10.0  # the local cloud fetches at once
PATIENCE_ON_AWS_SECONDS = 30.0  # a trigger that was just made or changed takes its time there
_TOO_LONG_SECONDS = 90  # a usual visibility timeout: by then SQS has given up on the answer


@dataclass(frozen=True)
class Standing:
    """What waits in a queue and what is under way from it, at one moment. What is not known is
    None."""

    waiting: int
    under_way: int
    oldest_seconds: float | None = None
    under_way_seconds: float | None = None
    progress: object = None
    result: str = ""

    @property
    def is_still(self) -> bool:
        """Whether nothing is under way of what waits, or the same for too long."""
        if self.under_way:
            return (self.under_way_seconds or 0) > _TOO_LONG_SECONDS
        return self.waiting > 0

    def has_moved_since(self, before: Standing) -> bool:
        return self.progress != before.progress or self.waiting < before.waiting

    def __str__(self) -> str:
        """ "100 waiting, the oldest for 134 s, none under way" """
        oldest = f", the oldest for {self.oldest_seconds:.0f} s" if self.oldest_seconds else ""
        since = f" for {self.under_way_seconds:.0f} s" if self.under_way_seconds else ""
        under_way = f"{self.under_way} under way{since}" if self.under_way else "none under way"
        result = f"; the last result of the trigger: {self.result}" if self.result else ""
        return f"{self.waiting} waiting{oldest}, {under_way}{result}"


def patience(aws: boto3.Session, mapping: dict[str, Any]) -> float:
    """How many seconds a trigger may take to fetch what waits, with its batching window."""
    seconds = PATIENCE_SECONDS if cloud_status(aws) else PATIENCE_ON_AWS_SECONDS
    return seconds + float(mapping.get("MaximumBatchingWindowInSeconds") or 0)


def find_standstill(aws: boto3.Session, queue_url: str, mapping: dict[str, Any]) -> Standing | None:
    """How things stand where the trigger does not move what waits; None if it does.

    `mapping` is Lambda's description of the trigger. One that is off, or is just being changed,
    does not have to move.
    """
    first = last = look(aws, queue_url, mapping)
    if mapping["State"] != "Enabled" or not first.is_still:
        return None

    def moves() -> bool:
        nonlocal last
        with reads.each_time():
            last = look(aws, queue_url, mapping)
        return not last.is_still or last.has_moved_since(first)

    try:
        wait_until(moves, "the orders that wait move on", timeout=patience(aws, mapping))
    except WaitTimeoutError:
        return last
    return None


def look(aws: boto3.Session, queue_url: str, mapping: dict[str, Any]) -> Standing:
    """How things stand right now, from the local cloud or, where that does not say, from SQS."""
    function = name_in(mapping["FunctionArn"])
    services = (cloud_status(aws) or {}).get("services", {})
    for found in services.get("lambda", {}).get("event_source_mappings", ()):
        if (found["function"], found["queue"]) == (function, mapping["EventSourceArn"]):
            return _standing(found)
    return _look_at_queue(aws.client("sqs"), queue_url, mapping)


def _look_at_queue(sqs: Any, queue_url: str, mapping: dict[str, Any]) -> Standing:
    waiting, hidden = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[waiting, hidden])
    counts = found["Attributes"]
    result = mapping.get("LastProcessingResult") or ""
    return Standing(int(counts[waiting]), int(counts[hidden]), result=result)


def in_words(trigger: dict[str, Any]) -> str:
    """How the local cloud says that a trigger does: "CustomerOrders to notify_fulfillment: ..." """
    queue = name_in(trigger["queue"])
    off = "" if trigger["enabled"] else " (switched off)"
    hidden = (
        f"; {trigger['in_flight']} in hand, or to be tried again" if trigger["in_flight"] else ""
    )
    return printable(f"{queue} to {trigger['function']}{off}: {_standing(trigger)}{hidden}")


def _standing(found: dict[str, Any]) -> Standing:
    return Standing(
        found["waiting"],
        found["under_way"],
        found.get("oldest_seconds"),
        found.get("under_way_since_seconds"),
        found.get("last_progress_ms"),
        found.get("last_result") or "",
    )


def cloud_status(aws: boto3.Session) -> dict[str, Any] | None:
    """The status of the local cloud that this session talks to; None for AWS and look-alikes."""
    url = getattr(aws, "endpoint_url", None)
    return local.status(url) if url else None
