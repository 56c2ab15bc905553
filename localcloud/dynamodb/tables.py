"""Tables as DynamoDB shows them, and the words in which it refuses some.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import SecondaryIndex, Table

from localcloud import clock, upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import ACCOUNT_ID, original, replaces

_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_SHORTEST, _LONGEST = 3, 255  # letters of a table's name
_MOST_INDEXES = 20  # global ones
_ON_DEMAND = "PAY_PER_REQUEST"
_COUNTED_EACH_TIME = 200  # items of a table, up to which an index is counted at each look
_COUNT_HOLDS_MS = 60_000  # above that
_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


def refusal(call: Call) -> Response | None:
    """The answer to a call for a table that DynamoDB refuses in other words than moto; None for
    any other."""
    given = call.parameters
    if call.operation == "CreateTable" and (problem := next(_problems(given), "")):
        return call.error(400, "ValidationException", problem)
    is_on_demand = given.get("BillingMode") == _ON_DEMAND
    if call.operation == "CreateTable" and is_on_demand and given.get("ProvisionedThroughput"):
        text = (
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
            f"WriteCapacityUnits can be specified when BillingMode is {_ON_DEMAND}"
        )
        return call.error(400, "ValidationException", text)
    if call.operation == "DeleteTable":
        return _refuse_to_delete_nothing(call)
    return None


def _problems(given: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a new table, in AWS's words."""
    name = given["TableName"]
    for is_wrong, must in (
        (len(name) < _SHORTEST, f"have length greater than or equal to {_SHORTEST}"),
        (len(name) > _LONGEST, f"have length less than or equal to {_LONGEST}"),
        (not _NAME.fullmatch(name), f"satisfy regular expression pattern: {_NAME.pattern}"),
    ):
        if is_wrong:
            yield (
                f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy "
                f"constraint: Member must {must}"
            )
    yield from filter(None, (_key_problem(given["KeySchema"]),))
    for problem in _index_problems(given):
        yield f"One or more parameter values were invalid: {problem}"


def _index_problems(given: dict[str, Any]) -> Iterator[str]:
    of_all, of_keys = (given.get(name) or [] for name in _INDEXES)
    if len(of_all) > _MOST_INDEXES:
        yield f"GlobalSecondaryIndex count exceeds the per-table limit of {_MOST_INDEXES}"
    names = [each["IndexName"] for each in (*of_all, *of_keys)]
    yield from (f"Duplicate index name: {name}" for name in names if names.count(name) > 1)
    for each in (*of_all, *of_keys):
        kind, extra = each["Projection"].get("ProjectionType"), "NonKeyAttributes"
        if bool(each["Projection"].get(extra)) != (kind == "INCLUDE"):
            found = "not specified" if kind == "INCLUDE" else "specified"
            yield f"ProjectionType is {kind}, but {extra} is {found}"
    hash_key = given["KeySchema"][0]["AttributeName"]
    for each in of_keys:
        keys, where = [key["AttributeName"] for key in each["KeySchema"]], each["IndexName"]
        if len(given["KeySchema"]) < 2:
            yield (
                "Table KeySchema does not have a range key, which is required when specifying a "
                "LocalSecondaryIndex"
            )
        if len(keys) < 2:
            yield f"Index KeySchema does not have a range key for index: {where}"
        if keys[0] != hash_key:
            yield (
                "Index KeySchema does not have the same leading hash key as table KeySchema for "
                f"index: {where}. index hash key: {keys[0]}, table hash key: {hash_key}"
            )


def _key_problem(schema: list[dict[str, str]]) -> str:
    """What is wrong with the key of a new table. An index may have several of each type."""
    names = [each["AttributeName"] for each in schema]
    if len(names) == 2 and names[0] == names[1]:
        return "Both the Hash Key and the Range Key element in the KeySchema have the same name"
    if schema[0]["KeyType"] != "HASH":
        return "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        return "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
    return ""


