"""What the functions logged: their lines, and what those say of one order.

Each function prints a line of JSON for an order, with the same keys: `hop`, `order_id`,
`status`, `message_id` where it is known, and `error` where one happened.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from lab.course.names import names

_MOST = 10_000  # lines that AWS gives at once


@dataclass(frozen=True)
class Line:
    """A line that a function logged; `epoch_ms` is when."""

    epoch_ms: int
    function: str
    text: str

    @property
    def says(self) -> dict[str, Any]:
        """What the line says if it is one of JSON; {} if it is another."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def lines(
    aws: boto3.Session, functions: Sequence[str] = (), pattern: str = "", *, quietly: bool = False
) -> list[Line]:
    """All that these functions logged (those of the tutorial unless given), in order of time.

    `pattern` saves AWS from sending lines that nobody wants. A text in quotes is the one kind that
    the local cloud knows, too; the caller checks each line. A log group that is missing is named on
    standard error, unless `quietly`.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    logs = aws.client("logs")
    found: list[Line] = []
    for function in functions or names().functions:
        try:
            found += _lines(logs, function, pattern)
        except logs.exceptions.ResourceNotFoundException:
            if not quietly:
                _say_that_it_is_missing(function)
    return sorted(found, key=lambda line: line.epoch_ms)  # stable: else as in the chain


def of_order(
    aws: boto3.Session, order_id: str, functions: Sequence[str] = (), *, quietly: bool = False
) -> list[Line]:
    """What these functions (those of the tutorial unless given) logged of one order, in order of
    time."""
    found = lines(aws, functions, json.dumps(order_id), quietly=quietly)
    return [line for line in found if line.says.get("order_id") == order_id]


def times(aws: boto3.Session, function: str, status: str, order_ids: Sequence[str]) -> list[int]:
    """When a function last logged this status of each of these orders, in epoch milliseconds, the
    earliest first. Shorter than `order_ids` where it has not."""
    pattern = f"{{ $.status = {json.dumps(status)} }}"
    found = {
        line.says.get("order_id"): line.epoch_ms
        for line in lines(aws, (function,), pattern, quietly=True)
        if line.says.get("status") == status
    }
    return sorted(found[order_id] for order_id in order_ids if order_id in found)


def beginning_with(aws: boto3.Session, beginning: str) -> list[Line]:
    """What was logged of the orders whose ids begin so, in order of time."""
    found = lines(aws, pattern='"order_id"', quietly=True)
    return [line for line in found if str(line.says.get("order_id")).startswith(beginning)]


def errors(aws: boto3.Session) -> dict[str, str]:
    """The last error that was logged of each order and of each message, by their ids."""
    found: dict[str, str] = {}
    for line in lines(aws, pattern='"error"'):
        if {"status", "hop", "error"} <= line.says.keys():
            said = f"{line.says['status']} by {line.says['hop']}: {line.says['error']}"
            ids = (line.says.get("order_id"), line.says.get("message_id"))
            found |= {each: said for each in ids if isinstance(each, str)}
    return found


def last_lines(
    aws: boto3.Session, functions: Sequence[str], count: int, *, quietly: bool = True
) -> list[Line]:
    """The last lines of these functions, `count` in all, in order of time; reads few others. A log
    group that is missing is named on standard error, unless `quietly`."""
    logs: Any = aws.client("logs")
    found: list[Line] = []
    for function in functions:
        try:
            found += _last_lines(logs, function, count)
        except logs.exceptions.ResourceNotFoundException:
            if not quietly:
                _say_that_it_is_missing(function)
    return sorted(found, key=lambda line: line.epoch_ms)[-count:]


def _last_lines(logs: Any, function: str, count: int) -> list[Line]:
    """From the log streams, the one with the newest line first, as far as they are needed."""
    group = names().log_group(function)
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, orderBy="LastEventTime", descending=True
    )
    found: list[Line] = []
    for stream in (each for page in pages for each in page["logStreams"]):
        if len(found) == count and stream.get("lastEventTimestamp", 0) < found[0].epoch_ms:
            break
        events = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], limit=min(count, _MOST)
        )
        found += [Line(e["timestamp"], function, e["message"].rstrip()) for e in events["events"]]
        found = sorted(found, key=lambda line: line.epoch_ms)[-count:]
    return found


def _say_that_it_is_missing(function: str) -> None:
    print(f"There is no log group {names().log_group(function)}.", file=sys.stderr)


def _lines(logs: Any, function: str, pattern: str) -> Iterator[Line]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=names().log_group(function), filterPattern=pattern
    )
    for page in pages:
        for event in page["events"]:
            yield Line(event["timestamp"], function, event["message"].rstrip())
