"""Roles that belong to services of AWS's, and the policies that roles and users get."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

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
