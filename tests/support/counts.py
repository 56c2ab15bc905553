"""What a queue holds."""

from __future__ import annotations

from typing import Any, NamedTuple


class Counts(NamedTuple):
    """How many messages of a queue are visible, in somebody's hands, and delayed."""

    visible: int
    in_flight: int
    delayed: int


def counts(sqs: Any, url: str) -> Counts:
    """What a queue holds, in one request: between two, a message could move."""
    names = ["", "NotVisible", "Delayed"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return Counts(*(int(found[f"ApproximateNumberOfMessages{name}"]) for name in names))
