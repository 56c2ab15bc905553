"""Refuses what the caller may not do, with the error of each service.

A function signs with credentials of its execution role, so every request tells who sends it. The
key of the start belongs to the user of the local cloud, and may do everything. An IAM user's key
may do what the user's policies allow. The key of an assumed role (by Lambda or `sts:AssumeRole`)
may do what the role's policies allow. A key of `sts:GetFederationToken` may do what the policy in
that call allows, so anyone can try out a policy. Each service knows what its calls need.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localcloud import deliver
from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam import tagging
from localcloud.iam.credentials import KnownCredentials
from localcloud.iam.federation import FEDERATED, ROOT
from localcloud.iam.policies import Access, Caller, Decision, context_of, decide
from localcloud.service import Needed, Service
from localcloud.upstream import ACCOUNT_ID

# The error of each service: its status, its code, and how it writes the action.
_Error = tuple[int, str, Callable[[str], str]]
_ERRORS: dict[str, _Error] = {
    "sqs": (403, "AccessDenied", str.lower),
    "sns": (403, "AuthorizationError", lambda action: action.replace("sns:", "SNS:")),
    "dynamodb": (400, "AccessDeniedException", str),
    "lambda": (403, "AccessDeniedException", str),
    "logs": (400, "AccessDeniedException", str),
    "apigateway": (403, "AccessDeniedException", str),
}
_OTHER_ERROR: _Error = (403, "AccessDenied", str)


@dataclass(frozen=True)
class Judgement:
    """What was decided of a call: the answer if its sender may not make it, and each decision. For
    a sender who may do everything nothing is decided."""

    refusal: Response | None = None
    decisions: tuple[Decision, ...] = ()


def judge(call: Call, service: Service, known: KnownCredentials) -> Judgement:
    """Decide whether a call's sender may make it."""
    caller = caller_of(call.access_key_id, known)
    if caller is None:
        return Judgement()
    status, code, written = _ERRORS.get(call.service, _OTHER_ERROR)
    if call.service == "sts" and call.operation == "GetSessionToken":
        text = "Cannot call GetSessionToken with session credentials"
        return Judgement(call.error(status, code, text))
    decisions: tuple[Decision, ...] = ()
    context = context_of(caller.role_arn or caller.arn, call.region) + service.context(call)
    for action, resource in _needed(call, service):
        access = Access(action, resource, context)
        decision = decide(caller, access, deliver.policy_of(resource))
        decisions += (decision,)
        if decision.reason:
            shown = written(action)
            message = (
                f"User: {caller.arn} is not authorized to perform: {shown} on resource: "
                f"{resource or '*'} {decision.reason.format(action=shown)}"
            )
            return Judgement(call.error(status, code, message), decisions)
    return Judgement(None, decisions)


def may(call: Call, known: KnownCredentials, action: str, resource: str) -> bool:
    """Whether a call's sender may do something else, too."""
    caller = caller_of(call.access_key_id, known)
    if caller is None:
        return True
    access = Access(action, resource, context_of(caller.role_arn or caller.arn, call.region))
    return not decide(caller, access, deliver.policy_of(resource)).reason


def _needed(call: Call, service: Service) -> Needed:
    needed = tuple(service.needed(call))
    yield from needed
    yield from tagging.needed(call, needed[0][1] if needed else "")


def caller_of(access_key_id: str, known: KnownCredentials) -> Caller | None:
    """Who has this key; None for a sender who may do everything."""
    session = known.session(access_key_id)
    if session is None:
        user = known.user(access_key_id)
        return None if user is None else Caller(user.arn, user_name=user.name)
    if session.role_arn == ROOT:
        return None
    if session.role_arn == FEDERATED:
        arn = f"arn:aws:sts::{ACCOUNT_ID}:federated-user/{session.session_name}"
        return Caller(arn, session_policy=session.policy)
    return Caller(session.arn, session.role_arn, session.policy)
