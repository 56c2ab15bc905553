"""What a role may do: its identity-based policies, evaluated as IAM does.

An explicit Deny wins over every Allow, and what nothing allows is denied. A statement with a
condition is left out if it allows and counts if it denies: conditions are not evaluated.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

ALLOWED = ""
NO_ALLOW = "because no identity-based policy allows the {action} action"
EXPLICIT_DENY = "with an explicit deny in an identity-based policy"


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role's policies allow `action` on `resource`."""
    return why_not(role_arn, action, resource) == ALLOWED


def why_not(role_arn: str, action: str, resource: str) -> str:
    """ALLOWED, or the reason for the refusal in AWS's words, {action} still to be filled in.

    A role that IAM does not know is allowed everything: a cloud for trying things out
    accepts functions with made-up roles.
    """
    backend = iam_backends[role_arn.split(":")[4]]["aws"]
    try:
        role = backend.get_role_by_arn(role_arn)
    except NotFoundException:
        return ALLOWED
    documents = [*role.policies.values(), *(p.document for p in role.managed_policies.values())]
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _statements(document)
        if _is_about(statement, action, resource)
    }
    if "Deny" in effects:
        return EXPLICIT_DENY
    return ALLOWED if "Allow" in effects else NO_ALLOW


@lru_cache(maxsize=256)
def _statements(document: str) -> tuple[dict[str, Any], ...]:
    statements = json.loads(document).get("Statement", [])
    return tuple(_list(statements))


def _is_about(statement: dict[str, Any], action: str, resource: str) -> bool:
    if "Condition" in statement and statement["Effect"] == "Allow":
        return False
    return _matches(statement, "Action", action.lower()) and _matches(
        statement, "Resource", resource
    )


def _matches(statement: dict[str, Any], element: str, value: str) -> bool:
    """Whether Action or NotAction, Resource or NotResource, covers the value."""
    if f"Not{element}" in statement:
        return not any(_fits(p, value, element) for p in _list(statement[f"Not{element}"]))
    return any(_fits(pattern, value, element) for pattern in _list(statement.get(element, [])))


def _fits(pattern: str, value: str, element: str) -> bool:
    """Whether a pattern with * and ? covers the value; actions know no upper and lower case."""
    return (
        _compiled(pattern.lower() if element == "Action" else pattern).fullmatch(value) is not None
    )


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
