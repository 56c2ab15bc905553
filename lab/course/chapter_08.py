"""Chapter 08: three faults on purpose, and what saves the order from each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import boto3

from lab.course import function_logs
from lab.course.looking import look_at, no_dead_letters, orders_arrived
from lab.course.names import names
from lab.course.orders import recorded
from lab.engine.course import Chapter, Exercise, Expectation

_ORDERS = 13
_SECOND_MS = 1000  # AWS may tell when a trigger was changed in whole seconds


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look, arrived = look_at(aws), f"{_ORDERS} orders of this chapter in the table"
    yield orders_arrived(look, CHAPTER.order_prefix, arrived, _ORDERS, cell="permission")
    yield from no_dead_letters(look, "count", arrived)


def _maintenance(aws: boto3.Session) -> str:
    look = look_at(aws)
    trigger = look.trigger()
    if not trigger:
        return f"{look.names.notify_fulfillment} has no trigger: run the cells above first."
    if trigger["State"] not in ("Enabled", "Enabling", "Updating"):
        return f"The trigger is {trigger['State'].lower()}: switch it on again."
    wanted = ("exercise-08-0", "exercise-08-1")
    there = set(wanted) & set(itertools.islice(recorded(aws, "exercise-08-"), 1000))
    if len(there) < 2:
        return f"{len(there)} of the 2 orders are in {look.names.table} (they may take a moment)."
    return _why_they_did_not_wait(aws, trigger, wanted)


def _why_they_did_not_wait(
    aws: boto3.Session, trigger: dict[str, Any], wanted: tuple[str, ...]
) -> str:
    """ "" if both orders were on the queue when the trigger was switched on, and neither had gone
    on by then."""
    n = names()
    queued = function_logs.times(aws, n.take_order, "QUEUED", wanted)
    published = function_logs.times(aws, n.notify_fulfillment, "PUBLISHED", wanted)
    if len(queued) < 2 or len(published) < 2:
        return "The logs do not have both orders yet: wait a moment."
    switched = trigger["LastModified"].timestamp() * 1000
    if queued[-1] - _SECOND_MS <= switched <= published[0] + _SECOND_MS and (
        published[0] > queued[-1]
    ):
        return ""
    return (
        "The two orders did not wait together while the trigger was off: they went on "
        f"{max(0, published[0] - queued[-1]) / 1000:.1f} s after the second was queued, and the "
        f"trigger was last switched at {trigger['LastModified']:%H:%M:%S}. Switch it off, wait "
        "until it is Disabled, post both, and switch it on."
    )


CHAPTER = Chapter(
    stem="08_break_it",
    builds="three faults on purpose, and what saves the order",
    article="left out",
    builds_on=("01", "02", "03", "04", "05"),
    orders=_ORDERS,
    expects=_expects,
    exercise=Exercise(
        _maintenance,
        hints=(
            "The trigger is an event source mapping; chapter 05's exercise has updated it.",
            "`lambda_.update_event_source_mapping(UUID=..., Enabled=False)`; then ask "
            "`lambda_.get_event_source_mapping(UUID=...)` until its State is Disabled.",
            "`sqs.get_queue_attributes` takes the queue's URL and the AttributeNames. In the end, "
            "Enabled=True.",
        ),
    ),
)
