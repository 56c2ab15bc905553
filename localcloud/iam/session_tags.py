"""What AssumeRole refuses: a malformed role, and tags of the session that cannot be.

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

from localcloud.upstream import original, replaces

_PARTS = 6  # of an ARN
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
    inherited = _transitive(response, response.get_access_key())
    keys = _lower(tag["Key"] for tag in response._get_param("Tags", []))
    transitive = _lower(response._get_param("TransitiveTagKeys", []))
    if problem := _problem(keys, transitive, inherited):
        raise _InvalidTagsError(problem)
    answer: Any = original(assume_role)(response)
    made = answer.result["Credentials"]
    made.transitive_tag_keys = inherited | set(transitive)
    return ActionResult(answer.result)


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
