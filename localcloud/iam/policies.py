"""What a caller may do: IAM policies, evaluated as IAM does.

A role may do what its own policies or the resource's policy allow (here both are in one account).
An AWS service may do what the resource's policy allows. An explicit Deny wins over every Allow,
and what nothing allows is denied. An operator or key that conditions.py does not know fails safe:
an Allow with it does not allow, and a Deny with it denies.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, iam_backends

from localcloud import arn as arns
from localcloud.iam import lag
from localcloud.iam.conditions import holds, is_like

ALLOWED = ""
_NO_ALLOW = "because no {kind} allows the {{action}} action"
_EXPLICIT_DENY = "with an explicit deny in {kind}"
_IDENTITY, _RESOURCE = "identity-based policy", "resource-based policy"
_SESSION, _TRUST, _BOUNDARY = "session policy", "role trust policy", "permissions boundary"
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."

Policy = str | Mapping[str, Any] | None
Named = tuple[str, Policy]  # a policy, and what it is called
Context = tuple[tuple[str, str], ...]  # the values for conditions, keys in lower case
Principals = frozenset[tuple[str, str]]  # kinds and names, such as ("Service", "sns.amazonaws.com")


@dataclass(frozen=True)
class Caller:
    """Who calls: a session of a role, an IAM user, or someone who acts as `session_policy`.

    Without a `role_arn` or a `user_name` there are no identity-based policies to check.
    """

    arn: str
    role_arn: str | None = None
    session_policy: str | None = None
    user_name: str | None = None


@dataclass(frozen=True)
class Access:
    """What the caller wants to do, and the values for conditions."""

    action: str
    resource: str
    context: Context = ()


class Statement(NamedTuple):
    """A statement that is about an access, as JSON, and what its policy is called."""

    policy: str
    effect: str
    text: str


@dataclass(frozen=True)
class Decision:
    """What was decided of an access: `reason` is ALLOWED, or why not in AWS's words, with {action}
    to fill in. `statement` is the one that decided, None where no statement is about it."""

    access: Access
    reason: str
    statement: Statement | None = None


def role_allows(role_arn: str, action: str, resource: str, resource_policy: Policy = None) -> bool:
    """Whether the role's own policies and the resource's allow `action` on `resource`."""
    access = Access(action, resource, context_of(role_arn, arns.parse(resource).region))
    return why_not(Caller(role_arn, role_arn), access, resource_policy) == ALLOWED


def context_of(principal_arn: str, region: str) -> Context:
    """The values for conditions on a caller. Calls to AWS use TLS, so SecureTransport is true."""
    return (
        ("aws:principalaccount", arns.parse(principal_arn).account),
        ("aws:principalarn", principal_arn),
        ("aws:requestedregion", region),
        ("aws:securetransport", "true"),
    )


def why_not(caller: Caller, access: Access, resource_policy: Policy = None) -> str:
    """ALLOWED, or why not, in AWS's words; the text still contains {action} to fill in."""
    return decide(caller, access, resource_policy).reason


def decide(caller: Caller, access: Access, resource_policy: Policy = None) -> Decision:
    """Whether the caller has access, and which statement says so."""
    principal = _principals("AWS", *_names_of(caller))
    if access.action == "sts:AssumeRole":
        trusted = _decide_trust(caller, access)
        if trusted.reason:
            return trusted
        of_resource = _trusting(access.resource, principal, access.context)
    else:
        policies = [("the policy of the resource", resource_policy)]
        of_resource = _statements(policies, access, principal)
    if denial := _first("Deny", of_resource):
        return Decision(access, _EXPLICIT_DENY.format(kind=f"a {_RESOURCE}"), denial)
    allowed = None
    for kind, policies in _policies_of_caller(caller):
        found = _statements(policies, access)
        if denial := _first("Deny", found):
            article = "an" if kind == _IDENTITY else "a"
            return Decision(access, _EXPLICIT_DENY.format(kind=f"{article} {kind}"), denial)
        allows = _first("Allow", found)
        if kind == _IDENTITY:
            allows = allows or _first("Allow", of_resource)
        if allows is None:
            return Decision(access, _NO_ALLOW.format(kind=kind))
        allowed = allowed or allows
    return Decision(access, ALLOWED, allowed or _first("Allow", of_resource))


