"""The attribute values in a call: each has exactly one type, numbers have one form, and sets no
duplicates.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

_OF_VALUES = ("ExclusiveStartKey", "ExpressionAttributeValues", "Item", "Key")
_START = "Supplied AttributeValue"
_END = "must contain exactly one of the supported datatypes"
_INVALID = "One or more parameter values were invalid"
_EMPTY_SETS = {
    "BS": "Binary sets should not be empty",
    "NS": "An number set  may not be empty",
    "SS": "An string set  may not be empty",
}
_AS_IT_IS_KEPT = re.compile(r"0|-?(0\.\d*[1-9]|[1-9]\d*(\.\d*[1-9])?)")
_DIGITS, _LARGEST, _SMALLEST = 38, 125, -130  # of a number, and its exponents

_ANY_LENGTH = Context(prec=100_000, traps=[InvalidOperation])  # a text is never rounded


def problem(parameters: Mapping[str, Any]) -> str:
    """What is wrong with a value in a call, in AWS's words, or "" """
    given = (parameters[name] for name in _OF_VALUES if parameters.get(name))
    return next((found for each in given for found in _problems(each.values())), "")


def _problems(values: Any) -> Iterator[str]:
    for value in values:
        if not value:
            yield f"{_START} is empty, {_END}"
        elif len(value) > 1:
            yield f"{_START} has more than one datatypes set, {_END}"
        else:
            yield from _problems((value.get("M") or {}).values())
            yield from _problems(value.get("L") or [])
            yield from filter(None, map(_number_problem, _numbers_in(value)))
            yield from filter(None, (_set_problem(*each) for each in value.items()))


def _set_problem(kind: str, found: Any) -> str:
    if kind in _EMPTY_SETS and not found:
        return f"{_INVALID}: {_EMPTY_SETS[kind]}"
    if kind == "SS" and len(set(found)) < len(found):
        return f"{_INVALID}: Input collection [{', '.join(found)}] contains duplicates."
    return ""


def _numbers_in(value: Mapping[str, Any]) -> list[str]:
    return [value["N"]] if "N" in value else value.get("NS") or []


def _number_problem(text: str) -> str:
    if _AS_IT_IS_KEPT.fullmatch(text) and len(text) <= _DIGITS:
        return ""
    try:
        number = _ANY_LENGTH.create_decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        return f"The parameter cannot be converted to a numeric value: {text}"
    if len(_ANY_LENGTH.normalize(number).as_tuple().digits) > _DIGITS:
        return "Attempting to store more than 38 significant digits in a Number"
    if number and not _SMALLEST <= number.adjusted() <= _LARGEST:
        what, size = ("over", "larger") if number.adjusted() > 0 else ("under", "smaller")
        return (
            f"Number {what}flow. Attempting to store a number with magnitude {size} than supported "
            "range"
        )
    return ""


def as_kept(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters with each number in the form that DynamoDB keeps; None if it has it."""
    changed = {
        name: {key: _kept(value) for key, value in parameters[name].items()}
        for name in _OF_VALUES
        if parameters.get(name)
    }
    same = all(parameters[name] == value for name, value in changed.items())
    return None if same else {**parameters, **changed}


def _kept(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, found),) = value.items()
    if kind == "N":
        found = _plain(found)
    elif kind == "NS":
        found = list(map(_plain, found))
    elif kind == "L":
        found = list(map(_kept, found))
    elif kind == "M":
        found = {name: _kept(each) for name, each in found.items()}
    return {kind: found}


def _plain(text: str) -> str:
    if _AS_IT_IS_KEPT.fullmatch(text):
        return text
    number = Decimal(text)
    return f"{_ANY_LENGTH.normalize(number):f}" if number else "0"
