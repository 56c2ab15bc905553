"""The policies of a role: which ones IAM refuses.

moto checks a trust policy when it is changed, but not when the role is made, and never looks at the
principals. It lets a role's own policy have some, which then mean nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.models import IAMBackend, Role
from moto.iam.policy_validation import IAMPolicyDocumentValidator, IAMTrustPolicyDocumentValidator

from localcloud.iam import lag
from localcloud.upstream import original, replaces

_MAX_POLICIES = 10_240  # bytes in all policies of a role's own
_OLD = "2008-10-17"  # the version that a policy has if it does not say
_KINDS = {
    "AWS": re.compile(r"\*|\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|[\w-]+/.+)"),
    "CanonicalUser": re.compile(r"\w+"),
    "Federated": re.compile(r".+"),
    "Service": re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?"),
}


@replaces(IAMBackend)
def create_role(
    backend: IAMBackend, role_name: str, assume_role_policy_document: str, *more: Any, **named: Any
) -> Role:
    """A trust policy that nobody could mean makes no role."""
    _refuse_trust(assume_role_policy_document)
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
    """A role's own policy is for that role, so it names no principal."""
    role = backend.get_role(role_name)
    IAMPolicyDocumentValidator(policy_json).validate()
    if any("Principal" in each or "NotPrincipal" in each for each in _statements(policy_json)):
        raise MalformedPolicyDocument("Policy document should not specify a principal.")
    _refuse_too_much(role, {**role.policies, policy_name: policy_json})
    lag.note_policy(role, policy_name, policy_json)
    role.put_policy(policy_name, policy_json)


def _refuse_too_much(role: Role, policies: dict[str, str]) -> None:
    """Refuse more than a role's own policies may have in all, white space not counted.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    size = sum(len("".join(document.split())) for document in policies.values())
    if size > _MAX_POLICIES:
        raise LimitExceededException(
            f"Maximum policy size of {_MAX_POLICIES} bytes exceeded for role {role.name}"
        )


def _refuse_trust(document: str) -> None:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    if isinstance(found, dict) and found.get("Version", _OLD) == _OLD:
        found = {**found, "Version": "2012-10-17"}  # moto knows the newer one only
    IAMTrustPolicyDocumentValidator(json.dumps(found)).validate()
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
