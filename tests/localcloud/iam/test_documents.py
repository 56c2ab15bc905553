"""Trust policies, roles' own policies and AWS's managed ones: what IAM takes, and what counts."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import TRUST, make_function, make_role

(LAMBDA,) = TRUST["Statement"]
SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
FULL_SQS = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def policy(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


WITHOUT_PRINCIPAL = {"Effect": "Allow", "Action": "sts:AssumeRole"}
TRUSTS: list[tuple[str, str]] = [
    ("x", "This policy contains invalid Json"),
    ("[" * 100_000, "This policy contains invalid Json"),
    ("[]", "Syntax errors in policy."),
    (policy(), "Syntax errors in policy."),
    (policy({**LAMBDA, "Effect": "Maybe"}), "Syntax errors in policy."),
    (policy({**LAMBDA, "Tea": "green"}), "Syntax errors in policy."),
    (policy(LAMBDA, Tea="green"), "Syntax errors in policy."),
    (policy(WITHOUT_PRINCIPAL), "Missing required field Principal"),
    (policy({**LAMBDA, "Principal": "lambda.amazonaws.com"}), "Syntax errors in policy."),
    (policy({**LAMBDA, "Principal": {"Service": "lambda"}}),
     'Invalid principal in policy: "SERVICE":"lambda"'),
    (policy({**LAMBDA, "Principal": {"AWS": "nonsense"}}),
     'Invalid principal in policy: "AWS":"nonsense"'),
    (policy({**LAMBDA, "Resource": "*"}), "Has prohibited field Resource."),
    (policy({**LAMBDA, "Action": "s3:GetObject"}), "Trust Policy statement actions can only be"),
]  # fmt: skip


@pytest.mark.parity(
    "A trust policy that is no JSON, names no principal or an unknown one, or has a resource, is "
    "refused",
    kept="yes, also where AWS words a syntax error in another way",
    module="iam.documents",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html",
)
def test_a_trust_policy_that_nobody_could_mean_makes_no_role(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)
    for document, said in TRUSTS:
        for call in (
            partial(iam.create_role, RoleName="other", AssumeRolePolicyDocument=document),
            partial(iam.update_assume_role_policy, RoleName="role", PolicyDocument=document),
        ):
            with pytest.raises(ClientError) as caught:
                call()
            error = caught.value.response["Error"]
            found = (error["Code"], said in error["Message"])
            assert found == ("MalformedPolicyDocument", True), (document[:200], error)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["role"]


def test_a_trust_policy_in_any_form_of_aws_makes_a_role(aws: Session) -> None:
    account = "123456789012"
    principals: list[Any] = [
        "*", {"AWS": "*"}, {"AWS": account}, {"AWS": f"arn:aws:iam::{account}:root"},
        {"AWS": [f"arn:aws:iam::{account}:role/r", f"arn:aws:iam::{account}:user/path/u"]},
        {"Service": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]},
    ]  # fmt: skip
    documents = [policy({**LAMBDA, "Principal": each}) for each in principals]
    documents += [json.dumps({"Statement": LAMBDA}), policy(LAMBDA, Version="2008-10-17")]
    for number, document in enumerate(documents):
        made = aws.client("iam").create_role(
            RoleName=f"role{number}", AssumeRolePolicyDocument=document
        )["Role"]
        assert made["AssumeRolePolicyDocument"] == json.loads(document)


def test_a_policy_of_a_role_names_no_principal_and_leaves_the_one_before(aws: Session) -> None:
    iam, given = aws.client("iam"), {"RoleName": "role", "PolicyName": "policy"}
    make_role(aws)
    for who in ({"Principal": "*"}, {"NotPrincipal": {"AWS": "123456789012"}}):
        with pytest.raises(ClientError, match=r"Policy document should not specify a principal\."):
            iam.put_role_policy(**given, PolicyDocument=policy({**SEND, **who}))
    wrong = policy({**SEND, "Sid": "send-it"})
    with pytest.raises(ClientError, match=r"Statement IDs \(SID\) must be alpha-numeric"):
        iam.put_role_policy(**given, PolicyDocument=wrong)
    with pytest.raises(ClientError, match=r"Policy document should not specify a principal\."):
        iam.create_policy(PolicyName="p", PolicyDocument=policy({**SEND, "Principal": "*"}))
    assert iam.get_role_policy(**given)["PolicyDocument"]["Statement"][0]["Action"] == "*"


@pytest.mark.parity(
    "AWS's managed policies can be attached, read, listed and detached, and they count",
    kept="yes, as moto's copy of them has them",
    module="iam.managed",
    aws="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html",
)
def test_a_managed_policy_of_aws_counts_while_it_is_attached(aws: Session) -> None:
    iam, sqs = aws.client("iam"), aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    source = (
        "import boto3\ndef handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl='{url}', MessageBody='tea')\n"
    )
    iam.create_role(RoleName="bare", AssumeRolePolicyDocument=json.dumps(TRUST))
    role = iam.get_role(RoleName="bare")["Role"]["Arn"]
    make_function(aws, "f", source, Role=role)
    once = aws.client("lambda", config=Config(retries={"total_max_attempts": 1}))

    def error() -> str:
        reply = once.invoke(FunctionName="f")
        return str(json.loads(reply["Payload"].read() or "null"))

    assert "not authorized to perform: sqs:sendmessage" in error()
    for arn in (BASIC, FULL_SQS):
        iam.attach_role_policy(RoleName="bare", PolicyArn=arn)
    assert error() == "None"
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert any(event["message"].startswith("REPORT") for event in events)
    attached = iam.list_attached_role_policies(RoleName="bare")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [BASIC, FULL_SQS]
    iam.detach_role_policy(RoleName="bare", PolicyArn=FULL_SQS)
    assert "not authorized to perform: sqs:sendmessage" in error()


NAMES = [
    "AWSLambda_FullAccess", "AWSLambda_ReadOnlyAccess", "AWSLambdaExecute", "AdministratorAccess",
    "AmazonAPIGatewayAdministrator", "AmazonDynamoDBFullAccess", "AmazonSNSFullAccess",
    "AmazonSQSFullAccess", "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaSQSQueueExecutionRole",
]  # fmt: skip


def test_the_managed_policies_that_a_learner_meets_are_there(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)
    for name in NAMES:
        arn = f"arn:aws:iam::aws:policy/{name}"
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
        found = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])
        assert version["PolicyVersion"]["Document"]["Statement"], name
    assert len(iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]) == len(NAMES)
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS")
    assert len([each for page in pages for each in page["Policies"]]) > 1000
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_a_managed_policy_of_aws_cannot_be_changed_and_has_to_be_there(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)
    with pytest.raises(ClientError, match=r"AccessDenied.*is outside your own account"):
        iam.delete_policy(PolicyArn=BASIC)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="does not exist or is not att"):
        iam.attach_role_policy(RoleName="role", PolicyArn="arn:aws:iam::aws:policy/Tea")


@pytest.mark.parity(
    "CreateRole answers with a role, but for its session duration and last use, which GetRole has",
    kept="yes",
    module="iam.roles",
    service="IAM",
    aws="https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
)
def test_a_new_role_is_shown_without_what_nobody_used(aws: Session) -> None:
    iam = aws.client("iam")
    given: dict[str, Any] = {
        "RoleName": "r",
        "AssumeRolePolicyDocument": json.dumps(TRUST),
        "Description": "tea",
        "Tags": [{"Key": "shop", "Value": "tea"}],
    }
    made: Any = iam.create_role(**given)["Role"]
    assert made.keys() == {*given, "Path", "RoleId", "Arn", "CreateDate"}
    assert made["AssumeRolePolicyDocument"] == TRUST and made["Tags"] == given["Tags"]
    found: Any = iam.get_role(RoleName="r")["Role"]
    assert found == {**made, "MaxSessionDuration": 3600, "RoleLastUsed": {}}
    plain: Any = iam.create_role(**{**given, "RoleName": "p", "Description": "", "Tags": []})
    assert plain["Role"].keys().isdisjoint(("Description", "Tags"))


@pytest.mark.parity(
    "A role's own policies have 10,240 bytes at most in all, a user's 2,048, a trust policy 2,048 "
    "and a managed one 6,144, white space not counted",
    kept="yes",
    module="iam.documents",
    service="IAM",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
)
def test_a_role_has_so_much_policy_of_its_own(aws: Session) -> None:
    iam = aws.client("iam")
    make_role(aws)

    def put(name: str, queues: int) -> None:
        names = [f"arn:aws:sqs:us-east-1:123456789012:q{n:050}" for n in range(queues)]
        text = json.dumps(json.loads(policy({**SEND, "Resource": names})), indent=20)
        iam.put_role_policy(RoleName="role", PolicyName=name, PolicyDocument=text)

    put("a", 60)
    put("a", 100)  # instead of the other one
    with pytest.raises(iam.exceptions.LimitExceededException) as caught:
        put("b", 60)
    assert caught.value.response["Error"]["Message"] == (
        "Maximum policy size of 10240 bytes exceeded for role role"
    )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert "b" not in iam.list_role_policies(RoleName="role")["PolicyNames"]
    iam.create_user(UserName="u")
    long = policy({**SEND, "Resource": f"arn:aws:sqs:us-east-1:123456789012:{'q' * 6200}"})
    for call, said in (
        (partial(iam.put_user_policy, UserName="u", PolicyName="p", PolicyDocument=long),
         "Maximum policy size of 2048 bytes exceeded for user u"),
        (partial(iam.create_policy, PolicyName="p", PolicyDocument=long),
         "Cannot exceed quota for PolicySize: 6144"),
        (partial(iam.create_role, RoleName="other",
                 AssumeRolePolicyDocument=policy({**LAMBDA, "Sid": "a" * 2048})),
         "Cannot exceed quota for ACLSizePerRole: 2048"),
    ):  # fmt: skip
        with pytest.raises(iam.exceptions.LimitExceededException, match=said):
            call()
