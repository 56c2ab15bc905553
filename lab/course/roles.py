"""What must be true of a function's execution role: Lambda alone may assume it, and it may do what
its chapter allows, and nothing else.

What a role may do can come from several places. The chapter writes one inline policy. Others, and
managed policies that somebody attached, are left alone by its cell: each has a cure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from lab.course.looking import Look
from lab.engine.course import Detail, Expectation

_STOLEN = "What a role may do, somebody who gets into the function may do, too."
_TOO_LITTLE = "Without it the function's call ends in AccessDenied, and the order stops there."
_MOST = 3  # grants that are named of one policy
_IN_A_CELL = 'In a cell: `lab.session().client("iam").{0}`; in the console: IAM, the role, {1}.'


def role_is_right(look: Look, function: str, allowed: list[str]) -> Iterator[Expectation]:
    """`allowed` is what it may do besides writing its log: "sqs:SendMessage on arn:aws:sqs:..."."""
    role = look.names.role(function, look.region)
    wanted = {*allowed, *_logging(look, function)}
    own = look.names.stem(function).replace("_", "-")
    yield Expectation(
        f"Who may assume {role}",
        "Lambda can only use a role that trusts it; nobody else should be able to.",
        "role",
        lambda: _trust(look, role),
        {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        needs=f"IAM role {role}",
    )
    yield Expectation(
        f"What {role} may do",
        _STOLEN,
        "role-policy",
        lambda: _rights(look, role, own, wanted),
        {part: [] for part in _details(role)},
        needs=f"IAM role {role}",
        details=_details(role),
    )


def _details(role: str) -> dict[str, Detail]:
    return {
        "too much": Detail(says="it may do too much: {found}"),
        "too little": Detail(_TOO_LITTLE, "it may do too little: it lacks {found}"),
        "denied": Detail(_TOO_LITTLE, "it is denied {found}"),
        "inline": Detail(
            says="{effect}, by the inline policy {policy}, which no chapter makes",
            fix=_cure(f'delete_role_policy(RoleName="{role}", PolicyName="{{policy}}")', "Remove"),
        ),
        "attached": Detail(
            says="{effect}, by the attached policy {policy}",
            fix=_cure(f'detach_role_policy(RoleName="{role}", PolicyArn="{{arn}}")', "Remove"),
        ),
        "boundary": Detail(
            "What the boundary does not allow, the role may not do, whatever its policies say.",
            "it has the permissions boundary {arn} (which {effect}), expected none",
            _cure(f'delete_role_permissions_boundary(RoleName="{role}")', "Permissions boundary"),
        ),
    }


def _cure(call: str, button: str) -> str:
    return _IN_A_CELL.format(call, button)


def _logging(look: Look, function: str) -> Iterator[str]:
    group = look.names.log_group(function)
    arn = f"arn:aws:logs:{look.region}:{look.account}:log-group:{group}:*"
    return (f"logs:{action} on {arn}" for action in ("CreateLogStream", "PutLogEvents"))


def _trust(look: Look, role: str) -> dict[str, Any]:
    """Who and what of the one statement there should be; of several, a list of each."""
    policy = look.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    statements = _list(policy.get("Statement", []))
    if len(statements) == 1:
        return dict(statements[0])
    return {part: [s.get(part) for s in statements] for part in ("Principal", "Action")}


def _rights(look: Look, role: str, own: str, wanted: set[str]) -> dict[str, Any]:
    """What the role may do too much and too little, and what else gives or takes rights."""
    policies = {name: _document(look, role, name) for name in _inline(look, role)}
    chapters_own = policies.pop(own, {})
    granted = set(rights_in(chapters_own, "Allow"))
    pages = look.iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    attached = [policy for page in pages for policy in page["AttachedPolicies"]]
    return {
        "too much": sorted(granted - wanted),
        "too little": sorted(wanted - granted),
        "denied": sorted(rights_in(chapters_own, "Deny")),
        "inline": [{"policy": n, "effect": _effect(found)} for n, found in policies.items()],
        "attached": [_attached(look, policy) for policy in attached],
        "boundary": [*_boundary(look, role, wanted)],
    }


def _inline(look: Look, role: str) -> list[str]:
    pages = look.iam.get_paginator("list_role_policies").paginate(RoleName=role)
    return [name for page in pages for name in page["PolicyNames"]]


def _document(look: Look, role: str, policy: str) -> dict[str, Any]:
    found = look.iam.get_role_policy(RoleName=role, PolicyName=policy)
    return dict(found["PolicyDocument"])


def _attached(look: Look, policy: dict[str, str]) -> dict[str, str]:
    arn = policy["PolicyArn"]
    effect = _effect(_managed(look, arn))
    return {"policy": policy["PolicyName"], "arn": arn, "effect": effect}


def _managed(look: Look, arn: str) -> dict[str, Any]:
    version = look.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = look.iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return dict(found["Document"])


def _boundary(look: Look, role: str, wanted: set[str]) -> Iterator[dict[str, str]]:
    """The role's permissions boundary, and what of all that is wanted it leaves out."""
    found = look.iam.get_role(RoleName=role)["Role"].get("PermissionsBoundary")
    if found:
        arn = found["PermissionsBoundaryArn"]
        allowed = [right.lower() for right in rights_in(_managed(look, arn), "Allow")]
        lacks = {w for w in wanted if not any(fnmatchcase(w.lower(), each) for each in allowed)}
        actions = ", ".join(sorted({right.partition(" on ")[0] for right in lacks}))
        effect = f"does not allow {actions}" if lacks else "allows what it needs"
        yield {"arn": arn, "effect": effect}


def _effect(document: dict[str, Any]) -> str:
    """What a policy does, in words: the first of its rights, and how many there are besides."""
    begins = {"Allow": "it may do too much:", "Deny": "it is denied"}
    found = {effect: list(rights_in(document, effect)) for effect in begins}
    said = [f"{begins[effect]} {_briefly(rights)}" for effect, rights in found.items() if rights]
    return "; ".join(said) or "nothing more is allowed"


def _briefly(rights: list[str]) -> str:
    more = len(rights) - _MOST
    named = ", ".join(rights[:_MOST])
    return f"{named} and {more} more" if more > 0 else named


def rights_in(document: dict[str, Any], effect: str) -> Iterator[str]:
    """What a policy allows or denies: "sqs:SendMessage on arn:aws:sqs:...", and a resource's policy
    to whom, where that is not everybody."""
    for statement in _list(document.get("Statement", [])):
        if statement.get("Effect") == effect:
            named = _named(statement)
            after = f" to {' and '.join(named)}" if named else ""
            after += " on a condition" if statement.get("Condition") else ""
            for action in _each(statement, "Action"):
                yield from (f"{action} on {r}{after}" for r in _each(statement, "Resource"))


def _named(statement: dict[str, Any]) -> list[str]:
    """Whom a resource's policy names; nobody where it is about everybody, or is an identity's."""
    given = statement.get("Principal", "*")
    named = [] if given == "*" else [who for each in given.values() for who in _list(each)]
    return [] if "*" in named else named


def _each(statement: dict[str, Any], part: str) -> list[str]:
    if f"Not{part}" in statement:
        return [f"all but {each}" for each in _list(statement[f"Not{part}"])]
    return _list(statement.get(part, []))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
