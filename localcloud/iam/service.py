"""IAM, with AWS's own policies; STS, with the permissions for each call.

AssumeRole needs one; asking who you are needs none.
"""

from __future__ import annotations

from moto.iam.models import iam_backends

from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam import conflicts, documents, lag, managed, roles, session_tags, simulate
from localcloud.service import Needed, Service
from localcloud.upstream import ACCOUNT_ID

# The modules are imported for what they replace.
__all__ = ["IAM", "STS", "conflicts", "documents", "roles", "session_tags"]

_ALWAYS = ("GetCallerIdentity",)


class IAM(Service):
    """moto answers, within the rules of documents.py. `role_delay` is how many seconds a new role
    is unknown to Lambda."""

    name = "iam"

    def __init__(self, role_delay: float = 0.0) -> None:
        lag.role_delay = role_delay

    async def handle(self, call: Call) -> Response | None:
        if not call.parameters.get("Marker", "0").isdigit():
            return call.error(400, "ValidationError", "Invalid Marker.")
        if call.operation == simulate.OPERATION:
            return simulate.answer(call)
        managed.provide(call)
        return managed.refusal(call) or lag.answer(call)

    def needed(self, call: Call) -> Needed:
        """On the role or user that a call names first; on a policy only where it names no other."""
        yield f"iam:{call.operation}", _resource(call)


class STS(Service):
    """moto answers, with the credentials of federation.py."""

    name = "sts"

    def needed(self, call: Call) -> Needed:
        if call.operation == "AssumeRole":
            yield "sts:AssumeRole", call.parameters.get("RoleArn", "")
        elif call.operation not in _ALWAYS:
            yield f"sts:{call.operation}", ""


def _resource(call: Call) -> str:
    """The ARN of what a call is about, whether it is there or not; "" if it names nothing.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    given, backend = call.parameters, iam_backends[ACCOUNT_ID]["aws"]
    here = f"arn:aws:iam::{ACCOUNT_ID}"
    path = given.get("Path", "/")
    if role := given.get("RoleName"):
        there = (each.arn for each in backend.roles.values() if each.name == role)
        return next(there, f"{here}:role{path}{role}")
    if user := given.get("UserName"):
        found = backend.users.get(user)
        return found.arn if found else f"{here}:user{path}{user}"
    if policy := given.get("PolicyName"):
        return f"{here}:policy{path}{policy}"
    return str(given.get("PolicyArn") or given.get("PolicySourceArn", ""))
