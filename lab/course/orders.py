"""Orders: the one in a message, and those in the table that a chapter sent, told apart by what
their ids begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.inventory import survey
from lab.course.names import names
from lab.course.resources import inventory
from lab.here.folders import BUILD

ORDERS_FILE = BUILD / "orders.jsonl"  # where the exercise of the last chapter saves them


def order_in(body: str) -> dict[str, Any]:
    """The order in a message: as it was queued, as an event for a function, or from SNS.

    Its texts and numbers by field; {} for what is no order.
    """
    try:
        found = json.loads(body)
        found = found["Records"][0]["Sns"] if "Records" in found else found
        found = json.loads(found["Message"]) if "Message" in found else found
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str | int)}


def recorded(aws: boto3.Session, beginning: str) -> Iterator[str]:
    """The ids in the table that begin so; none if there is no table. Reads page by page.

    It asks for all of a kind ("chapter-"), so that the checks of several chapters read the table
    once (lab/aws/reads.py).
    """
    kind, hyphen, _ = beginning.partition("-")
    client = aws.client("dynamodb")
    pages = client.get_paginator("scan").paginate(
        TableName=names().table,
        FilterExpression="begins_with(order_id, :kind)",
        ExpressionAttributeValues={":kind": {"S": kind + hyphen}},
    )
    try:
        for page in pages:
            ids = (item["order_id"]["S"] for item in page["Items"])
            yield from (order_id for order_id in ids if order_id.startswith(beginning))
    except client.exceptions.ResourceNotFoundException:
        return


def stored(aws: boto3.Session, order_id: str) -> dict[str, Any]:
    """The item of an order; {} if there is none, or no table."""
    table: Any = aws.resource("dynamodb").Table(names().table)
    try:
        found = table.get_item(Key={"order_id": order_id}, ConsistentRead=True)
    except table.meta.client.exceptions.ResourceNotFoundException:
        return {}
    return dict(found.get("Item", {}))


def forget(aws: boto3.Session, beginning: str) -> int:
    """Delete the orders whose ids begin so; returns how many there were."""
    table: Any = aws.resource("dynamodb").Table(names().table)
    ids = list(recorded(aws, beginning))
    with table.batch_writer() as batch:
        for order_id in ids:
            batch.delete_item(Key={"order_id": order_id})
    return len(ids)


def forget_those_of(aws: boto3.Session, numbers: tuple[str, ...]) -> int:
    """Delete the orders of these chapters from the table, unless it goes as a whole; returns how
    many there were."""
    table = next(each for each in inventory(aws) if each.kind == "DynamoDB table")
    if table.chapter in numbers or not any(found.ours for found in survey([table])):
        return 0
    total = 0
    for number in numbers:
        count = sum(forget(aws, f"{kind}-{number}") for kind in ("chapter", "exercise"))
        total += count
        if count:
            print(f"Deleted what chapter {number} ordered from the table: {count}.")
    return total
