"""The attribute values in a call: each has exactly one type.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OF_VALUES = ("ExclusiveStartKey", "ExpressionAttributeValues", "Item", "Key")
_START = "Supplied AttributeValue"
_END = "must contain exactly one of the supported datatypes"


def problem(parameters: Mapping[str, Any]) -> str:
    """What is wrong with a value in a call, in AWS's words, or "" """
    given = (parameters[name] for name in _OF_VALUES if parameters.get(name))
    return next((found for each in given for found in _problems(each)), "")


def _problems(values: Mapping[str, Any]) -> Iterator[str]:
    for value in values.values():
        if not value:
            yield f"{_START} is empty, {_END}"
        elif len(value) > 1:
            yield f"{_START} has more than one datatypes set, {_END}"
        else:
            yield from _problems(value.get("M") or {})
            yield from _problems({str(n): each for n, each in enumerate(value.get("L") or [])})
