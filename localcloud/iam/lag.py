"""What is not known everywhere yet: a new role, what a role's policy says now, and that a role is
gone.

All of it is off unless the cloud is like AWS, or `--role-delay` asks for the first.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.iam.models import IAMBackend, Role, iam_backends

from localcloud import clock, like_aws, upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import ACCOUNT_ID, original, replaces

role_delay = 0.0  # seconds for which a new role is unknown to Lambda
_LOOKS = ("GetRole", "ListRoles")
_Before = tuple[str | None, float]  # what a policy said, if there was one, and until when it counts


def note_role(role: Role) -> None:
    """Note that a role is new."""
    known = {"lambda": clock.after_ms(role_delay), "kms": like_aws.end_ms("grant")}
    vars(role)["known_ms"] = known


def is_unknown(role: Role, service: str) -> bool:
    """Whether a role is too new for "lambda" or "kms"."""
    known: dict[str, float] = vars(role).get("known_ms", {})
    return known.get(service, 0.0) > clock.now_ms()


def note_policy(role: Role, name: str, document: str) -> None:
    """Note that a role is about to get a policy, which is unknown at first."""
    before = known_policies(role).get(name)
    if like_aws.is_on and before != document:
        notes = vars(role).setdefault("policies_before", {})
        notes[name] = (before, like_aws.end_ms("policy"))


def known_policies(holder: Any) -> Mapping[str, str]:
    """The inline policies of a role, user or group, as they are known everywhere."""
    notes: dict[str, _Before] = vars(holder).get("policies_before", {})
    if not notes:
        found: Mapping[str, str] = holder.policies
        return found
    now_ms = clock.now_ms()
    before = {name: document for name, (document, until) in notes.items() if until > now_ms}
    known = {**holder.policies, **{name: before[name] for name in before.keys() & holder.policies}}
    return {name: document for name, document in known.items() if document is not None}


@replaces(IAMBackend)
def delete_role(backend: IAMBackend, role_name: str) -> None:
    """A deleted role is listed again for a while, if the cloud is like AWS."""
    role = next((each for each in backend.roles.values() if each.name == role_name), None)
    original(delete_role)(backend, role_name)
    if like_aws.is_on and role is not None:
        ghosts = vars(backend).setdefault("ghosts", {})
        ghosts[role.id] = (role, like_aws.end_ms("ghost"), like_aws.end_ms("gone"))


def answer(call: Call) -> Response | None:
    """The answer to a look at roles with those that are gone and listed again; None if there are no
    such ones, or for any other call."""
    if call.operation not in _LOOKS:
        return None
    backend, now_ms = iam_backends[ACCOUNT_ID]["aws"], clock.now_ms()
    names = {role.name for role in backend.roles.values()}
    shown = {
        role_id: role
        for role_id, (role, begin, end) in vars(backend).get("ghosts", {}).items()
        if begin <= now_ms < end and role.name not in names
    }
    if not shown:
        return None
    backend.roles.update(shown)
    try:
        return upstream.ask(call.request)
    finally:
        for role_id in shown:
            del backend.roles[role_id]
