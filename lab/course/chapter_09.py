"""Chapter 09: three faults in which something is lost, and how the orders come back."""

from __future__ import annotations

from collections.abc import Iterator

import boto3

from lab.course.looking import look_at, no_dead_letters, orders_arrived
from lab.engine.course import Chapter, Exercise, Expectation

_ORDERS = 8


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look, arrived = look_at(aws), f"{_ORDERS} orders of this chapter in the table"
    yield orders_arrived(look, CHAPTER.order_prefix, arrived, _ORDERS, cell="twice")
    yield from no_dead_letters(look, "count", arrived)


def _recovery(aws: boto3.Session) -> str:
    look = look_at(aws)
    table = look.names.table
    try:
        found = look.dynamodb.describe_continuous_backups(TableName=table)
    except look.dynamodb.exceptions.TableNotFoundException:
        return f"There is no table {table}: run the cells above first."
    backups = found["ContinuousBackupsDescription"]
    status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if status == "ENABLED":
        return ""
    return f"Point-in-time recovery of {table}: expected ENABLED, found {status}."


CHAPTER = Chapter(
    stem="09_lose_it",
    builds="three faults in which something is lost, and comes back",
    article="left out",
    builds_on=("01", "02", "03", "04", "05"),
    orders=_ORDERS,
    expects=_expects,
    exercise=Exercise(
        _recovery,
        hints=(
            "It belongs to what DynamoDB calls continuous backups. Look for a method of "
            "`dynamodb`, the client, that updates those.",
            "`update_continuous_backups` takes TableName and PointInTimeRecoverySpecification.",
            'The specification is {"PointInTimeRecoveryEnabled": True}.',
        ),
    ),
)
