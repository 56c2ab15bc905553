"""Filter criteria of event source mappings: which messages a function gets at all.

A message that fits none of the filters is deleted from its queue. The body of a message is compared
as JSON if it is JSON. A pattern for a plain text never fits such a body, and one for JSON never
fits a plain text.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from localcloud import patterns
from localcloud.patterns import Pattern, Written, WrongPatternError

Criteria = Mapping[str, Any]
_MAX_FILTERS = 5
_MAX_ALTERNATIVES = 1000
_WRONG = "Invalid filter pattern definition."


def check(criteria: Criteria | None) -> None:
    """Refuse criteria with a wrong pattern, or with too many."""
    if len(filters := _filters(criteria)) > _MAX_FILTERS:
        raise InvalidParameterValueException(
            f"FilterCriteria: expected at most {_MAX_FILTERS} filters, found {len(filters)}."
        )
    for each in filters:
        _check(str(each.get("Pattern") or ""))


def let_through(criteria: Criteria | None, record: Mapping[str, Any]) -> bool:
    """Whether the function gets a record: without filters each, else those that fit one."""
    if not (filters := _filters(criteria)):
        return True
    text = record["body"]
    found = {**record, "body": _body(text)}
    return any(_fits(_pattern(each["Pattern"]), found, text) for each in filters)


def _filters(criteria: Criteria | None) -> list[Any]:
    return (criteria or {}).get("Filters") or []


def _check(text: str) -> None:
    try:
        pattern = _pattern(text)
        if not isinstance(pattern, dict) or _has_an_empty_object(pattern):
            raise WrongPatternError("Expected an object with a key")
        patterns.check(pattern)
        if patterns.alternatives(pattern) > _MAX_ALTERNATIVES:
            raise WrongPatternError("Too complex")
    except (ValueError, RecursionError, WrongPatternError):
        raise InvalidParameterValueException(_WRONG) from None


def _has_an_empty_object(found: Any) -> bool:
    if isinstance(found, list):
        return any(map(_has_an_empty_object, found))
    return isinstance(found, dict) and (not found or _has_an_empty_object([*found.values()]))


def _fits(pattern: Pattern, record: Mapping[str, Any], text: str) -> bool:
    wanted = pattern.get("body")
    is_text = record["body"] is text
    if wanted is not None and is_text == isinstance(wanted, dict):
        return False
    return patterns.fits(pattern, record)


def _body(text: str) -> Any:
    """The body as JSON, or else its text."""
    try:
        return _parse(text)
    except (ValueError, RecursionError):
        return text


@lru_cache(maxsize=64)
def _pattern(text: str) -> Any:
    return _parse(text)


def _parse(text: str) -> Any:
    """JSON, with its numbers as they are written, by which filters compare them."""
    return json.loads(text, parse_int=Written, parse_float=Written)