def service_may(policy: Policy, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource's policy lets an AWS service do this on behalf of `source_arn`.

    The service ("sns.amazonaws.com") says for whom it calls: the ARN of a topic, an API, ..., and
    its account. Policies check both, so that a stranger's topic cannot call.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    source = arns.parse(source_arn)
    context = (("aws:sourcearn", source_arn), ("aws:sourceaccount", source.account))
    access = Access(action, resource, context)
    found = _statements([("", policy)], access, _principals("Service", service))
    return {each.effect for each in found} == {"Allow"}


def is_policy(document: str) -> bool:
    """Whether a text has the form of a policy.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    try:
        statements = _list(json.loads(document)["Statement"])
    except (ValueError, TypeError, KeyError):
        return False
    return all(isinstance(each, dict) and _is_statement(each) for each in statements)


def _is_statement(statement: dict[str, Any]) -> bool:
    names = ("Action", "NotAction", "Resource", "NotResource")
    texts = [text for name in names for text in _list(statement.get(name, []))]
    principals = [statement.get(name) for name in ("Principal", "NotPrincipal")]
    condition = statement.get("Condition", {})
    return (
        statement.get("Effect") in ("Allow", "Deny")
        and all(isinstance(text, str) for text in texts)
        and all(named in (None, "*") or _names_are_texts(named) for named in principals)
        and isinstance(condition, dict)
        and all(isinstance(parts, dict) for parts in condition.values())
    )


def _names_are_texts(principal: Any) -> bool:
    return isinstance(principal, dict) and all(
        isinstance(name, str) for names in principal.values() for name in _list(names)
    )


def lambda_may_assume(role_arn: str) -> bool:
    """Whether there is such a role, and its trust policy allows Lambda."""
    found = _trusting(role_arn, _principals("Service", "lambda.amazonaws.com"), ())
    return {each.effect for each in found} == {"Allow"}


def _decide_trust(caller: Caller, access: Access) -> Decision:
    """What the role's trust policy says of the caller. Unlike a queue's policy, it must name the
    caller or its account, whatever the caller's own policies allow.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    account = arns.parse(caller.arn).account
    names = _names_of(caller) | {account, f"arn:aws:iam::{account}:root"}
    found = _trusting(access.resource, _principals("AWS", *names), access.context)
    if denial := _first("Deny", found):
        return Decision(access, _EXPLICIT_DENY.format(kind=f"a {_TRUST}"), denial)
    if not found:
        return Decision(access, _NO_ALLOW.format(kind=_TRUST))
    return Decision(access, ALLOWED, found[0])


def _trusting(role_arn: str, principals: Principals, context: Context) -> list[Statement]:
    """What a role's trust policy says of this principal; nothing if there is no such role."""
    role = find_role(role_arn)
    policy = ("the trust policy", role.assume_role_policy_document if role else None)
    return _statements([policy], Access("sts:AssumeRole", "", context), principals)


def find_role(role_arn: str) -> Role | None:
    """The role with that ARN, or None if there is none."""
    account = arns.parse(role_arn).account
    try:
        return iam_backends[account]["aws"].get_role_by_arn(role_arn) if account else None
    except NotFoundException:
        return None


def _policies_of_caller(caller: Caller) -> Iterator[tuple[str, list[Named]]]:
    """The policies that the caller needs, by their kind: each kind must allow what they do. A role
    or user that is deleted has none that do. Who is neither needs no identity-based policy."""
    if caller.user_name is not None:
        yield _IDENTITY, _user_policies(caller)
    elif caller.role_arn is not None:
        role = find_role(caller.role_arn)
        yield _IDENTITY, policies_of(role) if role else []
        if role and role.permissions_boundary_arn:
            yield _BOUNDARY, _boundary_of(role)
    if caller.session_policy:
        yield _SESSION, [("the policy of the session", caller.session_policy)]


def _boundary_of(role: Role) -> list[Named]:
    """The policy that says what the role may do at most, whatever its own and a resource's allow.
    One that is gone allows nothing.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    backend = iam_backends[arns.parse(role.arn).account]["aws"]
    policy = backend.managed_policies.get(role.permissions_boundary_arn)
    return [_default_version(policy)] if policy else []


def _user_policies(caller: Caller) -> list[Named]:
    """A user's own policies, and its groups' policies."""
    backend = iam_backends[arns.parse(caller.arn).account]["aws"]
    user = backend.users.get(caller.user_name)
    if user is None:
        return []
    groups = backend.get_groups_for_user(user.name)
    return [policy for holder in (user, *groups) for policy in policies_of(holder)]


def policies_of(holder: Any) -> list[Named]:
    """The inline and managed policies of a moto role, user or group."""
    return [
        *lag.known_policies(holder).items(),
        *(_default_version(policy) for policy in holder.managed_policies.values()),
    ]


def _default_version(policy: Any) -> Named:
    """What a moto managed policy says now."""
    return next(
        (policy.name, version.document)
        for version in policy.versions
        if version.version_id == policy.default_version_id
    )


def _names_of(caller: Caller) -> set[str]:
    """The principals in a resource's policy that mean this caller."""
    return {caller.arn, caller.role_arn or caller.arn}


def _principals(kind: str, *names: str) -> Principals:
    return frozenset((kind, name) for name in names)


def _first(effect: str, statements: list[Statement]) -> Statement | None:
    return next((each for each in statements if each.effect == effect), None)


def _statements(
    policies: list[Named], access: Access, principals: Principals | None = None
) -> list[Statement]:
    """The statements about this access (and these principals, if given)."""
    found: list[Statement] = []
    for name, policy in policies:
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            found += _statements_of(name, text, access, principals)
    return found


@lru_cache(maxsize=4096)  # an order repeats the same checks
def _statements_of(
    name: str, document: str, access: Access, principals: Principals | None
) -> tuple[Statement, ...]:
    statements = _list(json.loads(document).get("Statement", []))
    return tuple(
        Statement(name, each["Effect"], json.dumps(each))
        for each in statements
        if _is_about(each, access, principals)
    )


def _is_about(statement: dict[str, Any], access: Access, principals: Principals | None) -> bool:
    if not _matches(statement, "Action", access.action.lower()):
        return False
    if principals is not None and "NotPrincipal" in statement:
        if _is_for(statement["NotPrincipal"], principals):
            return False
    elif principals is not None and not _is_for(statement.get("Principal"), principals):
        return False
    # A trust policy has no resource: the role itself is the resource.
    if access.resource and not _matches(statement, "Resource", access.resource):
        return False
    return "Condition" not in statement or holds(
        statement["Condition"], dict(access.context), unknown=statement["Effect"] == "Deny"
    )


def _is_for(named: Any, principals: Principals) -> bool:
    """Whether a statement's Principal names one of these."""
    if named == "*":
        return True
    named = named or {}
    # {"AWS": "*"} means everyone, services included, just like "*".
    return "*" in _list(named.get("AWS", [])) or any(
        name in _list(named.get(kind, [])) for kind, name in principals
    )


def _matches(statement: dict[str, Any], element: str, value: str) -> bool:
    """Whether Action or NotAction, Resource or NotResource, covers the value."""
    if f"Not{element}" in statement:
        return not any(_fits(p, value, element) for p in _list(statement[f"Not{element}"]))
    return any(_fits(pattern, value, element) for pattern in _list(statement.get(element, [])))


def _fits(pattern: str, value: str, element: str) -> bool:
    """Whether a pattern covers the value; actions ignore case."""
    return is_like(pattern.lower() if element == "Action" else pattern, value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
