"""What SQS refuses of a call before it looks at the queue, and moto accepts or words otherwise.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.call import Call

Problem = tuple[str, str]  # the code and the text of an error
_PREFIX = "AWS.SimpleQueueService."
MAX_ENTRIES = 10
ENTRY_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
# The operations on many messages, with the name of their entries.
BATCHES = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibilityBatchRequestEntry",
    "DeleteMessageBatch": "DeleteMessageBatchRequestEntry",
    "SendMessageBatch": "SendMessageBatchRequestEntry",
}
_BETWEEN = "Must be between {} and {}, if provided."
_AT_LEAST = "Must be >= {} and <= {}, if provided."
_VISIBILITY = {"VisibilityTimeout": (0, 43_200, _BETWEEN)}
_RANGES: dict[str, dict[str, tuple[int, int, str]]] = {
    "ChangeMessageVisibility": _VISIBILITY,
    "ReceiveMessage": {
        **_VISIBILITY,
        "MaxNumberOfMessages": (1, 10, _BETWEEN),
        "WaitTimeSeconds": (0, 20, _AT_LEAST),
    },
}
_SYSTEM_ATTRIBUTES = {
    "AWSTraceHeader", "All", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn", "MessageDeduplicationId", "MessageGroupId", "SenderId",
    "SentTimestamp", "SequenceNumber", "SqsManagedSseEnabled",
}  # fmt: skip


def problem(call: Call) -> Problem | None:
    """Why SQS refuses the call, or None."""
    return next(_problems(call.operation, call.parameters), None)


def _problems(operation: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _out_of_range(_RANGES.get(operation, {}), given)
    if operation in BATCHES:
        yield from _wrong_batch(BATCHES[operation], given["Entries"])
    if operation == "ReceiveMessage":
        for member in ("AttributeNames", "MessageSystemAttributeNames"):
            for name in given.get(member) or []:
                if name not in _SYSTEM_ATTRIBUTES:
                    yield "InvalidAttributeName", f"Unknown Attribute {name}."
    if operation == "SendMessage":
        yield from _wrong_message(given)


def is_within(value: Any, least: int, most: int) -> bool:
    """Whether a value is a number in this range, or a text that is one."""
    try:
        return least <= int(value) <= most
    except (TypeError, ValueError):
        return False


def _out_of_range(
    ranges: Mapping[str, tuple[int, int, str]], given: Mapping[str, Any]
) -> Iterator[Problem]:
    for name, (least, most, reason) in ranges.items():
        value = given.get(name)
        if value is not None and not least <= value <= most:
            text = f"Value {value} for parameter {name} is invalid. Reason: "
            yield "InvalidParameterValue", text + reason.format(least, most)


def _wrong_batch(kind: str, entries: list[Mapping[str, Any]]) -> Iterator[Problem]:
    ids = [entry["Id"] for entry in entries]
    if not ids:
        text = f"There should be at least one {kind} in the request."
        yield f"{_PREFIX}EmptyBatchRequest", text
    if len(ids) > MAX_ENTRIES:
        text = f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(ids)}."
        yield f"{_PREFIX}TooManyEntriesInBatchRequest", text
    if not all(map(ENTRY_ID.fullmatch, ids)):
        text = (
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long."
        )
        yield f"{_PREFIX}InvalidBatchEntryId", text
    for entry_id, count in Counter(ids).items():
        if count > 1:
            yield f"{_PREFIX}BatchEntryIdsNotDistinct", f"Id {entry_id} repeated."


def _wrong_message(given: Mapping[str, Any]) -> Iterator[Problem]:
    for name in given.get("MessageSystemAttributes") or {}:
        if name != "AWSTraceHeader":
            yield "InvalidParameterValue", f"Message system attribute name '{name}' is invalid."
