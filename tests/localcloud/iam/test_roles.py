"""Roles that belong to services of AWS's, and the policies that roles and users get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import ANYTHING, TRUST, make_role

HERE = "arn:aws:iam::123456789012:policy"
LINKED_ROLE = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html"


def refusal(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parity(
    "A service-linked role trusts its service alone, and has a suffix for few services",
    kept="yes; roles are named after the service's address, and have no policies",
    aws=LINKED_ROLE,
)
def test_a_service_linked_role_is_its_services(aws: Session) -> None:
    make = aws.client("iam").create_service_linked_role
    made = make(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="mine")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForAutoScaling_mine"
    (statement,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "autoscaling.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    service = "ops.apigateway.amazonaws.com"
    assert refusal(make, AWSServiceName=service, CustomSuffix="mine") == (
        "InvalidInput", f"Custom suffix is not allowed for {service}",
    )  # fmt: skip
    assert make(AWSServiceName=service)["Role"]["Path"] == f"/aws-service-role/{service}/"


@pytest.mark.parity(
    "A policy is attached by its ARN, and one that is not there is not deleted",
    kept="yes",
    module="iam.managed",
    aws="https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
)
def test_a_policy_is_named_by_its_arn(aws: Session) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="u")
    assert refusal(iam.attach_user_policy, UserName="u", PolicyArn="a-name-and-no-arn-of-it") == (
        "ValidationError", "Invalid ARN:  Could not be parsed!",
    )  # fmt: skip
    assert refusal(iam.attach_user_policy, UserName="u", PolicyArn=f"{HERE}/none") == (
        "NoSuchEntity", f"Policy {HERE}/none does not exist or is not attachable.",
    )  # fmt: skip
    assert refusal(iam.delete_policy, PolicyArn=f"{HERE}/none") == (
        "NoSuchEntity", f"Policy {HERE}/none was not found.",
    )  # fmt: skip
    aws_own = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"
    assert refusal(iam.delete_policy, PolicyArn=aws_own)[0] == "AccessDenied"


@pytest.mark.parity(
    "A policy that somebody has is not deleted, nor is one with other versions, or a user with "
    "keys, a password or a group",
    kept="yes",
    module="iam.conflicts",
    aws="https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html",
)
def test_what_is_in_use_is_not_deleted(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(ANYTHING))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ANYTHING))
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    conflict, cannot = "DeleteConflict", "Cannot delete entity, must "
    assert refusal(iam.delete_policy, PolicyArn=arn) == (
        conflict, "Cannot delete a policy attached to entities.",
    )  # fmt: skip
    iam.detach_role_policy(RoleName="role", PolicyArn=arn)
    code, text = refusal(iam.delete_policy, PolicyArn=arn)
    assert code == conflict and text.startswith("This policy has more than one version.")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)

    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(UserName="u", GroupName="g")
    iam.create_login_profile(UserName="u", Password="tea for two")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    assert refusal(iam.delete_user, UserName="u") == (
        conflict,
        f"{cannot}delete access keys first.",
    )
    iam.delete_access_key(UserName="u", AccessKeyId=key)
    assert refusal(iam.delete_user, UserName="u")[1] == f"{cannot}delete login profile first."
    iam.delete_login_profile(UserName="u")
    assert refusal(iam.delete_user, UserName="u")[1] == f"{cannot}remove users from group first."
    iam.remove_user_from_group(UserName="u", GroupName="g")
    iam.delete_user(UserName="u")


def test_a_missing_name_and_a_taken_one_are_named(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)
    iam.create_user(UserName="tea")
    missing = "NoSuchEntity", "The role with name nope cannot be found."
    assert refusal(iam.get_role, RoleName="nope") == missing
    assert refusal(iam.delete_role, RoleName="nope") == missing
    assert refusal(iam.get_role_policy, RoleName="role", PolicyName="nope") == (
        "NoSuchEntity", "The role policy with name nope cannot be found.",
    )  # fmt: skip
    taken = "EntityAlreadyExists"
    assert refusal(
        iam.create_role, RoleName="ROLE", AssumeRolePolicyDocument=json.dumps(TRUST)
    ) == (taken, "Role with name ROLE already exists.")
    assert refusal(iam.create_user, UserName="Tea") == (taken, "User with name Tea already exists.")
