"""Roles as AWS shows them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import Role
from moto.iam.responses import IamResponse

from localcloud.upstream import original, replaces


@replaces(IamResponse)
def create_role(response: IamResponse) -> ActionResult:
    """The answer has no session duration and no last use; GetRole has them."""
    answer: Any = original(create_role)(response)
    return ActionResult({"Role": _shown(answer.result["Role"])})


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
