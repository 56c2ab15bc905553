"""The conditions of IAM policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

# The keys that conditions can use here. A call may lack some. Other keys are unknown, not absent.
KEYS = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "iam:passedtoservice",
    "lambda:functionarn",
}


def holds(condition: Mapping[str, Any], context: Mapping[str, str], *, unknown: bool) -> bool:
    """Whether every part of a statement's Condition holds in the context, whose keys are in lower
    case. A part counts as `unknown` if its key is not in KEYS, or its operator not among those
    below."""
    return all(
        _part_holds(name, context.get(key.lower()), wanted, unknown)
        if key.lower() in KEYS
        else unknown
        for name, parts in condition.items()
        for key, wanted in parts.items()
    )


def is_like(pattern: str, value: str) -> bool:
    """Whether a pattern with * and ? covers the value."""
    return _compiled(pattern).match(value) is not None


def _part_holds(name: str, value: str | None, wanted: Any, unknown: bool) -> bool:
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    values = [str(each) for each in (wanted if isinstance(wanted, list) else [wanted])]
    if name == "Null":
        return (value is None) == (values[0].lower() == "true")
    test = _TESTS.get(name.replace("Not", "", 1))
    if test is None:
        return unknown
    negated = "Not" in name
    if value is None:  # an absent value equals nothing
        return if_exists or negated
    return any(test(each, value) for each in values) != negated


def _is_like_arn(pattern: str, value: str) -> bool:
    """Match each of the six parts of an ARN by itself: * does not cross a colon, except in the
    last part."""
    parts = zip(pattern.split(":", 5), value.split(":", 5), strict=False)
    return pattern.count(":") >= 5 and all(is_like(part, of) for part, of in parts)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """As fnmatch has it: a match of its never takes long. A plain ".*" for each star may try for
    ever, and the whole cloud waits."""
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": is_like,
    "ArnEquals": _is_like_arn,  # as on AWS: ArnEquals and ArnLike do the same
    "ArnLike": _is_like_arn,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
