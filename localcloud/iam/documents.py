"""Policies: which ones IAM refuses.

moto checks a trust policy when it is changed, but not when the role is made, and never looks at the
principals. It lets the policy of a role or user have some, which then mean nothing, and be of any
size.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import moto.iam.models as moto_iam
from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.models import IAMBackend, ManagedPolicy, PolicyVersion, Role
from moto.iam.policy_validation import IAMPolicyDocumentValidator, IAMTrustPolicyDocumentValidator

from localcloud.iam import conflicts, lag
from localcloud.upstream import original, replaces

_MAX_OF_ROLE, _MAX_OF_USER = 10_240, 2048  # bytes in all policies of its own
_MAX_TRUST, _MAX_MANAGED = 2048, 6144
_SID = re.compile(r"[A-Za-z0-9]*")
_OLD = "2008-10-17"  # the version that a policy has if it does not say
_KINDS = {
    "AWS": re.compile(r"\*|\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|[\w-]+/.+)"),
    "CanonicalUser": re.compile(r"\w+"),
    "Federated": re.compile(r".+"),
    "Service": re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"),
}


@replaces(moto_iam, "IAMPolicyDocumentValidator")
class IdentityPolicyValidator(IAMPolicyDocumentValidator):
    """The policy of a role, user or group is for just that, so it names no principal."""

    def validate(self) -> None:
        super().validate()
        if any("Principal" in each or "NotPrincipal" in each for each in self._statements):
            raise MalformedPolicyDocument("Policy document should not specify a principal.")
        _refuse_labels(self._statements)


@replaces(IAMBackend)
def create_role(
    backend: IAMBackend, role_name: str, assume_role_policy_document: str, *more: Any, **named: Any
) -> Role:
    """A trust policy that nobody could mean makes no role."""
    _refuse_trust(assume_role_policy_document)
    conflicts.refuse_taken("Role", role_name, (each.name for each in backend.get_roles()))
    made: Role = original(create_role)(
        backend, role_name, assume_role_policy_document, *more, **named
    )
    lag.note_role(made)
    return made


@replaces(IAMBackend)
def update_assume_role_policy(backend: IAMBackend, role_name: str, policy_document: str) -> None:
    """The rules for a new role also hold for a changed one."""
    role = backend.get_role(role_name)
    _refuse_trust(policy_document)
    role.assume_role_policy_document = policy_document


@replaces(IAMBackend)
def put_role_policy(
    backend: IAMBackend, role_name: str, policy_name: str, policy_json: str
) -> None:
    """All policies of a role's own together have a size limit."""
    role = backend.get_role(role_name)
    IdentityPolicyValidator(policy_json).validate()
    _refuse_too_much("role", role, {**role.policies, policy_name: policy_json}, _MAX_OF_ROLE)
    lag.note_policy(role, policy_name, policy_json)
    role.put_policy(policy_name, policy_json)


@replaces(IAMBackend)
def put_user_policy(
    backend: IAMBackend, user_name: str, policy_name: str, policy_json: str
) -> None:
    """All policies of a user's own together have a size limit."""
    user = backend.get_user(user_name)
    IdentityPolicyValidator(policy_json).validate()
    _refuse_too_much("user", user, {**user.policies, policy_name: policy_json}, _MAX_OF_USER)
    user.put_policy(policy_name, policy_json)


@replaces(IAMBackend)
def create_policy(
    backend: IAMBackend, description: str, path: str, policy_document: str, *more: Any
) -> ManagedPolicy:
    """A managed policy has a size limit."""
    _refuse_size(policy_document, "PolicySize", _MAX_MANAGED)
    made: ManagedPolicy = original(create_policy)(
        backend, description, path, policy_document, *more
    )
    return made


@replaces(IAMBackend)
def create_policy_version(
    backend: IAMBackend, policy_arn: str, policy_document: str, set_as_default: bool
) -> PolicyVersion:
    """So has each version of one."""
    _refuse_size(policy_document, "PolicySize", _MAX_MANAGED)
    made: PolicyVersion = original(create_policy_version)(
        backend, policy_arn, policy_document, set_as_default
    )
    return made


def _refuse_too_much(kind: str, holder: Any, policies: dict[str, str], most: int) -> None:
    """Refuse more than a holder's own policies may have in all.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    if sum(map(_size, policies.values())) > most:
        raise LimitExceededException(
            f"Maximum policy size of {most} bytes exceeded for {kind} {holder.name}"
        )


def _refuse_size(document: str, quota: str, most: int) -> None:
    if _size(document) > most:
        raise LimitExceededException(f"Cannot exceed quota for {quota}: {most}")


def _size(document: str) -> int:
    """How much counts of a policy: not its white space."""
    return len("".join(document.split()))


def _refuse_labels(statements: list[dict[str, Any]]) -> None:
    if not all(_SID.fullmatch(each.get("Sid", "")) for each in statements):
        raise MalformedPolicyDocument("Statement IDs (SID) must be alpha-numeric.")


def _refuse_trust(document: str) -> None:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    if isinstance(found, dict) and found.get("Version", _OLD) == _OLD:
        found = {**found, "Version": "2012-10-17"}  # moto knows the newer one only
    IAMTrustPolicyDocumentValidator(json.dumps(found)).validate()
    _refuse_labels(_statements(document))
    _refuse_size(document, "ACLSizePerRole", _MAX_TRUST)
    for each in _statements(document):
        _refuse_principal(each.get("Principal", each.get("NotPrincipal")))


def _refuse_principal(principal: Any) -> None:
    if principal is None:
        raise MalformedPolicyDocument("Missing required field Principal")
    if principal == "*":
        return
    if not isinstance(principal, dict) or principal.keys() - _KINDS.keys():
        raise MalformedPolicyDocument("Syntax errors in policy.")
    for kind, names in principal.items():
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(name, str) or not _KINDS[kind].fullmatch(name):
                shown = kind.upper() if kind == "Service" else kind
                raise MalformedPolicyDocument(f'Invalid principal in policy: "{shown}":"{name}"')


def _statements(document: str) -> list[dict[str, Any]]:
    """The statements of a policy that moto has found to be well-formed."""
    found = json.loads(document)["Statement"]
    return found if isinstance(found, list) else [found]
