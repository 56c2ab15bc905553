"""What AssumeRole refuses: a malformed or missing role, a session that is too long, and tags that
cannot be.

A transitive tag goes along when the session assumes another role, which must not set it again. The
keys of tags differ by more than their case.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.sts.exceptions import STSClientError, STSValidationError
from moto.sts.models import AssumedRole
from moto.sts.responses import TokenResponse

from localcloud.iam.policies import find_role
from localcloud.upstream import original, replaces

_PARTS = 6  # of an ARN
_HOUR = 60 * 60
_TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
_TOO_LONG_A_CHAIN = (
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
    "chaining"
)
_DUPLICATE = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
_NOT_A_TAG = "The specified transitive tag key must be included in the requested tags."
_CONFLICT = (
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive "
    "tag key from the calling session."
)


class _InvalidTagsError(STSClientError):
    def __init__(self, text: str) -> None:
        super().__init__("InvalidParameterValue", text)


@replaces(TokenResponse)
def assume_role(response: TokenResponse) -> ActionResult:
    """A session has the transitive tags of the one that made it, and its own."""
    role_arn = response._get_param("RoleArn")
    if not _is_arn(role_arn):
        raise STSValidationError(f"{role_arn} is invalid")
    _refuse_session(response, role_arn)
    inherited = _transitive(response, response.get_access_key())
    keys = _lower(tag["Key"] for tag in response._get_param("Tags", []))
    transitive = _lower(response._get_param("TransitiveTagKeys", []))
    if problem := _problem(keys, transitive, inherited):
        raise _InvalidTagsError(problem)
    answer: Any = original(assume_role)(response)
    made = answer.result["Credentials"]
    made.transitive_tag_keys = inherited | set(transitive)
    return ActionResult(answer.result)


def _refuse_session(response: TokenResponse, role_arn: str) -> None:
    """Refuse a session of a role that is not there, and one that is longer than the role's are, or
    than an hour if a session of a role asks for it."""
    role = find_role(role_arn)
    caller = response.get_access_key()
    if role is None:
        _, arn, _ = response.backend.get_caller_identity(caller, response.region)
        text = f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
        raise STSClientError("AccessDenied", text)
    duration = response._get_int_param("DurationSeconds", _HOUR)
    if duration > int(role.max_session_duration or _HOUR):
        raise STSValidationError(_TOO_LONG)
    if duration > _HOUR and response.backend.get_assumed_role_from_access_key(caller):
        raise STSValidationError(_TOO_LONG_A_CHAIN)


def _problem(keys: list[str], transitive: list[str], inherited: set[str]) -> str:
    if len(set(keys)) < len(keys):
        return _DUPLICATE
    if not set(transitive) <= set(keys):
        return _NOT_A_TAG
    return _CONFLICT if inherited & set(keys) else ""


def _transitive(response: TokenResponse, access_key_id: str) -> set[str]:
    """The transitive tags of the session that calls, if it is one."""
    caller: AssumedRole | None = response.backend.get_assumed_role_from_access_key(access_key_id)
    return getattr(caller, "transitive_tag_keys", set())


def _is_arn(text: str) -> bool:
    parts = text.split(":", _PARTS - 1)
    return len(parts) == _PARTS and all((parts[1], parts[2], parts[-1]))


def _lower(keys: Any) -> list[str]:
    return [key.lower() for key in keys]
