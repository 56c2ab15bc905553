"""AWS's own managed policies, such as AWSLambdaBasicExecutionRole.

moto has all 1,500 of them, and would make every one at each start and at each reset. Here one is
made when a call names it; all are made only for a list of them.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import ACCOUNT_ID

_PREFIX = "arn:aws:iam::aws:policy/"
_CHANGES = ("CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion")


def refusal(call: Call) -> Response | None:
    """The answer to a call that would change one of AWS's policies, attach what is no ARN, delete
    what is not there, or set it as a permissions boundary; None for any other."""
    boundary = call.parameters.get("PermissionsBoundary")
    if boundary and not _is_there(boundary):
        text = f"Scope ARN: {boundary} does not exist or is not attachable."
        return call.error(404, "NoSuchEntity", text)
    arn = call.parameters.get("PolicyArn", "")
    if call.operation.startswith("Attach") and not arn.startswith("arn:"):
        return call.error(400, "ValidationError", "Invalid ARN:  Could not be parsed!")
    if call.operation == "DeletePolicy" and not arn.startswith(_PREFIX):
        if not _is_there(arn):
            return call.error(404, "NoSuchEntity", f"Policy {arn} was not found.")
        return None
    if call.operation not in _CHANGES or not arn.startswith(_PREFIX):
        return None
    return call.error(403, "AccessDenied", f"Policy {arn} is outside your own account.")


def provide(call: Call) -> None:
    """Make the policies of AWS's that a call is about, unless they are there."""
    backend = iam_backends[ACCOUNT_ID]["aws"]
    if call.operation == "ListPolicies" and call.parameters.get("Scope") != "Local":
        for each in _by_arn():
            _make(backend, each)
    for parameter in ("PolicyArn", "PermissionsBoundary"):
        if _is_of_aws(arn := call.parameters.get(parameter, "")):
            _make(backend, arn)


def _is_there(arn: str) -> bool:
    return _is_of_aws(arn) or arn in iam_backends[ACCOUNT_ID]["aws"].managed_policies


def _is_of_aws(arn: str) -> bool:
    return arn.startswith(_PREFIX) and arn in _by_arn()


def _make(backend: IAMBackend, arn: str) -> None:
    if arn not in backend.managed_policies:
        name, found = _by_arn()[arn]
        made = AWSManagedPolicy.from_data(name, ACCOUNT_ID, backend.region_name, found)
        backend.managed_policies[arn] = made


@cache
def _by_arn() -> dict[str, tuple[str, dict[str, Any]]]:
    """Names and contents, by ARN. Reading them takes a moment, so nobody does it for nothing."""
    found = json.loads(aws_managed_policies_data)
    return {f"{_PREFIX[:-1]}{each['Path']}{name}": (name, each) for name, each in found.items()}
