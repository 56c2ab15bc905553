"""The table of orders, the newest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import boto3

from lab.course.names import names
from lab.course.screens.found import MOST_ROWS, found, screen_of
from lab.engine.screen import Screen, Table

_COLUMNS = ("product", "quantity", "order_id", "posted_at", "record_id")


def table(aws: boto3.Session) -> Screen:
    """The table with its newest items. Reads it page by page and keeps only those."""
    resource, _ = found(aws, "DynamoDB table", names().table)
    items = _Counted(_items(aws))
    newest = heapq.nlargest(MOST_ROWS, items, key=lambda item: item.get("posted_epoch", 0))
    rows = [tuple(item.get(column) for column in _COLUMNS) for item in newest]
    says = "" if rows else "No order is recorded yet. Post one."
    shown = Table(_COLUMNS, rows, "The newest items", items.count)
    return screen_of(resource, {"items": items.count}, shown, says=says)


def _items(aws: boto3.Session) -> Iterator[dict[str, Any]]:
    client: Any = aws.resource("dynamodb").meta.client
    for page in client.get_paginator("scan").paginate(TableName=names().table):
        yield from page["Items"]


class _Counted:
    """An iterator that knows how many it has given out."""

    def __init__(self, items: Iterator[dict[str, Any]]) -> None:
        self._items, self.count = items, 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for item in self._items:
            self.count += 1
            yield item
