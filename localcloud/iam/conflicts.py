"""What IAM says of a name that is not there or is taken, and of what is still in use.

moto deletes a policy under the roles that have it, and a user with keys. Code that tears down in
the wrong order works there, and fails on AWS.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.iam.exceptions import DeleteConflictException, EntityAlreadyExists, NotFoundException
from moto.iam.models import IAMBackend, Role, User

from localcloud.upstream import original, replaces

_VERSIONS = (
    "This policy has more than one version. Before you delete a policy, you must delete the "
    "policy's versions. The default version is deleted with the policy."
)


@replaces(IAMBackend)
def delete_policy(backend: IAMBackend, policy_arn: str) -> None:
    """A policy that somebody has, or that has other versions, is not deleted."""
    policy = backend.get_policy(policy_arn)
    holders = (*backend.roles.values(), *backend.users.values(), *backend.groups.values())
    if any(policy_arn in each.managed_policies for each in holders):
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflictException(_VERSIONS)
    original(delete_policy)(backend, policy_arn)


@replaces(IAMBackend)
def delete_user(backend: IAMBackend, user_name: str) -> None:
    """A user with keys, a password or a group is not deleted."""
    user = backend.get_user(user_name)
    for kept, said in (
        (user.access_keys, "delete access keys"),
        (user.password, "delete login profile"),
        ([g for g in backend.groups.values() if user in g.users], "remove users from group"),
    ):
        if kept:
            raise DeleteConflictException(f"Cannot delete entity, must {said} first.")
    original(delete_user)(backend, user_name)


@replaces(IAMBackend)
def get_role(backend: IAMBackend, role_name: str) -> Role:
    """A missing role is named as such."""
    try:
        found: Role = original(get_role)(backend, role_name)
    except NotFoundException:
        raise NotFoundException(f"The role with name {role_name} cannot be found.") from None
    return found


@replaces(IAMBackend)
def get_role_policy(backend: IAMBackend, role_name: str, policy_name: str) -> tuple[str, str]:
    """So is a missing policy of one."""
    policies = backend.get_role(role_name).policies
    if policy_name not in policies:
        raise NotFoundException(f"The role policy with name {policy_name} cannot be found.")
    return policy_name, policies[policy_name]


@replaces(IAMBackend)
def create_user(backend: IAMBackend, region_name: str, user_name: str, **more: Any) -> User:
    """The names of users differ by more than their case."""
    refuse_taken("User", user_name, backend.users)
    made: User = original(create_user)(backend, region_name, user_name, **more)
    return made


def refuse_taken(kind: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that another of this kind has, in whatever case."""
    if name.lower() in map(str.lower, names):
        raise EntityAlreadyExists(f"{kind} with name {name} already exists.")
