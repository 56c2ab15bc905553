"""What a role may do, in words: a line for each statement of its policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from localcloud import arn
from localcloud.iam.policies import Named, find_role, policies_of
from localcloud.upstream import ACCOUNT_ID


def of_role(name: str) -> list[str] | None:
    """What the role with this name may do; None if there is no such role."""
    role = find_role(f"arn:aws:iam::{ACCOUNT_ID}:role/{name}")
    if role is None:
        return None
    return [sentence for policy in policies_of(role) for sentence in _sentences(policy)]


def in_words(statement: dict[str, Any]) -> str:
    """ "May sqs:SendMessage on CustomerOrders"."""
    verb = "May" if statement.get("Effect") == "Allow" else "May never"
    actions, resources = _either(statement, "Action"), _either(statement, "Resource", " on ")
    condition = f", if {json.dumps(statement['Condition'])}" if "Condition" in statement else ""
    return f"{verb} {actions}{resources}{condition}"


def _sentences(policy: Named) -> Iterator[str]:
    name, document = policy
    read = json.loads(document) if isinstance(document, str) else document or {}
    for statement in _list(read.get("Statement", [])):
        yield f"{in_words(statement)} (policy {name})"


def _either(statement: dict[str, Any], element: str, before: str = "") -> str:
    """What Action or NotAction, Resource or NotResource, names."""
    if f"Not{element}" in statement:
        return f"{before}anything but {_names(statement[f'Not{element}'])}"
    return f"{before}{_names(statement[element])}" if element in statement else ""


def _names(value: Any) -> str:
    return ", ".join(map(_short, _list(value)))


def _short(name: str) -> str:
    """An ARN without what is the same for all of them."""
    parts = arn.parse(name)
    return parts.resource if parts.service else name


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
