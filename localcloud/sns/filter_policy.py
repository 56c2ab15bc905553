"""Filter policies: which ones SNS refuses, and which messages pass one.

A policy is an event pattern for the body of a message or for its attributes. moto's own matcher
compares attributes with the wrong type.

https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
https://docs.aws.amazon.com/sns/latest/dg/and-or-logic.html
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud import patterns
from localcloud.patterns import WrongPatternError

Policy = Mapping[str, Any]
_MAX_KEYS, _MAX_COMBINATIONS = 5, 150


class NestedPolicyError(WrongPatternError):
    """A nested filter policy for attributes, which have no members."""


def passes(policy: Policy, scope: str | None, message: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a message passes. `attributes` are in SNS's form, with Type and Value."""
    try:
        if scope == "MessageBody":
            found = json.loads(message)
        else:
            found = {name: _value_of(each) for name, each in attributes.items()}
        return patterns.fits(policy, found)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than any policy
        return False


def _value_of(attribute: Mapping[str, Any]) -> Any:
    """What a message attribute is compared as. Binary ones never match."""
    kind, text = attribute["Type"], attribute["Value"]
    if kind.startswith("Binary"):
        return patterns.ABSENT
    try:
        if kind == "String.Array":
            return json.loads(text)
        return float(text) if kind.split(".")[0] == "Number" else text
    except (ValueError, RecursionError):
        return text


def check(policy: Any, scope: str | None) -> None:
    """Raises WrongPatternError for a policy that SNS refuses."""
    try:
        _check(policy, scope)
    except RecursionError:
        raise WrongPatternError("Filter policy is too complex") from None


def _check(policy: Any, scope: str | None) -> None:
    if len(policy) > _MAX_KEYS:
        raise WrongPatternError("Filter policy can not have more than 5 keys")
    patterns.check(policy)
    if scope != "MessageBody" and _is_nested(policy):
        raise NestedPolicyError(
            "Filter policy scope MessageAttributes does not support nested filter policy"
        )
    if _combinations(policy) > _MAX_COMBINATIONS:
        raise WrongPatternError("Filter policy is too complex")


def _is_nested(policy: Policy) -> bool:
    return any(
        any(map(_is_nested, value)) if patterns.is_or(key, value) else isinstance(value, Mapping)
        for key, value in policy.items()
    )


def _combinations(policy: Policy, depth: int = 1) -> int:
    """How many values a policy asks for, as SNS counts: those of each key multiply, and a nested
    key counts for more."""
    total = 1
    for key, value in policy.items():
        if patterns.is_or(key, value):
            total *= sum(_combinations(each, depth) for each in value)
        elif isinstance(value, Mapping):
            total *= _combinations(value, depth + 1)
        else:
            total *= len(value) * depth
    return total
