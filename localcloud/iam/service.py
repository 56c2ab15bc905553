"""STS: the permissions for each call. AssumeRole needs one; asking who you are needs none."""

from __future__ import annotations

from localcloud.call import Call
from localcloud.service import Needed, Service

_ALWAYS = ("GetCallerIdentity",)


class STS(Service):
    """moto answers, with the credentials of federation.py."""

    name = "sts"

    def needed(self, call: Call) -> Needed:
        if call.operation == "AssumeRole":
            yield "sts:AssumeRole", call.parameters.get("RoleArn", "")
        elif call.operation not in _ALWAYS:
            yield f"sts:{call.operation}", ""
