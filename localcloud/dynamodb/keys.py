"""The keys in a call: those of its table or index, all of them, and each with its type.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from localcloud.call import Call
from localcloud.dynamodb import tables

_WRONG_KEY = "The provided key element does not match the schema"
_WRONG_START = "The provided starting key is invalid"
_WRONG_TYPE = (
    "One or more parameter values were invalid: Condition parameter type does not match schema type"
)
_EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value. Key: {}"
)
_RESERVED = frozenset(ReservedKeywords.get_reserved_keywords())
_NOTHING = ({"S": ""}, {"B": ""})
_COMPARED = re.compile(
    r"(#?[\w.-]+)\s*(?:<=|>=|=|<|>|,|\bbetween\b)\s*(:\w+)", re.IGNORECASE
)  # an attribute with a value
_NOT_FOR_KEYS = re.compile(r"(?<![#:\w.])(?:or|not|in)\b|<>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"(?<![\w.:#])#?[A-Za-z_]\w*(?![\w(]|\s*\()"
)  # not a function, nor in a map


def problem(call: Call) -> str:
    """What is wrong with a key in a call, in AWS's words, or "" """
    return next(_problems(call), "")


def _problems(call: Call) -> Iterator[str]:
    given = call.parameters
    for name, key in _named(given):
        if (table := tables.find(call, name)) is not None:
            keys = _types(table, table.schema)
            yield from () if _fits(key, keys) else (_WRONG_KEY,)
    if (table := tables.find(call, given.get("TableName", ""))) is None:
        return  # moto says so
    keys = _types(table, table.schema)
    yield from (_EMPTY.format(k) for k in keys if given.get("Item", {}).get(k) in _NOTHING)
    if call.operation in ("Query", "Scan"):
        yield from _problems_of_a_search(call, table, keys)


def _named(given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys by which a call, each part of its transaction or of its batch names an item."""
    parts = [part for item in given.get("TransactItems", ()) for part in item.values()]
    for each in (given, *parts):
        if each.get("Key"):
            yield each.get("TableName", ""), each["Key"]
    for name, asked in given.get("RequestItems", {}).items():
        if isinstance(asked, dict):
            yield from ((name, key) for key in asked.get("Keys", ()))
        else:
            deletes = (each["DeleteRequest"] for each in asked if each.get("DeleteRequest"))
            yield from ((name, each["Key"]) for each in deletes)


def _problems_of_a_search(call: Call, table: Table, keys: Mapping[str, str]) -> Iterator[str]:
    given, read = call.parameters, keys
    if index := given.get("IndexName"):
        found = [each for each in table.all_indexes() if each.name == index]
        if not found:
            yield f"The table does not have the specified index: {index}"
            return
        read = _types(table, found[0].schema)
    start = given.get("ExclusiveStartKey")
    if start and not _fits(start, {**keys, **read}):
        yield _WRONG_START if call.operation == "Query" else f"{_WRONG_START}: {_WRONG_KEY}"
    if call.operation == "Query":
        yield from _problems_of_a_query(given, read)


def _problems_of_a_query(given: Mapping[str, Any], read: Mapping[str, str]) -> Iterator[str]:
    names = given.get("ExpressionAttributeNames") or {}
    values = given.get("ExpressionAttributeValues") or {}
    condition = given.get("KeyConditionExpression") or ""
    for operator in _NOT_FOR_KEYS.findall(condition):
        yield f"Invalid operator used in KeyConditionExpression: {operator.upper()}"
    for name, value in _COMPARED.findall(condition):
        if name.upper() in _RESERVED:
            text = "Invalid KeyConditionExpression: Attribute name is a reserved keyword"
            yield f"{text}; reserved keyword: {name}"
        kind = read.get(names.get(name, name))
        if kind and value in values and kind not in values[value]:
            yield _WRONG_TYPE
    for each in _ATTRIBUTE.findall(given.get("FilterExpression") or ""):
        if (name := names.get(each, each)) in read:
            text = "Filter Expression can only contain non-primary key attributes"
            yield f"{text}: Primary key attribute: {name}"


def _types(table: Table, schema: list[dict[str, str]]) -> dict[str, str]:
    kinds = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
    return {each["AttributeName"]: kinds[each["AttributeName"]] for each in schema}


def _fits(key: Mapping[str, Any], kinds: Mapping[str, str]) -> bool:
    return key.keys() == kinds.keys() and all(kinds[name] in key[name] for name in kinds)
