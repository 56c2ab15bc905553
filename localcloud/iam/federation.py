"""The credentials that STS makes: for roles (functions get them, too) and for federated users.

Each has its own token and policy, so that a request tells who sends it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.sts.models import AssumedRole, STSBackend, sts_backends
from moto.sts.responses import TokenResponse

from localcloud.upstream import ACCOUNT_ID, original, replaces

FEDERATED = f"arn:aws:iam::{ACCOUNT_ID}:federated-user"  # in place of a role's ARN
ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"  # likewise, for sessions of the start's own key
OWNER = f"arn:aws:iam::{ACCOUNT_ID}:user/localcloud"  # who has the start's own key
_OF_MOTO = f"arn:aws:sts::{ACCOUNT_ID}:user/moto"
_NOTHING = '{"Version": "2012-10-17", "Statement": []}'
# Seconds. AWS replaces an environment before its credentials expire; here a busy one stays.
_A_WORKERS_LIFE = 365 * 24 * 60 * 60


def assume_role(role_arn: str, session: str, region: str) -> dict[str, str]:
    """New credentials of the role, as the environment variables that the AWS SDKs read."""
    made = _session(role_arn, session, region, "", _A_WORKERS_LIFE)
    made.is_of_a_worker = True  # the key is gone when its worker is
    return {
        "AWS_ACCESS_KEY_ID": made.access_key_id,
        "AWS_SECRET_ACCESS_KEY": made.secret_access_key,
        "AWS_SESSION_TOKEN": made.session_token,
    }


@replaces(STSBackend)
def get_caller_identity(
    backend: STSBackend, access_key_id: str, region: str
) -> tuple[str, str, str]:
    """The owner of the start's key is a user of IAM; moto has an ARN that no user has."""
    user_id, arn, account = original(get_caller_identity)(backend, access_key_id, region)
    return user_id, OWNER if arn == _OF_MOTO else arn, account


@replaces(TokenResponse)
def get_federation_token(response: TokenResponse) -> ActionResult:
    """moto gives everyone the same credentials, and forgets the policy.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    result: dict[str, Any] = original(get_federation_token)(response).result
    name, policy = response._get_param("Name"), response._get_param("Policy") or _NOTHING
    result["Credentials"] |= _given_out(response, name, FEDERATED, policy)
    return ActionResult(result)


@replaces(TokenResponse)
def get_session_token(response: TokenResponse) -> ActionResult:
    """moto gives everyone the same credentials.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    result: dict[str, Any] = original(get_session_token)(response).result
    result["Credentials"] |= _given_out(response, "root", ROOT, "")
    return ActionResult(result)


def _given_out(response: TokenResponse, name: str, principal: str, policy: str) -> dict[str, str]:
    duration = response._get_int_param("DurationSeconds", 43200)
    made = _session(principal, name, response.region, policy, duration)
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
    }


def _session(role_arn: str, name: str, region: str, policy: str, duration: int) -> AssumedRole:
    return sts_backends[ACCOUNT_ID]["aws"].assume_role(
        region_name=region,
        role_session_name=name,
        role_arn=role_arn,
        policy=policy,
        duration=duration,
        external_id="",
    )
