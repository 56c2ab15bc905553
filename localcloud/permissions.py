"""What a role may do.

So far one question is asked here: may this role make its own log group? The caller of every
request is known, too (a worker signs with credentials of its function's role, see
`State.assume_role`), so refusing what a policy does not allow has its place here.
"""

from __future__ import annotations

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role's policies allow `action` on `resource`, an explicit Deny winning.

    A role that IAM does not know is allowed everything: a cloud for trying things out
    accepts functions with made-up roles.
    """
    backend = iam_backends[role_arn.split(":")[4]]["aws"]
    try:
        role = backend.get_role_by_arn(role_arn)
    except NotFoundException:
        return True
    policies = [*role.policies.values(), *role.managed_policies.values()]
    answers = [IAMPolicy(policy).is_action_permitted(action, resource) for policy in policies]
    return PermissionResult.DENIED not in answers and PermissionResult.PERMITTED in answers
