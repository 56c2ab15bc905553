"""IAM, with AWS's own policies; STS, with the permissions for each call.

AssumeRole needs one; asking who you are needs none.
"""

from __future__ import annotations

from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam import documents, lag, managed
from localcloud.service import Needed, Service

__all__ = ["IAM", "STS", "documents"]

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
        managed.provide(call)
        return managed.refusal(call) or lag.answer(call)


class STS(Service):
    """moto answers, with the credentials of federation.py."""

    name = "sts"

    def needed(self, call: Call) -> Needed:
        if call.operation == "AssumeRole":
            yield "sts:AssumeRole", call.parameters.get("RoleArn", "")
        elif call.operation not in _ALWAYS:
            yield f"sts:{call.operation}", ""
