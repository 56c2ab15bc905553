"""Every policy that the chapters make, read by a linter.

cloudsplaining judges what a policy allows; policy_sentry, which it builds on, knows AWS's list
of actions and of the resources that each can be limited to. Both bring that list with them, so
nothing here needs a network.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cloudsplaining.scan.assume_role_policy_document import AssumeRolePolicyDocument
from cloudsplaining.scan.policy_document import PolicyDocument
from cloudsplaining.scan.resource_policy_document import ResourcePolicyDocument
from policy_sentry.querying.actions import get_actions_matching_arn

from lab.aws.session import Session
from lab.course import COURSE
from tests.support.chapters import given
from tests.support.functions import TRUST

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:CustomerOrders"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:Orders"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:record_order"


def role_findings(policy: Any) -> set[str]:
    """What is wrong with what a role may do."""
    document = PolicyDocument(policy)
    found = {f"every action of {service}" for service in document.service_wildcard}
    for statement in document.statements:
        everywhere = statement.missing_resource_constraints()
        found |= {f"{action} on every resource" for action in everywhere}
        if statement.not_action or statement.has_not_resource_with_allow:
            found.add("allows all but something")
        for arn in statement.resources:
            found |= misfits(statement.expanded_actions, arn)
    return found


def resource_findings(policy: Any) -> set[str]:
    """What is wrong with the policy of a function, a queue or a topic."""
    document = ResourcePolicyDocument(policy)
    found = {f"{action} for everybody" for action in document.internet_accessible_actions}
    for statement in document.statements:
        limits = {kind for kind, _ in statement.conditions}
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
        if "arn" not in limits and any("amazonaws.com" in who for who in statement.principals):
            found.add("a service, on behalf of anybody")
        found |= misfits(statement.actions, statement.statement["Resource"])
    return found


def trust_findings(policy: Any) -> set[str]:
    """What is wrong with who may be the role."""
    document = AssumeRolePolicyDocument(policy, ACCOUNT)
    strangers = (
        *document.role_assumable_by_any_principal,
        *document.role_assumable_by_any_principal_with_conditions,
        *document.role_assumable_by_cross_account_principals,
        *set(document.role_assumable_by_compute_services) - {"lambda"},
    )
    return {f"{who} may be the role" for who in strangers}


def misfits(actions: list[str], arn: str) -> set[str]:
    """The actions that do not exist, or not on this resource; and a star in the place of a name."""
    if arn == "*":
        return set()  # cloudsplaining's own finding
    # "log-group:NAME:*" stands for the streams of one group. policy_sentry knows neither this
    # form nor slashes in a group's name.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    plain = re.sub(r":log-group:[\w/-]+:\*$", ":log-group:any:log-stream:any", arn)
    known = {action.lower() for action in get_actions_matching_arn(plain)}
    found = {f"{action} is nothing on {arn}" for action in actions if action.lower() not in known}
    return found | ({f"a star in {arn}"} if "*" in plain else set())


def policies(aws: Session) -> Iterator[tuple[str, set[str]]]:
    """Each policy in the account, by the name of what it belongs to, and what is wrong with it."""
    for role in aws.client("iam").get_account_authorization_details()["RoleDetailList"]:
        yield f"trust of {role['RoleName']}", trust_findings(role["AssumeRolePolicyDocument"])
        for policy in role["RolePolicyList"]:
            yield role["RoleName"], role_findings(policy["PolicyDocument"])
        managed = {policy["PolicyName"] for policy in role["AttachedManagedPolicies"]}
        yield f"managed policies of {role['RoleName']}", managed  # the article's way
    for name, document in resource_policies(aws):
        yield name, resource_findings(json.loads(document))


def resource_policies(aws: Session) -> Iterator[tuple[str, str]]:
    lambda_, sqs, sns = (aws.client(service) for service in ("lambda", "sqs", "sns"))
    for function in lambda_.list_functions()["Functions"]:
        name = function["FunctionName"]
        if name != "notify_fulfillment":  # nothing calls it: Lambda polls for it
            yield name, lambda_.get_policy(FunctionName=name)["Policy"]
    for url in sqs.list_queues()["QueueUrls"]:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        if "Attributes" in found:
            yield url.rpartition("/")[2], found["Attributes"]["Policy"]
    for topic in sns.list_topics()["Topics"]:
        found = sns.get_topic_attributes(TopicArn=topic["TopicArn"])
        yield topic["TopicArn"], found["Attributes"]["Policy"]


def test_no_policy_of_the_chapters_has_a_finding(aws: Session) -> None:
    given(*COURSE.set_up)
    found = dict(policies(aws))
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert {name for name in found if "role-us-east-1" not in name} >= {
        "take_order", "record_order", "Orders-dead-letters", TOPIC
    }  # fmt: skip
    assert sum("role-us-east-1" in name for name in found) == 9


def allow(action: Any, resource: str, **more: Any) -> Any:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        (allow("sqs:SendMessage", QUEUE), None),
        (allow("sqs:SendMessage", "*"), "sqs:SendMessage on every resource"),
        (allow("sqs:GetQueueUrl", "*"), "sqs:GetQueueUrl on every resource"),
        (allow("sqs:SendMessage", QUEUE.replace("CustomerOrders", "*")), "a star in"),
        (allow(["sqs:*"], "*"), "every action of sqs"),  # the article's AmazonSQSFullAccess
        (allow("sqs:*", QUEUE), "every action of sqs"),
        (allow("*", "*"), "every action of iam"),
        (allow("sqs:SendMessages", QUEUE), "sqs:SendMessages is nothing on"),
        (allow("sns:PublishBatch", TOPIC), "sns:PublishBatch is nothing on"),
        (allow("sqs:SendMessage", TOPIC), "sqs:SendMessage is nothing on"),
        ({"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": QUEUE}]}, "all but"),
    ],
    ids=str,
)
def test_the_linter_finds_what_is_wrong_with_a_role(policy: Any, finding: str | None) -> None:
    found = role_findings(policy)
    assert any(finding in each for each in found) if finding else not found


ARN = {"ArnLike": {"AWS:SourceArn": TOPIC}}
ACCOUNT_ONLY = {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}
SNS = {"Service": "sns.amazonaws.com"}


@pytest.mark.parametrize(
    ("principal", "condition", "finding"),
    [
        (SNS, {**ARN, **ACCOUNT_ONLY}, None),
        (SNS, {}, "a service, on behalf of anybody"),
        (SNS, ACCOUNT_ONLY, "a service, on behalf of anybody"),
        (SNS, {"ArnNotLike": {"AWS:SourceArn": TOPIC}}, "a service, on behalf of anybody"),
        (SNS, {"ArnLike": {"AWS:SourceAn": TOPIC}}, "a service, on behalf of anybody"),
        (SNS, {"ArnLike": {"AWS:SourceArn": "*"}}, "lambda:InvokeFunction for everybody"),
        ("*", {}, "lambda:InvokeFunction for everybody"),
    ],
)
def test_the_linter_finds_what_is_wrong_with_a_resource_policy(
    principal: Any, condition: Any, finding: str | None
) -> None:
    policy = allow("lambda:InvokeFunction", FUNCTION, Principal=principal, Condition=condition)
    assert resource_findings(policy) == ({finding} if finding else set())


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "arn:aws:iam::210987654321:root"}, {"Service": "ec2.amazonaws.com"}],
    ids=str,
)
def test_the_linter_finds_a_role_that_others_may_be(principal: Any) -> None:
    (statement,) = TRUST["Statement"]
    others = {**statement, "Principal": principal}
    assert not trust_findings(TRUST)
    assert trust_findings({"Statement": [others]})


def test_a_planted_fault_is_found_where_it_stands(aws: Session) -> None:
    given("01", "02")
    iam, lambda_ = aws.client("iam"), aws.client("lambda")
    full_access = json.dumps(allow("sqs:*", "*"))
    role = "take_order-role-us-east-1"
    iam.put_role_policy(RoleName=role, PolicyName="take-order", PolicyDocument=full_access)
    lambda_.add_permission(
        FunctionName="take_order",
        StatementId="any-api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    found = dict(policies(aws))
    assert "every action of sqs" in found[role]
    assert found["take_order"] == {"a service, on behalf of anybody"}
