"""Chapter 06: faults on purpose, and what saves the order from each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import boto3

from lab.course.looking import look_at, no_dead_letters, orders_arrived
from lab.course.orders import recorded
from lab.engine.course import Chapter, Exercise, Expectation

_ORDERS = 19


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
    there = len(list(itertools.islice(recorded(aws, "exercise-06-"), 1000)))
    if there >= 2:
        return ""
    return f"{there} of the 2 orders are in {look.names.table} (they may take a moment)."


CHAPTER = Chapter(
    stem="06_break_it",
    builds="six faults on purpose, and what saves the order",
    article="left out",
    builds_on=("00", "01", "02", "03"),
    orders=_ORDERS,
    expects=_expects,
    exercise=Exercise(
        _maintenance,
        hints=(
            "The trigger is an event source mapping; chapter 03's exercise has updated it.",
            "`lambda_.update_event_source_mapping(UUID=..., Enabled=False)`; then ask "
            "`lambda_.get_event_source_mapping(UUID=...)` until its State is Disabled.",
            "`sqs.get_queue_attributes` takes the queue's URL and the AttributeNames. In the end, "
            "Enabled=True.",
        ),
    ),
)
