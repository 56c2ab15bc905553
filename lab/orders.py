"""The orders in the table that a chapter sent, told apart by what their ids begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr

from lab.names import names


def recorded(aws: boto3.Session, beginning: str) -> Iterator[str]:
    """The ids in the table that begin so; none if there is no table. Reads page by page."""
    client = aws.client("dynamodb")
    table: Any = aws.resource("dynamodb").Table(names().table)
    more: dict[str, Any] = {}
    try:
        while True:
            page = table.scan(
                FilterExpression=Attr("order_id").begins_with(beginning),
                ProjectionExpression="order_id",
                **more,
            )
            yield from (item["order_id"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    except client.exceptions.ResourceNotFoundException:
        return


def forget(aws: boto3.Session, beginning: str) -> int:
    """Delete the orders whose ids begin so; returns how many there were."""
    table: Any = aws.resource("dynamodb").Table(names().table)
    ids = list(recorded(aws, beginning))
    with table.batch_writer() as batch:
        for order_id in ids:
            batch.delete_item(Key={"order_id": order_id})
    return len(ids)
