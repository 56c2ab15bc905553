"""SimulatePrincipalPolicy says what a user or a role may do, as the local cloud itself decides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import make_role
from tests.support.roles import ACCOUNT, QUEUE, allow, as_role

USER = f"arn:aws:iam::{ACCOUNT}:user/ana"
OTHER = QUEUE + "-other"
DENY = {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}
MAY_PASS = allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "lambda"}})


def give(aws: Session, *statements: dict[str, Any]) -> None:
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.create_user(UserName="ana")
    iam.put_user_policy(UserName="ana", PolicyName="mine", PolicyDocument=document)


def simulate(aws: Session, source: str, *actions: str, **more: Any) -> list[dict[str, Any]]:
    paginate = aws.client("iam").get_paginator("simulate_principal_policy").paginate
    pages = paginate(PolicySourceArn=source, ActionNames=list(actions), **more)
    return [result for page in pages for result in page["EvaluationResults"]]


def decisions(found: list[dict[str, Any]]) -> list[str]:
    return [each["EvalDecision"] for each in found]


@pytest.mark.parity(
    "SimulatePrincipalPolicy says for each action what the policies of a user or role decide, and "
    "for each resource in `ResourceSpecificResults`",
    kept="yes, but for groups; a context key has one value, and no template stands for a resource",
    aws="https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
)
def test_each_action_is_decided_on_each_resource(aws: Session) -> None:
    give(aws, allow("sqs:*", QUEUE), DENY)
    actions = ("sqs:SendMessage", "sqs:DeleteQueue", "sns:Publish")
    assert decisions(simulate(aws, USER, *actions, ResourceArns=[QUEUE])) == [
        *("allowed", "explicitDeny", "implicitDeny")
    ]
    (send,) = simulate(aws, USER, "sqs:SendMessage", ResourceArns=[QUEUE, OTHER])
    assert send["EvalDecision"] == "implicitDeny"  # not on both
    assert [
        (each["EvalResourceName"], each["EvalResourceDecision"])
        for each in send["ResourceSpecificResults"]
    ] == [(QUEUE, "allowed"), (OTHER, "implicitDeny")]
    (deleted,) = simulate(aws, USER, "sqs:DeleteQueue")
    assert [each["SourcePolicyId"] for each in deleted["MatchedStatements"]] == ["mine"]
    role = make_role(aws, "r", {"Version": "2012-10-17", "Statement": [allow("sqs:*")]})
    assert decisions(simulate(aws, role, *actions)) == ["allowed", "allowed", "implicitDeny"]


def test_a_condition_is_met_by_the_given_context(aws: Session) -> None:
    give(aws, MAY_PASS)
    for value, decision in (("lambda", "allowed"), ("ec2", "implicitDeny")):
        context = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [value]}
        (found,) = simulate(aws, USER, "iam:PassRole", ContextEntries=[context])
        assert found["EvalDecision"] == decision


def test_the_results_come_in_pages(aws: Session) -> None:
    give(aws, allow("sqs:SendMessage"))
    actions = ("sqs:SendMessage", "sqs:DeleteQueue", "sqs:SendMessage")
    found = simulate(aws, USER, *actions, PaginationConfig={"PageSize": 2})
    assert decisions(found) == ["allowed", "implicitDeny", "allowed"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/nobody", "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:user/elsewhere/ana", "NoSuchEntity"),
        (f"arn:aws:iam::{ACCOUNT}:root", "InvalidInput"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me", "InvalidInput"),
        ("ana, who is a user of the account", "InvalidInput"),
        (f"arn:aws:iam::{ACCOUNT}:group/all", "NotImplemented"),
    ],
)
def test_who_is_no_user_or_role_is_refused(aws: Session, source: str, code: str) -> None:
    give(aws, DENY)
    with pytest.raises(ClientError) as caught:
        simulate(aws, source, "sqs:SendMessage")
    assert caught.value.response["Error"]["Code"] == code


def test_it_needs_a_permission_itself(aws: Session) -> None:
    give(aws, DENY)
    with pytest.raises(ClientError, match=f"SimulatePrincipalPolicy on resource: {USER} because"):
        simulate(as_role(aws, allow("sqs:*")), USER, "sqs:SendMessage")
    allowed = as_role(aws, allow("iam:SimulatePrincipalPolicy", USER))
    assert simulate(allowed, USER, "sqs:SendMessage")
