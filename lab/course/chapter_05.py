"""Chapter 05: many orders, and where their time goes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import boto3

from lab.course.looking import look_at, orders_arrived
from lab.course.names import names
from lab.course.orders import recorded
from lab.engine.course import Chapter, Exercise, Expectation

_ORDERS = 200


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    what = f"{_ORDERS} orders of this chapter in the table"
    yield orders_arrived(look_at(aws), CHAPTER.order_prefix, what, _ORDERS)


def _rush(aws: boto3.Session) -> str:
    wanted = {f"exercise-05-{number}" for number in range(5)}
    there = wanted & set(itertools.islice(recorded(aws, "exercise-05-"), 1000))
    if there == wanted:
        return ""
    return f"{len(there)} of the 5 orders are in {names().table} (they may take a moment)."


CHAPTER = Chapter(
    stem="05_measure",
    builds=f"{_ORDERS} orders, and pictures of where the time goes",
    article="promised, not shown",
    builds_on=("00", "01", "02", "03"),
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
