"""A function may do what its role allows, and nothing else, as on AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab
from lab import chapters
from lab.names import names
from lab.session import Session
from lab.waiting import wait_until
from tests.conftest import invoke, make_function, make_role
from tests.test_chapters import run_chapters

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:CustomerOrders"


def as_role(aws: Session, *statements: dict[str, Any]) -> Session:
    """A session of a role with these statements, as `sts:AssumeRole` gives it."""
    arn = make_role(aws, "tried", {"Version": "2012-10-17", "Statement": list(statements)})
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    return Session(
        aws.endpoint_url,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name="us-east-1",
    )


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def may_send(aws: Session) -> bool:
    sqs = aws.client("sqs")
    url = f"{aws.endpoint_url}/{ACCOUNT}/CustomerOrders"
    try:
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return False
        raise
    return True


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([allow("iam:GetRole")], False),
        ([allow("sqs:SendMessage", QUEUE)], True),
        ([allow("SQS:sendmessage", QUEUE)], True),  # actions know no upper and lower case
        ([allow(["sqs:Send*", "sqs:GetQueueUrl"])], True),
        ([allow("*")], True),
        ([allow("sqs:SendMessage", [QUEUE + "-dead-letters", QUEUE])], True),
        ([allow("sqs:SendMessage", QUEUE[:-1] + "?")], True),
        ([allow("sqs:SendMessage", QUEUE + "-dead-letters")], False),
        ([allow("sqs:SendMessage", QUEUE.lower())], False),
        ([allow("sqs:ReceiveMessage", QUEUE)], False),
        ([allow("sns:*")], False),
        ([allow("*"), deny("sqs:*", QUEUE)], False),
        ([deny("sqs:SendMessage"), allow("sqs:SendMessage")], False),
        ([{"Effect": "Allow", "NotAction": "sns:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "sqs:Send*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}], False),
        ([allow("sqs:*", QUEUE, Condition={"Bool": {"aws:SecureTransport": "true"}})], True),
    ],
)
def test_policies_are_evaluated_as_iam_does(
    aws: Session, statements: list[dict[str, Any]], allowed: bool
) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert may_send(as_role(aws, *statements)) == allowed


def test_whoever_uses_the_local_cloud_may_do_everything(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="CustomerOrders")
    assert may_send(aws)


def test_each_service_refuses_in_its_own_words(aws: Session) -> None:
    table = aws.resource("dynamodb")
    key = {"AttributeName": "id"}
    table.create_table(
        TableName="Orders",
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = aws.client("sns").create_topic(Name="Orders")["TopicArn"]
    make_function(aws, "f", "def handler(event, context): return 1")
    nobody = as_role(aws, allow("iam:GetRole"))
    entries = [{"Id": "1", "Message": "tea"}]
    put = {"PutRequest": {"Item": {"id": {"S": "1"}}}}
    calls: list[tuple[Any, str, str]] = [
        (lambda: nobody.client("sqs").get_queue_url(QueueName="CustomerOrders"),
         "AccessDenied", f"sqs:getqueueurl on resource: {QUEUE}"),
        (lambda: nobody.client("sns").publish(TopicArn=topic, Message="tea"),
         "AuthorizationError", f"SNS:Publish on resource: {topic}"),
        (lambda: nobody.client("sns").publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=entries),
         "AuthorizationError", f"SNS:Publish on resource: {topic}"),
        (lambda: nobody.client("dynamodb").get_item(TableName="Orders", Key={"id": {"S": "1"}}),
         "AccessDeniedException", "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:"),
        (lambda: nobody.client("dynamodb").batch_write_item(RequestItems={"Orders": [put]}),
         "AccessDeniedException", f":{ACCOUNT}:table/Orders because"),
        (lambda: nobody.client("lambda").invoke(FunctionName="f"),
         "AccessDeniedException", "lambda:InvokeFunction on resource: arn:aws:lambda:"),
    ]  # fmt: skip
    for call, code, said in calls:
        with pytest.raises(ClientError) as caught:
            call()
        error = caught.value.response["Error"]
        assert error["Code"] == code
        assert (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/tried/me is not authorized"
            in (error["Message"])
        )
        assert said in error["Message"]
        assert "because no identity-based policy allows the" in error["Message"]


# -- The roles of the chapters --------------------------------------------------------------------


# Each action that a function itself uses as long as nothing is missing.
ACTIONS = [
    ("take_order", "sqs:GetQueueUrl"),
    ("take_order", "sqs:SendMessage"),
    ("notify_fulfillment", "sns:Publish"),
    ("record_order", "dynamodb:PutItem"),
]


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
    run_chapters("00", "01", "02")
    take_away(aws, function, action)
    # Other workers: those that run have looked up their queue already.
    aws.client("lambda").update_function_configuration(FunctionName=function, MemorySize=512)
    reply = invoke(aws, function, json.loads(lab.event(function)))
    assert reply.get("FunctionError") == "Unhandled"
    return f"{reply['Payload']['errorType']}: {reply['Payload']['errorMessage']}"


@pytest.mark.parametrize(("function", "action"), ACTIONS)
def test_a_function_without_an_action_is_denied_at_its_hop(
    aws: Session, function: str, action: str
) -> None:
    error = denied(aws, function, action)
    assert f"assumed-role/{function}-role-us-east-1/{function} is not authorized" in error
    assert f"{action} on resource".lower() in error.lower()


def make_trigger_without(aws: Session, action: str) -> None:
    run_chapters("00", "01", "02")
    take_away(aws, "notify_fulfillment", f"sqs:{action}")
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=QUEUE, FunctionName="notify_fulfillment"
    )


@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_trigger_is_refused_to_a_role_that_cannot_poll(aws: Session, action: str) -> None:
    with pytest.raises(ClientError, match=f"does not have permissions to call {action} on SQS"):
        make_trigger_without(aws, action)


def test_orders_wait_while_the_role_may_not_receive_and_go_on_when_it_may(aws: Session) -> None:
    run_chapters(*chapters.SET_UP)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
    order = {"product": "tea", "quantity": 1, "order_id": "waits"}
    times = {"received_epoch_ms": 1, "queued_epoch_ms": 2}
    table = aws.resource("dynamodb").Table("Orders")

    # The chapters' own orders pass first, so that the queue is empty.
    wait_until(lambda: table.get_item(Key={"order_id": "chapter-00"}).get("Item"), "it is quiet")
    take_away(aws, "notify_fulfillment", "sqs:ReceiveMessage")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({**order, **times}))
    looked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert looked["ApproximateNumberOfMessages"] == "1"
    assert looked["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert "Item" not in table.get_item(Key={"order_id": "waits"})
    run_chapters("01")  # gives the permission back
    wait_until(
        lambda: table.get_item(Key={"order_id": "waits"}).get("Item"), "it arrived", timeout=10
    )


def make_record_order_without_its_dead_letters(aws: Session) -> None:
    run_chapters("02")
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


def test_a_function_whose_role_may_not_send_its_dead_letters_is_refused(aws: Session) -> None:
    with pytest.raises(ClientError, match="permissions to call SendMessage on SQS"):
        make_record_order_without_its_dead_letters(aws)
