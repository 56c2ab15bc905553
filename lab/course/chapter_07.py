"""Chapter 07: many orders, and where their time goes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import boto3

from lab.course import function_logs
from lab.course.looking import look_at, orders_arrived
from lab.course.names import names
from lab.course.orders import recorded
from lab.engine.course import Chapter, Exercise, Expectation

_ORDERS = 200
_AT_ONCE_MS = 1000


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    what = f"{_ORDERS} orders of this chapter in the table"
    yield orders_arrived(look_at(aws), CHAPTER.order_prefix, what, _ORDERS)


def _rush(aws: boto3.Session) -> str:
    wanted = {f"exercise-07-{number}" for number in range(5)}
    there = wanted & set(itertools.islice(recorded(aws, "exercise-07-"), 1000))
    if there != wanted:
        return f"{len(there)} of the 5 orders are in {names().table} (they may take a moment)."
    queued = function_logs.times(aws, names().take_order, "QUEUED", sorted(wanted))
    took = queued[-1] - queued[0] if len(queued) == len(wanted) else None
    if took is None:
        return f"The log of {names().take_order} does not have all five yet: wait a moment."
    if took <= _AT_ONCE_MS:
        return ""
    return (
        f"Expected all five within a second, found {took / 1000:.1f} s from the first to the last: "
        "send them at the same moment, from five threads."
    )


CHAPTER = Chapter(
    stem="07_measure",
    builds=f"{_ORDERS} orders, and pictures of where the time goes",
    article="promised, not shown",
    builds_on=("01", "02", "03", "04", "05"),
    orders=_ORDERS,
    expects=_expects,
    exercise=Exercise(
        _rush,
        hints=(
            "`post` sends one order, and can be called from many threads.",
            "`concurrent.futures.ThreadPoolExecutor(5)` has a method `map`.",
        ),
    ),
)
