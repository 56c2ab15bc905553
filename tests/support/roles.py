"""Roles that may more or less than those of the chapters."""

from __future__ import annotations

import json
from typing import Any

import lab
from lab.aws.session import Session
from lab.course.names import names
from tests.support.chapters import given
from tests.support.functions import invoke, make_role

ACCOUNT = "123456789012"


QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:CustomerOrders"


def as_role(aws: Session, *statements: dict[str, Any], session_policy: str = "") -> Session:
    """A session of a role with these statements, as `sts:AssumeRole` gives it."""
    arn = make_role(aws, "tried", {"Version": "2012-10-17", "Statement": list(statements)})
    more = {"Policy": session_policy} if session_policy else {}
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me", **more)["Credentials"]
    return session_of(aws, given)


def session_of(aws: Session, given: Any) -> Session:
    """A session with credentials of STS's."""
    return Session(
        aws.endpoint_url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name="us-east-1",
    )


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def take_away(aws: Session, function: str, action: str) -> None:
    iam = aws.client("iam")
    role = names().role(function, "us-east-1")
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    for statement in document["Statement"]:
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        statement["Action"] = [a for a in actions if a != action] or ["none:None"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def denied(aws: Session, function: str, action: str) -> str:
    """What a function of the tutorial's says when its role has lost this action."""
    given("01", "02", "03", "04")
    take_away(aws, function, action)
    # Other workers: those that run have looked up their queue already.
    aws.client("lambda").update_function_configuration(FunctionName=function, MemorySize=512)
    reply = invoke(aws, function, json.loads(lab.event(function)))
    assert reply.get("FunctionError") == "Unhandled"
    return f"{reply['Payload']['errorType']}: {reply['Payload']['errorMessage']}"


def make_trigger_without(aws: Session, action: str) -> None:
    given("01", "02", "03", "04")
    take_away(aws, "notify_fulfillment", f"sqs:{action}")
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=QUEUE, FunctionName="notify_fulfillment"
    )


def make_record_order_without_its_dead_letters(aws: Session) -> None:
    given("04")
    take_away(aws, "record_order", "sqs:SendMessage")
    aws.client("lambda").delete_function(FunctionName="record_order")
    role = aws.client("iam").get_role(RoleName="record_order-role-us-east-1")["Role"]["Arn"]
    aws.client("lambda").create_function(
        FunctionName="record_order",
        Role=role,
        Handler="record_order.lambda_handler",
        Runtime=lab.RUNTIME,
        Code={"ZipFile": lab.package("record_order")},
        DeadLetterConfig={
            "TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:record_order-dead-letters"
        },
    )
