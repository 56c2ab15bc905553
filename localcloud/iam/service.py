"""IAM, with AWS's own policies; STS, with the permissions for each call.

AssumeRole needs one; asking who you are needs none.
"""

from __future__ import annotations

from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam import documents, managed, session_tags
from localcloud.service import Needed, Service

__all__ = ["IAM", "STS", "documents", "session_tags"]  # imported for what they replace

_ALWAYS = ("GetCallerIdentity",)


class IAM(Service):
    """moto answers, within the rules of documents.py."""

    name = "iam"

    async def handle(self, call: Call) -> Response | None:
        if not call.parameters.get("Marker", "0").isdigit():
            return call.error(400, "ValidationError", "Invalid Marker.")
        managed.provide(call)
        return managed.refusal(call)


class STS(Service):
    """moto answers, with the credentials of federation.py."""

    name = "sts"

    def needed(self, call: Call) -> Needed:
        if call.operation == "AssumeRole":
            yield "sts:AssumeRole", call.parameters.get("RoleArn", "")
        elif call.operation not in _ALWAYS:
            yield f"sts:{call.operation}", ""
