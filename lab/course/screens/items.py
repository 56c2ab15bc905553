"""The table of orders, the newest first.

A small table is read as a whole. To do that with twenty thousand items takes a quarter of a minute,
so of a large one only the newest are asked for, day by day, as the index has them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

from lab.course.names import names
from lab.course.screens.found import MOST_ROWS, found, screen_of
from lab.engine.screen import Screen, Table

_COLUMNS = ("product", "quantity", "order_id", "posted_at", "record_id")
_SMALL = 1000  # items
_DAYS = 14  # as long as SQS keeps an order


def table(aws: boto3.Session) -> Screen:
    """The table with its newest items. Of a large one on AWS the count may be some hours old."""
    resource, _ = found(aws, "DynamoDB table", names().table)
    orders: Any = aws.resource("dynamodb").Table(names().table)
    count: int = orders.item_count
    if count > _SMALL:
        newest = list(islice(_of_last_days(orders), MOST_ROWS))
    else:
        newest, count = _of_all(orders)
    rows = [tuple(item.get(column) for column in _COLUMNS) for item in newest]
    says = "" if rows else "No order was recorded lately. Post one."
    return screen_of(
        resource, {"items": count}, Table(_COLUMNS, rows, "The newest items", count), says=says
    )


def _of_all(orders: Any) -> tuple[list[dict[str, Any]], int]:
    """The newest items, and how many there are; keeps no more than those."""
    newest: list[dict[str, Any]] = []
    count = 0
    for page in orders.meta.client.get_paginator("scan").paginate(TableName=orders.name):
        count += len(page["Items"])
        newest = heapq.nlargest(
            MOST_ROWS, [*newest, *page["Items"]], key=lambda item: item.get("posted_epoch", 0)
        )
    return newest, count


def _of_last_days(orders: Any) -> Iterator[dict[str, Any]]:
    """The newest items of the last days."""
    today = datetime.now(UTC).date()
    for days in range(_DAYS):
        day = Key("order_date").eq((today - timedelta(days)).isoformat())
        index = {"IndexName": "by-date", "ScanIndexForward": False, "Limit": MOST_ROWS}
        yield from orders.query(KeyConditionExpression=day, **index)["Items"]
