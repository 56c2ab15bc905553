"""AssumeRole refuses what is no role, and tags of a session that cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.roles import session_of

ACCOUNT = "123456789012"
TEA = {"Key": "Tea", "Value": "green"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT},
         "Action": ["sts:AssumeRole", "sts:TagSession"]},
    ],
}  # fmt: skip


def make_role(aws: Session, name: str) -> str:
    iam = aws.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    every = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [every]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return str(arn)


def refused(sts: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        sts.assume_role(**{"RoleSessionName": "tea", **given})
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_role_that_is_no_arn_is_refused(aws: Session) -> None:
    wrong = (
        "nothing-that-is-valid", "arn::b:::something/a-role", "arn:a::::something/a-role",
        "arn:a:::something/a-role", "arn:a:a::aaaaaaaaaa:",
    )  # fmt: skip
    for arn in wrong:
        assert refused(aws.client("sts"), RoleArn=arn) == ("ValidationError", f"{arn} is invalid")


@pytest.mark.parity(
    "A role is there to be assumed, and for no longer than its sessions or those of a chain last",
    kept="yes, but for the owner's key any role's trust policy will do",
    module="iam.session_tags",
    aws="https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
)
def test_a_missing_role_and_a_session_that_is_too_long_are_refused(aws: Session) -> None:
    sts, role = aws.client("sts"), make_role(aws, "role")
    code, text = refused(sts, RoleArn=f"{role}x")
    assert code == "AccessDenied"
    assert text.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {role}x")
    assert refused(sts, RoleArn=role, DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    aws.client("iam").update_role(RoleName="role", MaxSessionDuration=7200)
    made = sts.assume_role(RoleArn=role, RoleSessionName="tea", DurationSeconds=7200)
    chained = session_of(aws, made["Credentials"]).client("sts")
    code, text = refused(chained, RoleArn=role, DurationSeconds=3601)
    assert code == "ValidationError" and "1 hour session limit" in text


@pytest.mark.parity(
    "The tags of a session have keys that differ by more than their case; a transitive one is a "
    "tag, and the next role does not set it again",
    kept="yes; no policy sees the tags",
    module="iam.session_tags",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html",
)
def test_tags_of_a_session_that_cannot_be_are_refused(aws: Session) -> None:
    sts, role = aws.client("sts"), make_role(aws, "first")
    code, said = refused(sts, RoleArn=role, Tags=[TEA, {"Key": "tea", "Value": "black"}])
    assert code == "InvalidParameterValue"
    assert said == "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    code, said = refused(sts, RoleArn=role, Tags=[TEA], TransitiveTagKeys=["Milk"])
    assert code == "InvalidParameterValue"
    assert said == "The specified transitive tag key must be included in the requested tags."
    sts.assume_role(RoleArn=role, RoleSessionName="tea", Tags=[TEA], TransitiveTagKeys=["tea"])


def test_a_transitive_tag_is_not_set_again(aws: Session) -> None:
    sts, second = aws.client("sts"), make_role(aws, "second")
    made = sts.assume_role(
        RoleArn=make_role(aws, "first"),
        RoleSessionName="tea",
        Tags=[TEA],
        TransitiveTagKeys=["Tea"],
    )["Credentials"]
    session = session_of(aws, made)
    for key in ("Tea", "tea"):
        code, said = refused(
            session.client("sts"), RoleArn=second, Tags=[{"Key": key, "Value": "black"}]
        )
        assert code == "InvalidParameterValue" and "conflicts with a transitive tag key" in said
    session.client("sts").assume_role(
        RoleArn=second, RoleSessionName="tea", Tags=[{"Key": "Milk", "Value": "no"}]
    )
