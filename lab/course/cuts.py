"""Where the chain is cut: the arrows of the drawing that no order passes, and why.

All of it follows from what the checks find, so that picture and `lab check` never disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import boto3

from lab.course.names import Names, names
from lab.engine import checks
from lab.engine.checks import Finding
from lab.engine.course import Course, Cut

_API, _QUEUE, _TOPIC = "API Gateway\nOrders", "SQS\nCustomerOrders", "SNS\nOrders"
_MAIL, _TABLE = "e-mail to\nfulfillment", "DynamoDB\nOrders"
_TAKE, _NOTIFY, _RECORD = (f"Lambda\n{stem}" for stem in Names().functions)


class _Stop(NamedTuple):
    """A finding that stops orders, by one of its differences, `unless` another makes up for it.
    Both are regular expressions."""

    what: str
    by: str = ""
    unless: str = r"(?!)"  # fits nothing


def cuts(course: Course, aws: boto3.Session) -> Iterator[Cut]:
    """Every arrow that is cut, with the first reason that was found. Only looks."""
    found = {
        finding.what: finding
        for number in course.set_up
        for finding in checks.examine(course, aws, course.find(number))
    }
    for (start, end), stops in _stops(names(), aws.region_name).items():
        reasons = [why for stop in stops if (why := _reason(stop, found.get(stop.what)))]
        if reasons:
            yield Cut(start, end, reasons[0])


def _reason(stop: _Stop, finding: Finding | None) -> str:
    """Why nothing passes, in words; "" where something does."""
    wrong = [difference.wrong for difference in finding.differences] if finding else []
    if any(re.search(stop.unless, each) for each in wrong):
        return ""
    first = next((each for each in wrong if re.search(stop.by, each)), "")
    if first == checks.MISSING:
        return f"{stop.what} is missing"
    return f"{stop.what}: {re.sub(' on arn:.*', '', first)}" if first else ""


def _stops(n: Names, region: str) -> dict[tuple[str, str], list[_Stop]]:
    """What stops an order at each arrow."""

    def may(function: str, action: str) -> list[_Stop]:
        what = f"What {n.role(function, region)} may do"
        every = _named(action)
        granted = rf"too much: (.*, )?{every}"
        left_out = rf"permissions boundary .* does not allow (.*, )?{action}\b"
        return [
            _Stop(what, rf"is denied (.*, )?{every}"),
            _Stop(what, f"lacks {action} ", granted),
            _Stop(what, left_out),
        ]

    def lets(function: str, action: str) -> _Stop:
        """What the queue's own policy denies to all, or to the function's role."""
        whom = rf"( to [^,]*{n.role(function, region)}\b[^,]*)?"
        by = rf"denies (.*, )?{_named(action)} [^ ,]+{whom}(,|$)"
        return _Stop(f"The settings of {n.queue}", by)

    return {
        (_API, _TAKE): [
            _Stop(f"REST API {n.api}"),
            *_runs(n.take_order),
            _Stop(f"The permission of {n.api} to invoke {n.take_order}"),
            _Stop(f"The integration of POST /orders with {n.take_order}"),
            _Stop("The stage prod"),
        ],
        (_TAKE, _QUEUE): [
            _Stop(f"SQS queue {n.queue}"),
            *may(n.take_order, "sqs:SendMessage"),
            lets(n.take_order, "sqs:SendMessage"),
        ],
        (_QUEUE, _NOTIFY): [
            _Stop(f"SQS queue {n.queue}"),
            *_runs(n.notify_fulfillment),
            _Stop(f"event source mapping {n.queue} to {n.notify_fulfillment}"),
            _Stop(f"The settings of the trigger of {n.notify_fulfillment}", r"\benabled\b"),
            *may(n.notify_fulfillment, "sqs:ReceiveMessage"),
            lets(n.notify_fulfillment, "sqs:ReceiveMessage"),
        ],
        (_NOTIFY, _TOPIC): [
            _Stop(f"SNS topic {n.topic}"),
            *may(n.notify_fulfillment, "sns:Publish"),
        ],
        (_TOPIC, _MAIL): [_Stop(f"The subscription of an e-mail address to {n.topic}")],
        (_TOPIC, _RECORD): [
            *_runs(n.record_order),
            _Stop(f"subscription {n.topic} to {n.record_order}"),
            _Stop(f"permission of {n.topic} to invoke {n.record_order}"),
        ],
        (_RECORD, _TABLE): [
            _Stop(f"DynamoDB table {n.table}"),
            *may(n.record_order, "dynamodb:PutItem"),
        ],
    }


def _named(action: str) -> str:
    """A right to an action, by its name or by a star: a regular expression."""
    return rf"(\*|{action.partition(':')[0]}:\*|{action}) on"


def _runs(function: str) -> list[_Stop]:
    return [_Stop(f"Lambda function {function}"), _Stop(f"Room for {function} to run")]
