"""Topics and subscriptions that are there already, and what SNS says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.subscriptions import subscribe_queue

INVALID = "Invalid parameter: "
DIFFERENT = f"{INVALID}Attributes Reason: Topic already exists with different attributes"
VALUES = [  # of a setting, each with why it cannot be
    ("DisplayName", "t" * 101, "DisplayName"),
    ("SignatureVersion", "3", "SignatureVersion: Invalid value. Must be 1 or 2."),
    ("TracingConfig", "Often", "Invalid tracing config value: Often"),
    ("DeliveryPolicy", "{tea", "DeliveryPolicy: failed to parse JSON"),
    *(("SQSSuccessFeedbackSampleRate", rate,
       "SQSSuccessFeedbackSampleRate: value provided is not an integer between 0-100")
      for rate in ("101", "often")),
]  # fmt: skip
OF_A_NEW_ONE = [
    *((name, "1", f"Unknown attribute {name}")
      for name in ("Colour", "ArchivePolicy", "ContentBasedDeduplication", "FifoThroughputScope")),
    *(("FifoTopic", value, f"FifoTopic: Invalid value [{value}]. Must be true or false.")
      for value in ("", "maybe")),
]  # fmt: skip
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *(
        ("create_topic", {"Name": name}, f"{INVALID}Topic Name")
        for name in ("", "a" * 257, "t.fifo", "two words", "a:b", "a|b")
    ),
    ("create_topic", {"Name": "t", "Attributes": {"FifoTopic": "true"}}, f"{INVALID}Topic Name"),
    ("create_topic", {"Name": "Tea", "Attributes": {"DisplayName": "Coffee"}}, DIFFERENT),
    ("create_topic", {"Name": "Tea", "Attributes": {"SignatureVersion": "2"}}, DIFFERENT),
    ("create_topic", {"Name": "Tea", "Attributes": {"DisplayName": "Tea",
                                                    "SignatureVersion": "2"}}, DIFFERENT),
    *(
        ("create_topic", {"Name": "t", "Attributes": {name: value}},
         f"{INVALID}Attributes Reason: {said}")
        for name, value, said in (*VALUES, *OF_A_NEW_ONE)
    ),
    ("create_topic", {"Name": "Tea", "Tags": [{"Key": "shop", "Value": "other"}]},
     f"{INVALID}Tags Reason: Topic already exists with different tags"),
]  # fmt: skip


@pytest.mark.parity(
    "A topic's name, and its settings and tags if it is there already, are checked",
    kept="yes",
    module="sns.topics",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html",
)
def test_a_topic_that_cannot_be_is_refused(aws: Session) -> None:
    sns = aws.client("sns")
    tags = [{"Key": "shop", "Value": "tea"}]
    arn = sns.create_topic(Name="Tea", Attributes={"DisplayName": "Tea"}, Tags=tags)["TopicArn"]
    for operation, given, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            getattr(sns, operation)(**given)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("InvalidParameter", said), given
    same: list[dict[str, Any]] = [
        {}, {"Attributes": {"DisplayName": "Tea"}}, {"Attributes": {"FifoTopic": "false"}},
        {"Tags": tags},
    ]  # fmt: skip
    for given in same:
        assert sns.create_topic(Name="Tea", **given)["TopicArn"] == arn


def test_a_topic_has_no_delivery_policy_but_the_default_one(aws: Session, topic: str) -> None:
    attributes = aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert "DeliveryPolicy" not in attributes
    assert json.loads(attributes["EffectiveDeliveryPolicy"]) == {
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20,
                "maxDelayTarget": 20,
                "numRetries": 3,
                "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0,
                "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": False,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        }
    }


def test_two_tags_of_a_call_have_two_keys(aws: Session, topic: str) -> None:
    twice = [{"Key": "shop", "Value": "tea"}] * 2
    with pytest.raises(ClientError, match="Invalid parameter: Duplicated keys are not allowed"):
        aws.client("sns").tag_resource(ResourceArn=topic, Tags=twice)
    assert aws.client("sns").list_tags_for_resource(ResourceArn=topic)["Tags"] == []


def test_a_permission_that_cannot_be_is_an_invalid_parameter(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    given = {"TopicArn": topic, "Label": "a", "AWSAccountId": ["123456789012"]}
    sns.add_permission(**given, ActionName=["Publish"])
    with pytest.raises(ClientError, match="operation: Invalid parameter: Statement already exists"):
        sns.add_permission(**given, ActionName=["Publish"])
    given["Label"] = "b"
    with pytest.raises(ClientError, match="Invalid parameter: Policy statement action out of serv"):
        sns.add_permission(**given, ActionName=["Nope"])


@pytest.mark.parity(
    "A second Subscribe is answered with the subscription that is there; it must not ask for other "
    "settings",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html",
)
def test_a_subscription_is_made_once_and_keeps_its_settings(aws: Session, topic: str) -> None:
    arn = subscribe_queue(aws, topic, "q", RawMessageDelivery="True")
    same = [
        {},
        {"RawMessageDelivery": "true"},
        {"FilterPolicyScope": "MessageAttributes"},
        {"RawMessageDelivery": "true", "FilterPolicyScope": "MessageAttributes"},
    ]
    for settings in same:
        assert subscribe_queue(aws, topic, "q", **settings) == arn
    with pytest.raises(ClientError, match="Subscription already exists with different attributes"):
        subscribe_queue(aws, topic, "q", FilterPolicyScope="MessageBody")
    policy = json.dumps({"a": ["b"]})
    with pytest.raises(ClientError, match="Subscription already exists with different attributes"):
        subscribe_queue(aws, topic, "q", FilterPolicy=policy)


def test_a_subscription_names_who_asked_for_it(aws: Session, topic: str) -> None:
    arn = subscribe_queue(aws, topic, "q")
    found = aws.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert found["SubscriptionPrincipal"] == aws.client("sts").get_caller_identity()["Arn"]
    assert found["SubscriptionPrincipal"].startswith("arn:aws:iam::123456789012:user/")


def test_an_error_says_what_is_wrong_once(aws: Session) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("sns").get_topic_attributes(TopicArn="arn:aws:sns:us-east-1:123456789012:nope")
    assert caught.value.response["Error"] == {
        "Code": "NotFound",
        "Message": "Topic does not exist",
        "Type": "Sender",
    }


@pytest.mark.parity(
    "A topic has settings that there are, and a policy with actions on topics: not with `sns:*`",
    kept="yes; who and what else a policy names is not checked",
    module="sns.topics",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html",
)
def test_a_setting_of_a_topic_that_cannot_be_is_refused(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    own = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    scope = f"{INVALID}Policy statement action out of service scope!"
    refused = [
        ("Colour", "green", f"{INVALID}AttributeName"),
        *((name, value, f"{INVALID}{said}") for name, value, said in VALUES),
        *(("Policy", text, f"{INVALID}Policy Error: null") for text in ("{tea", "", "[]", "{}")),
        ("Policy", json.dumps({"Statement": [{**own, "Action": "sns:*"}]}), scope),
        ("Policy", json.dumps({"Statement": {**own, "Action": ["sqs:SendMessage"]}}), scope),
    ]
    for name, value, said in refused:
        with pytest.raises(ClientError) as caught:
            sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("InvalidParameter", said), (name, value)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    given = {"TopicArn": topic, "Label": "a"}
    sns.add_permission(**given, AWSAccountId=["123456789012"], ActionName=["Publish"])
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert [each.get("Sid") for each in json.loads(found)["Statement"]] == [None, "a"]
    sns.remove_permission(**given)
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert json.loads(found)["Statement"] == [own]
