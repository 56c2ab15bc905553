"""Subscription filters: lines of a log group call a function."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import invoke, make_function, permit
from tests.support.queues import messages_on

GROUP_ARN = "arn:aws:logs:us-east-1:123456789012:log-group:"
SPY = """
import boto3, json
def handler(event, context):
    url = boto3.client("sqs").get_queue_url(QueueName="seen")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""
TALKER = "def handler(event, context):\n    print('green tea')"


@pytest.fixture
def spy(aws: Session) -> str:
    """The ARN of a function that the group /shop may call. It sends what it gets to `seen`."""
    aws.client("logs").create_log_group(logGroupName="/shop")
    arn = make_function(aws, "spy", SPY)
    permit(aws, "spy", "logs.us-east-1.amazonaws.com", f"{GROUP_ARN}/shop:*")
    return arn


def test_a_destination_without_an_arn_is_refused(aws: Session) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/shop")
    for wrong in ("spy", "arn:aws", " "):
        with pytest.raises(ClientError, match="Invalid destination ARN"):
            logs.put_subscription_filter(
                logGroupName="/shop", filterName="f", filterPattern="", destinationArn=wrong
            )


def allow_any_group(aws: Session, function: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId="any",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )


def subscribe(aws: Session, function: str, group: str = "/shop", **options: Any) -> None:
    given = {"filterName": "f", "filterPattern": "", **options}
    aws.client("logs").put_subscription_filter(logGroupName=group, destinationArn=function, **given)


def seen(aws: Session) -> Any:
    """What the function got, unpacked."""
    (message,) = messages_on(aws, aws.client("sqs").create_queue(QueueName="seen")["QueueUrl"])
    packed = json.loads(message["Body"])["awslogs"]["data"]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


@pytest.mark.parity(
    "A subscription filter calls a function with the new lines of a log group that fit its pattern",
    kept="yes, at once",
    module="logs.subscriptions",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/SubscriptionFilters.html",
)
def test_new_lines_call_a_function(aws: Session, spy: str) -> None:
    aws.client("sqs").create_queue(QueueName="seen")
    subscribe(aws, spy, filterPattern="tea")
    logs = aws.client("logs")
    logs.create_log_stream(logGroupName="/shop", logStreamName="s")
    now = int(time.time() * 1000)
    lines = [{"timestamp": now, "message": text} for text in ("coffee", "green tea", "black tea")]
    logs.put_log_events(logGroupName="/shop", logStreamName="s", logEvents=lines[:1])
    logs.put_log_events(logGroupName="/shop", logStreamName="s", logEvents=lines)
    got = seen(aws)
    events = got.pop("logEvents")
    assert got == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/shop",
        "logStream": "s",
        "subscriptionFilters": ["f"],
    }
    assert [event["message"] for event in events] == ["green tea", "black tea"]
    assert {event["timestamp"] for event in events} == {now}
    assert all(isinstance(event["id"], str) and len(event["id"]) == 56 for event in events)


def test_the_lines_of_a_function_call_another_one_at_once(aws: Session, spy: str) -> None:
    aws.client("sqs").create_queue(QueueName="seen")
    make_function(aws, "talker", TALKER)
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/talker")
    allow_any_group(aws, "spy")
    subscribe(aws, spy, "/aws/lambda/talker", filterPattern='"green tea"')
    invoke(aws, "talker")
    got = seen(aws)  # no call to Logs has written the lines
    assert got["logGroup"] == "/aws/lambda/talker"
    assert [event["message"].strip() for event in got["logEvents"]] == ["green tea"]


def test_a_log_group_has_two_filters_which_can_be_changed(aws: Session, spy: str) -> None:
    logs = aws.client("logs")
    for name, pattern in (("a", ""), ("b", "[]"), ("a", "tea")):
        subscribe(aws, spy, filterName=name, filterPattern=pattern)
    with pytest.raises(ClientError, match=r"Resource limit exceeded\.") as caught:
        subscribe(aws, spy, filterName="c")
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"
    found = logs.describe_subscription_filters(logGroupName="/shop")["subscriptionFilters"]
    assert [(each["filterName"], each["filterPattern"]) for each in found] == [
        ("a", "tea"),
        ("b", "[]"),
    ]
    logs.delete_subscription_filter(logGroupName="/shop", filterName="a")
    (left,) = logs.describe_subscription_filters(logGroupName="/shop")["subscriptionFilters"]
    assert left["destinationArn"] == spy


@pytest.mark.parity(
    "The function of a subscription filter must be there, and let CloudWatch Logs call it",
    kept="yes; a function is not called for lines of its own, which would never end on AWS",
    module="logs.subscriptions",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html",
)
def test_a_function_that_may_not_be_called_is_refused(aws: Session, spy: str) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/bar")
    for group, arn in (("/bar", spy), ("/shop", spy.replace(":spy", ":nope"))):
        with pytest.raises(ClientError, match="Could not execute the lambda function") as caught:
            subscribe(aws, arn, group)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    with pytest.raises(ClientError, match="The specified log group does not exist"):
        subscribe(aws, spy, "/nope")
    for pattern, said in (
        ("[ip, user]", "finds log lines by words"),
        ("{ $.tea", "Invalid filter"),
    ):
        with pytest.raises(ClientError, match=said):
            subscribe(aws, spy, filterPattern=pattern)
    logs.create_log_group(logGroupName="/aws/lambda/spy")
    allow_any_group(aws, "spy")
    with pytest.raises(ClientError, match="does not call a function for its own log lines"):
        subscribe(aws, spy, "/aws/lambda/spy")
