"""The items of a table, for its screen: read as anyone else would read them."""

from __future__ import annotations

from functools import partial
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from localcloud import arn
from localcloud.cloud import LocalCloud
from localcloud.console import calls

MOST = 500  # that are read for one page

Item = dict[str, Any]
Key = list[tuple[str, str]]  # the names of a key's attributes, and their types


def newest(cloud: LocalCloud, table: str) -> list[Item]:
    """The newest items of the table with this ARN."""
    found = cloud.dynamodb.last_written(arn.parse(table), MOST)
    return sorted(found, key=_newest, reverse=True)


async def by_key(cloud: LocalCloud, table: str, value: str) -> Item | None:
    """The item with this key, where a table has a key of one text."""
    key = (await keys(cloud, table)).get("")
    if key is None or [kind for _, kind in key] != ["S"]:
        return None
    found = await _read(cloud, table)("GetItem", Key={key[0][0]: {"S": value}})
    return _plain(found["Item"]) if "Item" in found else None


async def by_index(cloud: LocalCloud, table: str, index: str, value: str) -> list[Item]:
    """The items with this text as their partition key in an index, the last first."""
    name, _ = (await keys(cloud, table))[index][0]
    found = await _read(cloud, table)(
        "Query",
        IndexName=index,
        Limit=MOST,
        ScanIndexForward=False,
        KeyConditionExpression="#name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": {"S": value}},
    )
    return [_plain(item) for item in found["Items"]]


async def keys(cloud: LocalCloud, table: str) -> dict[str, Key]:
    """The key of a table, by the name "", and those of its indexes, by theirs."""
    described = (await _read(cloud, table)("DescribeTable"))["Table"]
    kinds = {a["AttributeName"]: a["AttributeType"] for a in described["AttributeDefinitions"]}
    schemas = {"": described["KeySchema"]}
    for each in described.get("GlobalSecondaryIndexes", ()):
        schemas[each["IndexName"]] = each["KeySchema"]
    return {
        name: [(part["AttributeName"], kinds[part["AttributeName"]]) for part in schema]
        for name, schema in schemas.items()
    }


def _read(cloud: LocalCloud, table: str) -> Any:
    at = arn.parse(table)
    return partial(calls.read, cloud, "dynamodb", at.region, TableName=at.name)


def _plain(item: dict[str, Any]) -> Item:
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}


def _newest(item: Item) -> float:
    times = [float(v) for k, v in item.items() if "epoch" in k and _is_number(v)]
    return max(times, default=0.0)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
