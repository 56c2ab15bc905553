"""SNS to e-mail and to functions."""

from __future__ import annotations

import json
import mailbox
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.inbox import find_mail, inbox, mails, newest
from lab.here import local
from lab.here.own_cloud import own_cloud as start_cloud
from tests.support import http
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.endpoints import endpoint
from tests.support.functions import make_function, permit
from tests.support.queues import messages_on, open_queue
from tests.support.sessions import make_session
from tests.support.subscriptions import (
    ACCOUNT,
    link_in,
    redrive_to,
    subscribe_email,
    subscribe_queue,
)

# Writes what it gets to the queue "seen", and raises if the message says so.
SPY = """
import json, boto3
sqs = boto3.client("sqs")
url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
def handler(event, context):
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    if event["Records"][0]["Sns"]["Message"] == "raise":
        raise ValueError("as asked")
"""


def structured(message: str) -> dict[str, str]:
    return {"Message": message, "MessageStructure": "json"}


@pytest.mark.parity(
    "An e-mail subscription is pending until the link in its first mail is opened",
    kept="yes; mail goes into a Maildir",
    module="sns.subscription",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html",
)
def test_nothing_is_mailed_before_the_link_was_opened(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a1@example.com")
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"]
    sns.publish(TopicArn=topic, Message="before a1")
    assert http.request("GET", link_in(text, "ConfirmSubscription")).status == 200
    sns.publish(TopicArn=topic, Message="after a1", Subject="Tea")
    mail = wait_until(lambda: find_mail(aws, "a1@example.com", "after a1"), "the mail is here")
    assert mail["Subject"] == "Tea"
    assert find_mail(aws, "a1@example.com", "before a1") is None
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed[0]["SubscriptionArn"].startswith("arn:")


@pytest.mark.parity(
    "A pending subscription shows its ARN only with `ReturnSubscriptionArn`",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html",
)
def test_a_pending_subscription_shows_its_arn_only_when_asked(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    options = {"TopicArn": topic, "Protocol": "email", "Endpoint": "a2@example.com"}
    assert sns.subscribe(**options)["SubscriptionArn"] == "pending confirmation"
    arn = sns.subscribe(**options, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"


@pytest.mark.parity(
    "A wrong token confirms nothing",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html",
)
def test_a_wrong_token_confirms_nothing(aws: Session, topic: str, cloud: str) -> None:
    subscribe_email(aws, topic, "a3@example.com")
    link = f"{cloud}/?Action=ConfirmSubscription&TopicArn={topic}&Token=wrong"
    assert http.request("GET", link).status == 400
    with pytest.raises(ClientError, match="Invalid token"):
        aws.client("sns").confirm_subscription(TopicArn=topic, Token="wrong")


def test_a_link_confirms_nothing_that_is_gone(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    of_the_topic = link_in(subscribe_email(aws, topic, "gone@example.com"), "ConfirmSubscription")
    sns.delete_topic(TopicArn=topic)
    answer = http.request("GET", of_the_topic)
    assert (answer.status, answer.data) == (400, b"This link is not, or no longer, valid.\n")
    sns.create_topic(Name=topic.rpartition(":")[2])
    assert http.request("GET", of_the_topic).status == 400
    assert sns.list_subscriptions()["Subscriptions"] == []


@pytest.mark.parity(
    "The link at the end of a mail ends the subscription",
    kept="yes",
    module="routes",
    service="SNS",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html",
)
def test_the_link_at_the_end_of_a_mail_ends_the_subscription(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a4@example.com")
    http.request("GET", link_in(text, "ConfirmSubscription"))
    sns.publish(TopicArn=topic, Message="hello a4")
    mail = wait_until(lambda: find_mail(aws, "a4@example.com", "hello a4"), "the mail is here")
    assert http.request("GET", link_in(mail.get_content(), "Unsubscribe")).status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_subject_may_have_emoji_and_arabic_letters(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a5@example.com")
    http.request("GET", link_in(text, "ConfirmSubscription"))
    sns.publish(TopicArn=topic, Message="شاي 🍵 a5", Subject="شاي 🍵")
    mail = wait_until(lambda: find_mail(aws, "a5@example.com", "شاي 🍵 a5"), "the mail is here")
    assert mail["Subject"] == "شاي 🍵"


@pytest.mark.parity(
    "With `MessageStructure` json each protocol gets its own text",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
)
def test_each_protocol_gets_its_own_text(aws: Session, topic: str) -> None:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = make_function(aws, "spy", SPY)
    permit(aws, "spy", "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    text = subscribe_email(aws, topic, "a6@example.com")
    http.request("GET", link_in(text, "ConfirmSubscription"))
    message = json.dumps({"default": '{"id": 6}', "email": "Please ship a6"})
    sns.publish(TopicArn=topic, Message=message, MessageStructure="json")
    wait_until(lambda: find_mail(aws, "a6@example.com", "Please ship a6"), "the mail is here")
    (seen,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(seen["Body"])["Records"][0]["Sns"]["Message"] == '{"id": 6}'


@pytest.fixture
def spied(aws: Session, topic: str) -> tuple[str, str]:
    """The queue's URL and the ARN of the subscription of a function that spies."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    sqs.create_queue(QueueName="dead")
    open_queue(aws, "undelivered", topic)
    dead = {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
    arn = make_function(aws, "spy", SPY, DeadLetterConfig=dead)
    permit(aws, "spy", "sns.amazonaws.com", topic)
    made = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    return url, str(made["SubscriptionArn"])


@pytest.mark.parity(
    "A function gets one message an event, in the documented form",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html",
)
def test_a_function_gets_one_message_in_the_documented_form(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    url, subscription_arn = spied
    sent = aws.client("sns").publish(TopicArn=topic, Message="tea", Subject="s")
    (seen,) = aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    (record,) = json.loads(seen["Body"])["Records"]
    assert set(record) == {"EventSource", "EventVersion", "EventSubscriptionArn", "Sns"}
    assert record["EventSubscriptionArn"] == subscription_arn
    assert record["Sns"]["MessageId"] == sent["MessageId"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["Sns"]["Timestamp"])
    assert (record["Sns"]["Message"], record["Sns"]["Subject"]) == ("tea", "s")


@pytest.mark.parity(
    "A function is invoked asynchronously: it is tried three times, and its dead-letter"
    " queue gets the event",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-lambda-as-subscriber.html",
)
def test_a_failing_function_is_called_three_times_then_the_message_is_dead_lettered(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    url, _ = spied
    sqs = aws.client("sqs")
    aws.client("sns").publish(TopicArn=topic, Message="raise")
    dead_url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    (dead,) = sqs.receive_message(QueueUrl=dead_url, WaitTimeSeconds=8)["Messages"]
    assert json.loads(dead["Body"])["Records"][0]["Sns"]["Message"] == "raise"
    seen = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(seen) == 3


# -- What cannot be delivered ----------------------------------------------------------


def redrive(aws: Session, subscription_arn: str) -> str:
    """Give the subscription its dead-letter queue; returns the queue's URL."""
    target = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:undelivered"}
    aws.client("sns").set_subscription_attributes(
        SubscriptionArn=subscription_arn,
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps(target),
    )
    return str(aws.client("sqs").get_queue_url(QueueName="undelivered")["QueueUrl"])


@pytest.mark.parity(
    "A message for a function that is gone goes to the subscription's dead-letter queue at once",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
@pytest.mark.place("notification")
def test_a_message_for_a_function_that_is_gone_goes_to_the_subscriptions_dead_letters(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    undelivered = redrive(aws, spied[1])
    aws.client("lambda").delete_function(FunctionName="spy")
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    (dead,) = messages_on(aws, undelivered)
    assert json.loads(dead["Body"])["Message"] == "tea"


@pytest.mark.parity(
    "So does a message for a function whose policy does not let the topic in",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
def test_so_does_one_for_a_function_that_the_topic_may_no_longer_invoke(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    url, subscription_arn = spied
    undelivered = redrive(aws, subscription_arn)
    lambda_, sns = aws.client("lambda"), aws.client("sns")
    lambda_.remove_permission(FunctionName="spy", StatementId="sns")
    sns.publish(TopicArn=topic, Message="none")
    permit(aws, "spy", "sns.amazonaws.com", f"{topic}2")
    sns.publish(TopicArn=topic, Message="of another topic")
    bodies = [json.loads(dead["Body"]) for dead in messages_on(aws, undelivered)]
    assert [body["Message"] for body in bodies] == ["none", "of another topic"]
    lambda_.remove_permission(FunctionName="spy", StatementId="sns")
    permit(aws, "spy", "sns.amazonaws.com", topic)
    sns.publish(TopicArn=topic, Message="tea")
    (seen,) = messages_on(aws, url)
    assert json.loads(seen["Body"])["Records"][0]["Sns"]["Message"] == "tea"


@pytest.mark.parity(
    "The policy of the dead-letter queue has to let the topic in",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html",
)
def test_a_dead_letter_queue_that_does_not_let_the_topic_in_gets_nothing(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    undelivered = redrive(aws, spied[1])
    sqs, sns = aws.client("sqs"), aws.client("sns")
    aws.client("lambda").delete_function(FunctionName="spy")
    sqs.set_queue_attributes(QueueUrl=undelivered, Attributes={"Policy": ""})
    sns.publish(TopicArn=topic, Message="lost")
    open_queue_policy = sqs.get_queue_attributes(QueueUrl=undelivered, AttributeNames=["Policy"])
    assert "Attributes" not in open_queue_policy
    assert messages_on(aws, undelivered, wait=0) == []


# -- To queues ----------------------------------------------------------


COLOR = {"color": {"DataType": "String", "StringValue": "green"}}


@pytest.mark.parity(
    "A queue gets the documented envelope",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html",
)
def test_a_queue_gets_the_documented_envelope(aws: Session, topic: str) -> None:
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "q")
    aws.client("sns").publish(TopicArn=topic, Message="tea", Subject="s", MessageAttributes=COLOR)
    (message,) = messages_on(aws, url)
    body = json.loads(message["Body"])
    assert set(body) == {
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion",
        "Signature", "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    }  # fmt: skip
    assert (body["Type"], body["Message"], body["Subject"]) == ("Notification", "tea", "s")
    assert body["MessageAttributes"] == {"color": {"Type": "String", "Value": "green"}}
    aws.client("sns").publish(TopicArn=topic, Message="cup")
    (message,) = messages_on(aws, url)
    assert not {"Subject", "MessageAttributes"} & set(json.loads(message["Body"]))


@pytest.mark.parity(
    "With `RawMessageDelivery` a queue gets the bare message and its attributes",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html",
)
def test_a_queue_gets_the_bare_message_if_asked_for(aws: Session, topic: str) -> None:
    url = open_queue(aws, "q", topic)
    arn = subscribe_queue(aws, topic, "q", RawMessageDelivery="true")
    sns = aws.client("sns")
    leaf = {"leaf": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sns.publish(TopicArn=topic, Message="tea", MessageAttributes={**COLOR, **leaf})
    (message,) = messages_on(aws, url)
    assert message["Body"] == "tea"
    assert message["MessageAttributes"] == {**COLOR, **leaf}
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false"
    )
    sns.publish(TopicArn=topic, Message="cup")
    (message,) = messages_on(aws, url)
    assert json.loads(message["Body"])["Message"] == "cup"


@pytest.mark.parity(
    "The policy of a queue has to let the topic in",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html",
)
def test_a_queue_that_does_not_let_the_topic_in_gets_nothing(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    closed = aws.client("sqs").create_queue(QueueName="closed")["QueueUrl"]
    undelivered = open_queue(aws, "undelivered", topic)
    redrive(aws, subscribe_queue(aws, topic, "closed"))
    sns.publish(TopicArn=topic, Message="tea")
    (dead,) = messages_on(aws, undelivered)
    assert json.loads(dead["Body"])["Message"] == "tea"
    assert messages_on(aws, closed, wait=0) == []


def test_a_queue_that_is_gone_does_not_disturb_the_others(aws: Session, topic: str) -> None:
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "gone")
    subscribe_queue(aws, topic, "q")
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    assert len(messages_on(aws, url)) == 1


def test_a_subscription_that_is_set_wrong_does_not_disturb_the_others(
    aws: Session, topic: str
) -> None:
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "gone", RedrivePolicy=redrive_to("nowhere"))
    subscribe_queue(aws, topic, "q")
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    assert len(messages_on(aws, url)) == 1


# -- Filter policies ----------------------------------------------------------


def set_filter(aws: Session, subscription_arn: str, policy: Any, scope: str) -> None:
    for name, value in (("FilterPolicy", json.dumps(policy)), ("FilterPolicyScope", scope)):
        aws.client("sns").set_subscription_attributes(
            SubscriptionArn=subscription_arn, AttributeName=name, AttributeValue=value
        )


@pytest.fixture(params=["lambda", "sqs", "email"])
def filtered(request: pytest.FixtureRequest, aws: Session, topic: str) -> tuple[str, Any]:
    """A subscription of each kind, and what tells which messages came through."""
    sns = aws.client("sns")
    if request.param == "email":
        text = subscribe_email(aws, topic, "a9@example.com")
        http.request("GET", link_in(text, "ConfirmSubscription"))
        (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return listed["SubscriptionArn"], lambda text: bool(find_mail(aws, "a9@example.com", text))
    if request.param == "sqs":
        url, arn = open_queue(aws, "q", topic), subscribe_queue(aws, topic, "q")
    else:
        url = aws.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
        function_arn = make_function(aws, "spy", SPY)
        permit(aws, "spy", "sns.amazonaws.com", topic)
        made = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function_arn)
        arn = made["SubscriptionArn"]
    seen: list[str] = []

    def came(text: str) -> bool:
        seen.extend(message["Body"] for message in messages_on(aws, url, wait=0))
        return any(text in body.replace("\\", "") for body in seen)

    return arn, came


@pytest.mark.parity(
    "A filter policy on attributes keeps messages out",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html",
)
def test_a_filter_policy_on_attributes_keeps_messages_out(
    aws: Session, topic: str, filtered: tuple[str, Any]
) -> None:
    arn, came = filtered
    set_filter(aws, arn, {"kind": ["green"]}, "MessageAttributes")
    sns = aws.client("sns")
    for kind in ("black", "green"):
        attribute = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=f"the {kind} one", MessageAttributes=attribute)
    wait_until(lambda: came("the green one"), "it came through", timeout=90)
    assert not came("the black one")


@pytest.mark.parity(
    "A filter policy on the body keeps messages out",
    kept="yes",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering-scope.html",
)
def test_a_filter_policy_on_the_body_keeps_messages_out(
    aws: Session, topic: str, filtered: tuple[str, Any]
) -> None:
    arn, came = filtered
    set_filter(aws, arn, {"quantity": [{"numeric": [">=", 10]}]}, "MessageBody")
    sns = aws.client("sns")
    for quantity in (9, 10):
        sns.publish(TopicArn=topic, Message=json.dumps({"quantity": quantity}))
    sns.publish(TopicArn=topic, Message="no JSON, 10")
    wait_until(lambda: came('{"quantity": 10}'), "it came through", timeout=90)
    assert not came('{"quantity": 9}')
    assert not came("no JSON")


WRONG_SETTINGS = [
    ("FilterPolicy", "{invalid}", "FilterPolicy: failed to parse JSON"),
    ("FilterPolicy", "[]", "FilterPolicy: failed to parse JSON"),
    ("FilterPolicy", '{"a": [{}]}', "FilterPolicy"),
    ("FilterPolicy", '{"a": [{"numeric": 5}]}', "FilterPolicy"),
    ("FilterPolicy", '{"a": {"b": ["c"]}}', "does not support nested filter policy"),
    ("RedrivePolicy", "{x}", "RedrivePolicy: failed to parse JSON"),
    ("RedrivePolicy", "{}", "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ("RedrivePolicy", '{"deadLetterTargetArn": "dead"}', "is an invalid arn"),
    ("RawMessageDelivery", "wrong", r"Invalid value \[wrong\]. Must be true or false"),
    ("FilterPolicyScope", "Random", r"FilterPolicyScope: Invalid value \[Random\]"),
]


@pytest.mark.parity(
    "Raw delivery to a function or an address is refused",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html",
)
def test_raw_delivery_is_for_queues_and_urls(aws: Session, topic: str) -> None:
    sns, said = aws.client("sns"), "Delivery protocol [email] does not support raw message delivery"
    to, raw = {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@b.c"}, "RawMessageDelivery"
    wrong = sns.exceptions.InvalidParameterException
    with pytest.raises(wrong, match=re.escape(f"Attributes Reason: {said}")):
        sns.subscribe(**to, Attributes={raw: "true"})
    arn = sns.subscribe(**to, Attributes={raw: "false"}, ReturnSubscriptionArn=True)
    changed = {"SubscriptionArn": arn["SubscriptionArn"], "AttributeName": raw}
    with pytest.raises(wrong, match=re.escape(f"Invalid parameter: {said}")):
        sns.set_subscription_attributes(**changed, AttributeValue="true")


@pytest.mark.parity(
    "A filter or redrive policy that cannot be read, and other settings out of range, are refused",
    kept="yes, in other words where AWS quotes its parser",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html",
)
@pytest.mark.parametrize(("name", "value", "refusal"), WRONG_SETTINGS)
@pytest.mark.place("subscription settings")
def test_a_setting_of_a_subscription_that_cannot_work_is_refused(
    aws: Session, topic: str, name: str, value: str, refusal: str
) -> None:
    sns = aws.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match=refusal):
        subscribe_queue(aws, topic, "q", **{name: value})
    assert sns.list_subscriptions()["Subscriptions"] == []
    arn = subscribe_queue(aws, topic, "q")
    with pytest.raises(sns.exceptions.InvalidParameterException, match=refusal):
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=value
        )


@pytest.mark.place("subscription protocol")
def test_another_protocol_is_refused(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    unknown = "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"
    for protocol, refusal in (("pigeon", unknown), ("sms", "does not deliver to sms")):
        with pytest.raises(ClientError, match=refusal):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint="+15550100")


@pytest.mark.parity(
    "A pending subscription cannot be unsubscribed by what the list shows; one that is gone can",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html",
)
def test_a_pending_subscription_is_not_unsubscribed_by_what_the_list_shows(
    aws: Session, topic: str
) -> None:
    sns = aws.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="SubscriptionArn Reason"):
        sns.unsubscribe(SubscriptionArn="PendingConfirmation")
    sns.unsubscribe(SubscriptionArn=f"{topic}:00000000-0000-0000-0000-000000000000")


# -- What can be published ----------------------------------------------------------


def test_what_a_filter_policy_keeps_out_is_no_dead_letter(aws: Session, topic: str) -> None:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    urls = {name: open_queue(aws, name, topic) for name in ("q", "dead")}
    arn = subscribe_queue(aws, topic, "q")
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RedrivePolicy", AttributeValue=redrive_to("dead")
    )
    set_filter(aws, arn, {"quantity": [{"numeric": [">=", 10]}]}, "MessageBody")
    for text in ('{"quantity": "12"}', "[" * 100_000, '{"quantity": [1, 12]}'):
        sns.publish(TopicArn=topic, Message=text)
    (message,) = messages_on(aws, urls["q"])
    assert json.loads(message["Body"])["Message"] == '{"quantity": [1, 12]}'
    assert sum(counts(sqs, urls["dead"])) == 0


@pytest.mark.parity(
    "An e-mail subscription needs an address",
    kept="yes",
    module="sns.subscriptions",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html",
)
@pytest.mark.parametrize(
    "endpoint", ["fulfillment", "@example.com", "a@b@c", "a9@example.com\nBcc: all@example.com"]
)
def test_an_endpoint_that_is_not_an_address_is_not_subscribed(
    aws: Session, topic: str, endpoint: str
) -> None:
    sns = aws.client("sns")
    with pytest.raises(
        sns.exceptions.InvalidParameterException, match="Invalid parameter: Email address"
    ):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=endpoint)
    assert sns.list_subscriptions()["Subscriptions"] == []


@pytest.mark.parametrize("endpoint", ["spy", f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:spy"])
def test_an_endpoint_that_is_not_a_function_is_not_subscribed(
    aws: Session, topic: str, endpoint: str
) -> None:
    sns = aws.client("sns")
    with pytest.raises(
        sns.exceptions.InvalidParameterException, match="Invalid parameter: Lambda endpoint ARN"
    ):
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=endpoint)


@pytest.mark.parity(
    "A subject has under 100 characters, and no line breaks or control characters",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
)
@pytest.mark.parametrize(
    "subject", ["Tea\nBcc: all@example.com", "a\rb", "\x07", "\x7f", "x" * 100]
)
def test_a_subject_that_no_header_can_carry_is_refused(
    aws: Session, topic: str, subject: str
) -> None:
    sns = aws.client("sns")
    with pytest.raises(
        sns.exceptions.InvalidParameterException, match="Invalid parameter: Subject"
    ):
        sns.publish(TopicArn=topic, Message="tea", Subject=subject)
    entries = [
        {"Id": "bad", "Message": "tea", "Subject": subject},
        {"Id": "good", "Message": "tea", "Subject": "x" * 99},
    ]
    reply = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in reply["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"]) for entry in reply["Failed"]] == [
        ("bad", "InvalidParameter")
    ]


UNPUBLISHABLE = [
    ({"Message": ""}, "Empty message"),
    (structured('{"sqs": "x"}'), "Message Structure - No default entry in JSON message body"),
    (structured('{"lambda": "x"}'), "Message Structure - No default entry in JSON message body"),
    (structured('{"default": {"a": 1}}'), "Message Structure - No default entry in JSON"),
    (structured('{"default": null}'), "Message Structure - No default entry in JSON"),
    (structured('{"sqs"'), "Message Structure - JSON message body failed to parse"),
    (structured('["default"]'), "Message Structure - JSON message body failed to parse"),
    (structured("[" * 100_000), "Message Structure - JSON message body failed to parse"),
    ({"Message": "x", "MessageStructure": "yaml"}, "MessageStructure"),
]


@pytest.mark.parity(
    "An empty message, a structured one without a text as `default` or that is no JSON, are "
    "refused; in a batch, the whole call",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
)
@pytest.mark.parametrize(("message", "refusal"), UNPUBLISHABLE)
@pytest.mark.place("structured message")
def test_what_no_subscriber_could_be_given_is_not_published(
    aws: Session, topic: str, message: dict[str, str], refusal: str
) -> None:
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "q")
    sns = aws.client("sns")
    invalid = pytest.raises(sns.exceptions.InvalidParameterException, match=refusal)
    with invalid:
        sns.publish(TopicArn=topic, **message)
    entries = [{"Id": "good", "Message": "tea"}, {"Id": "bad", **message}]
    with invalid:
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert sum(counts(aws.client("sqs"), url)) == 0


@pytest.mark.parity(
    "An entry of a structured message that is not text is passed over for `default`",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
)
@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('{"default": "d", "sqs": {"field": "v"}}', "d"),
        ('{"default": "d", "sqs": ""}', ""),
        ('{"default": "d", "default": "e"}', "e"),
    ],
)
def test_a_protocol_gets_a_text_in_any_case(
    aws: Session, topic: str, message: str, text: str
) -> None:
    url = open_queue(aws, "q", topic)
    subscribe_queue(aws, topic, "q")
    aws.client("sns").publish(TopicArn=topic, **structured(message))
    (found,) = messages_on(aws, url)
    assert json.loads(found["Body"]).get("Message", "") == text


def test_an_empty_subject_is_refused(aws: Session, topic: str) -> None:
    with pytest.raises(ClientError, match="Invalid parameter: Subject"):
        aws.client("sns").publish(TopicArn=topic, Message="tea", Subject="")


WRONG_ATTRIBUTES = [
    ("a", {"DataType": "String", "StringValue": ""}, "must contain non-empty message attribute"),
    ("a", {"DataType": "String"}, "must contain non-empty message attribute value"),
    ("a", {"DataType": "Binary", "BinaryValue": b""}, "must contain non-empty message attribute"),
    ("a", {"DataType": "String", "BinaryValue": b"b"}, "type 'String' must use field 'String'"),
    ("a", {"DataType": "Number", "BinaryValue": b"b"}, "type 'Number' must use field 'String'"),
    ("a", {"DataType": "Binary", "StringValue": "b"}, "type 'Binary' must use field 'Binary'"),
    ("a", {"DataType": "Number", "StringValue": "b"}, "Could not cast message attribute 'a'"),
    ("a", {"DataType": "Text", "StringValue": "b"}, "has an invalid message attribute type"),
    ("a" * 256, {"DataType": "String", "StringValue": "b"}, "must be less than 256 bytes"),
    ("a^", {"DataType": "String", "StringValue": "b"}, "Invalid non-alphanumeric character '#x5E'"),
    (".a", {"DataType": "String", "StringValue": "b"}, "starting with character '.' was found"),
    ("a.", {"DataType": "String", "StringValue": "b"}, "ending with character '.' was found"),
    ("a..b", {"DataType": "String", "StringValue": "b"}, "can not have successive '.'"),
]


@pytest.mark.parity(
    "An attribute with a wrong name or type, or without a value, is refused; in a batch, the whole "
    "call",
    kept="yes",
    module="message_attributes",
    service="SNS",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html",
)
@pytest.mark.parametrize(("name", "value", "refusal"), WRONG_ATTRIBUTES)
@pytest.mark.place("message attributes")
def test_a_wrong_attribute_is_not_published(
    aws: Session, topic: str, name: str, value: dict[str, Any], refusal: str
) -> None:
    sns = aws.client("sns")
    entry = {"Message": "tea", "MessageAttributes": {name: value}}
    batch = {"PublishBatchRequestEntries": [{"Id": "bad", **entry}]}
    for publish, parameters in ((sns.publish, entry), (sns.publish_batch, batch)):
        with pytest.raises(ClientError, match=re.escape(refusal)) as caught:
            publish(TopicArn=topic, **parameters)
        assert caught.value.response["Error"]["Code"] == "ParameterValueInvalid"


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        (["a.b"], "InvalidBatchEntryId"),
        (["a" * 81], "InvalidBatchEntryId"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
        ([str(i) for i in range(11)], "TooManyEntriesInBatchRequest"),
    ],
)
def test_a_batch_of_another_form_is_refused(
    aws: Session, topic: str, ids: list[str], code: str
) -> None:
    entries = [{"Id": entry_id, "Message": "tea"} for entry_id in ids]
    with pytest.raises(ClientError) as caught:
        aws.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert caught.value.response["Error"]["Code"] == code


KIB = 1024


@pytest.mark.parity(
    "A message has 256 KiB at most, attributes included, and so has a batch in all",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html",
)
def test_a_message_has_256_kib_and_so_has_a_batch_in_all(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    sns.publish(TopicArn=topic, Message="é" * 128 * KIB)
    for message, attributes in (("é" * 128 * KIB + "e", {}), ("e" * (256 * KIB - 15), COLOR)):
        with pytest.raises(sns.exceptions.InvalidParameterException, match="Message too long"):
            sns.publish(TopicArn=topic, Message=message, MessageAttributes=attributes)
    entries = [{"Id": str(i), "Message": "é" * 64 * KIB} for i in range(2)]
    reply = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(reply["Successful"]) == 2
    entries.append({"Id": "more", "Message": "e"})
    with pytest.raises(sns.exceptions.BatchRequestTooLongException):
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)


def test_an_endpoint_that_is_down_is_logged_without_its_url(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with start_cloud() as (address, _):
        aws = make_session(address)
        sns = aws.client("sns")
        topic = sns.create_topic(Name="Orders")["TopicArn"]
        with endpoint() as made:
            arn = made.confirmed(aws, topic)
        sns.publish(TopicArn=topic, Message="tea")
        said: list[str] = []

        def logged() -> str:
            said.append(capfd.readouterr().err)
            return "".join(said) if "Lost" in "".join(said) else ""

        text = wait_until(logged, "the failure is logged", timeout=90)
    assert f"Orders cannot notify {arn}: NewConnectionError" in text
    assert "hook" not in text and "abc123" not in text


# -- Where mail goes ----------------------------------------------------------


def test_mail_can_be_kept_in_a_chosen_directory(tmp_path: Path) -> None:
    with own_cloud("--mailbox", str(tmp_path / "mail")) as (address, _):
        aws = make_session(address)
        topic = aws.client("sns").create_topic(Name="Orders")["TopicArn"]
        subscribe_email(aws, topic, "a7@example.com")
        status = local.status(address)
        assert status is not None and status["mailbox"] == str(tmp_path / "mail")
    (mail,) = mailbox.Maildir(tmp_path / "mail")
    assert mail["To"] == "a7@example.com"


@pytest.mark.parity(
    "E-mail reaches the inbox of its address",
    kept="if asked for: `--smtp HOST`",
    module="sns.mailbox",
)
def test_mail_can_go_through_an_smtp_server(free_port: int) -> None:
    inbox = Sink()
    server = Controller(inbox, hostname="127.0.0.1", port=free_port)
    server.start()
    try:
        with own_cloud("--smtp", f"127.0.0.1:{free_port}") as (address, _):
            sns = make_session(address).client("sns")
            topic = sns.create_topic(Name="Orders")["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a8@example.com")
            mail = wait_until(lambda: inbox.mails and inbox.mails[0], "the mail is here")
    finally:
        server.stop()
    assert mail.rcpt_tos == ["a8@example.com"]
    assert b"Action=ConfirmSubscription" in mail.content


class Sink:
    """An SMTP server's handler that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"


def test_a_mailbox_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    """Systems delete old temporary files. The cloud must go on, and tell its status."""
    place = tmp_path / "there" / "mail"
    place.parent.mkdir()
    with own_cloud("--mailbox", str(place)) as (address, _):
        shutil.rmtree(place.parent)
        status = local.status(address)
        assert status is not None
        assert status["services"]["sns"]["mailbox"]["mails"] == 0
        assert (place / "new").is_dir() and stat.S_IMODE(place.stat().st_mode) == 0o700
        shutil.rmtree(place.parent)
        local.reset(address)
        sns = make_session(address).client("sns")
        topic = sns.create_topic(Name="Orders")["TopicArn"]
        shutil.rmtree(place)
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
        wait_until(lambda: any((place / "new").glob("*")), "the mail is there", timeout=20)


def test_a_file_of_somebody_else_in_the_mailbox_is_left_alone(tmp_path: Path) -> None:
    with own_cloud("--mailbox", str(tmp_path / "mail")) as (address, _):
        sns = make_session(address).client("sns")
        topic = sns.create_topic(Name="Orders")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
        new = tmp_path / "mail" / "new"
        wait_until(lambda: any(new.glob("*")), "the mail is there", timeout=20)
        (new / "foreign").write_text("From: bo@example.com\n\ntea\n")
        box = inbox(make_session(address))
        assert box is not None
        assert [mail["To"] for mail in newest(box, 5)] == ["ana@example.com"]
        assert [mail["To"] for mail in mails(box)] == ["ana@example.com"]
