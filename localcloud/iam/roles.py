"""Roles as AWS shows them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import InvalidInput
from moto.iam.models import IAMBackend, Role
from moto.iam.responses import IamResponse

from localcloud.upstream import original, replaces


@replaces(IamResponse)
def create_role(response: IamResponse) -> ActionResult:
    """The answer has no session duration and no last use; GetRole has them."""
    answer: Any = original(create_role)(response)
    return ActionResult({"Role": _shown(answer.result["Role"])})


# The services whose roles may have a suffix, each with a role for each of their resources.
_WITH_SUFFIX = ("autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com")


@replaces(IAMBackend)
def create_service_linked_role(
    backend: IAMBackend, service_name: str, description: str, suffix: str
) -> Role:
    """Most services have one role, which takes no suffix, and which they alone may assume.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
    """
    if suffix and service_name not in _WITH_SUFFIX:
        raise InvalidInput(f"Custom suffix is not allowed for {service_name}")
    made: Role = original(create_service_linked_role)(backend, service_name, description, suffix)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service_name},
        "Action": "sts:AssumeRole",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    made.assume_role_policy_document = json.dumps(document)
    return made


def _shown(role: Role) -> dict[str, Any]:
    shown = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": role.assume_role_policy_document,
        "Description": role.description,
        "PermissionsBoundary": role.permissions_boundary,
        "Tags": role.tags,
    }
    return {name: value for name, value in shown.items() if value}