def _refuse_to_delete_nothing(call: Call) -> Response | None:
    name = call.parameters["TableName"]
    is_region = upstream.backend(dynamodb_backends, ACCOUNT_ID, call.region) is not None
    return missing(call, name) if is_region and find(call, name) is None else None


def find(call: Call, name: str) -> Table | None:
    """The table with that name or ARN, in the region of the call."""
    backend = upstream.backend(dynamodb_backends, ACCOUNT_ID, call.region)
    found: Table | None = backend.tables.get(name.rpartition("/")[2]) if backend else None
    return found


def missing(call: Call, name: str) -> Response:
    """The answer to a call for a table with a name or ARN that is not there."""
    text = f"Requested resource not found: Table: {name.rpartition('/')[2]} not found"
    return call.error(400, "ResourceNotFoundException", text)


@replaces(Table)
def describe(table: Table, base_key: str = "TableDescription") -> dict[str, Any]:
    """A table has an id, and shows neither an empty list of indexes nor how provisioned capacity
    is paid for. Only DescribeTable (whose key is `Table`) says what throughput it is warm for."""
    found: dict[str, Any] = original(describe)(table, base_key)
    is_whole, kept = base_key == "Table", vars(table)
    shown = {**found[base_key], "TableId": kept.setdefault("table_id", str(uuid.uuid4()))}
    for name, there in zip(_INDEXES, (table.global_indexes, table.indexes), strict=True):
        shown[name] = [_index(table, each, is_whole=is_whole) for each in there]
        if not there:
            del shown[name]
    if not is_whole:
        del shown["WarmThroughput"]
    _show_how_it_is_paid(table, shown, is_whole=is_whole)
    return {**found, base_key: shown}


def _show_how_it_is_paid(table: Table, shown: dict[str, Any], *, is_whole: bool) -> None:
    """DescribeTable also says since when a table is paid for on demand."""
    if table.billing_mode != _ON_DEMAND:
        vars(table).pop("on_demand_since", None)
        del shown["BillingModeSummary"]
        return
    since = vars(table).setdefault("on_demand_since", clock.now_ms() / 1000)
    if is_whole:
        shown["BillingModeSummary"] = {
            **shown["BillingModeSummary"], "LastUpdateToPayPerRequestDateTime": since,
        }  # fmt: skip


def _index(table: Table, index: SecondaryIndex, *, is_whole: bool) -> dict[str, Any]:
    """An index with its ARN, and how many items have its keys."""
    shown: dict[str, Any] = index.describe()
    if "ProvisionedThroughput" in shown:
        shown["ProvisionedThroughput"] = {
            **shown["ProvisionedThroughput"], "NumberOfDecreasesToday": 0,
        }  # fmt: skip
    if not is_whole:
        shown.pop("WarmThroughput", None)
    arn = f"{table.table_arn}/index/{index.name}"
    return {**shown, "IndexArn": arn, "IndexSizeBytes": 0, "ItemCount": _count(table, index)}


def _count(table: Table, index: SecondaryIndex) -> int:
    """How many items have the index's keys. Of a long table it may be a minute old (on AWS six
    hours), until a tenth more or less is in it: a program that waits for orders describes the
    table again and again."""
    kept: dict[str, tuple[float, int, int]] = vars(table).setdefault("index_counts", {})
    counted, of, count = kept.get(index.name, (-math.inf, 0, 0))
    size, is_old = len(table.items), clock.now_ms() - counted > _COUNT_HOLDS_MS
    if size <= _COUNTED_EACH_TIME or is_old or abs(size - of) > of / 10:
        keys = {each["AttributeName"] for each in index.schema}
        count = sum(keys <= item.attrs.keys() for item in _items(table))
        kept[index.name] = clock.now_ms(), size, count
    return count


def _items(table: Table) -> Iterator[Any]:
    """The items, as they come: moto's own list of them is sorted first."""
    for each in table.items.values():
        yield from each.values() if table.has_range_key else (each,)
