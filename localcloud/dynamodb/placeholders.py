"""The `:values` and `#names` of a call's expressions: each is defined, and each is used.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeValues.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_IN_AN_EXPRESSION = re.compile(r"[:#]\w+")
_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
# The expressions in which an operation can use values, in the order in which AWS misses them.
_WITH_VALUES = {
    "DeleteItem": "ConditionExpression is null",
    "PutItem": "ConditionExpression is null",
    "Query": "FilterExpression and KeyConditionExpression are null",
    "Scan": "FilterExpression is null",
    "UpdateItem": "UpdateExpression and ConditionExpression are null",
}
_KINDS = (
    ("#", "ExpressionAttributeNames", "name used in the document path", "attribute name"),
    (":", "ExpressionAttributeValues", "value used in expression", "attribute value"),
)


def problem(operation: str, parameters: Mapping[str, Any]) -> str:
    """What is wrong with the expressions of a call, or of a part of its transaction, in AWS's
    words, or "" """
    parts = [part for item in parameters.get("TransactItems", ()) for part in item.values()]
    found = (each for given in (parameters, *parts) for each in _problems(operation, given))
    return next(found, "")


def _problems(operation: str, given: Mapping[str, Any]) -> Iterator[str]:
    texts = {name: given[name] for name in _EXPRESSIONS if given.get(name) is not None}
    for kind, text in texts.items():
        if not text.strip():
            yield f"Invalid {kind}: The expression can not be empty;"
    missed = _WITH_VALUES.get(operation)
    if missed and given.get("ExpressionAttributeValues") and not texts:
        text = "ExpressionAttributeValues can only be specified when using expressions"
        yield f"{text}: {missed}"
    for mark, member, what, which in _KINDS:
        yield from _undefined(mark, given.get(member) or {}, texts, what, which)
    for mark, member, *_ in _KINDS:
        defined = given.get(member) or {}
        used = {found for text in texts.values() for found in _IN_AN_EXPRESSION.findall(text)}
        unused = [name for name in defined if name not in used and name.startswith(mark)]
        if unused and texts:
            yield f"Value provided in {member} unused in expressions: keys: {{{', '.join(unused)}}}"


def _undefined(
    mark: str, defined: Mapping[str, Any], texts: Mapping[str, str], what: str, which: str
) -> Iterator[str]:
    for kind, text in texts.items():
        for found in _IN_AN_EXPRESSION.findall(text):
            if found.startswith(mark) and found not in defined:
                yield (
                    f"Invalid {kind}: An expression attribute {what} is not defined; {which}: "
                    f"{found}"
                )
