"""SNS to e-mail and to functions."""

from __future__ import annotations

import json
import mailbox
import re
from pathlib import Path
from typing import Any

import pytest
import urllib3
from aiosmtpd.controller import Controller
from botocore.exceptions import ClientError

from lab import local
from lab.demo import own_cloud
from lab.inbox import find_mail, inbox
from lab.session import Session
from lab.waiting import wait_until
from tests.conftest import make_function, make_session

ACCOUNT = "123456789012"
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


@pytest.fixture
def topic(aws: Session) -> str:
    return str(aws.client("sns").create_topic(Name="Orders")["TopicArn"])


def mails(aws: Session) -> list[Any]:
    box = inbox(aws)
    assert box is not None
    return list(box)


def link_in(text: str, action: str) -> str:
    found = re.search(rf"http://\S+Action={action}\S*", text)
    assert found is not None, text
    return found[0]


def subscribe_email(aws: Session, topic: str, address: str) -> str:
    """Subscribe and return the text of the mail that asks for confirmation."""
    aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    mail = wait_until(lambda: find_mail(aws, address, topic), "the mail is here", timeout=5)
    return str(mail.get_content())


def test_nothing_is_mailed_before_the_link_was_opened(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a1@example.com")
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"]
    sns.publish(TopicArn=topic, Message="before a1")
    assert urllib3.request("GET", link_in(text, "ConfirmSubscription")).status == 200
    sns.publish(TopicArn=topic, Message="after a1", Subject="Tea")
    mail = wait_until(lambda: find_mail(aws, "a1@example.com", "after a1"), "the mail is here")
    assert mail["Subject"] == "Tea"
    assert find_mail(aws, "a1@example.com", "before a1") is None
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed[0]["SubscriptionArn"].startswith("arn:")


def test_a_pending_subscription_shows_its_arn_only_when_asked(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    options = {"TopicArn": topic, "Protocol": "email", "Endpoint": "a2@example.com"}
    assert sns.subscribe(**options)["SubscriptionArn"] == "pending confirmation"
    arn = sns.subscribe(**options, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"


def test_a_wrong_token_confirms_nothing(aws: Session, topic: str, cloud: str) -> None:
    subscribe_email(aws, topic, "a3@example.com")
    link = f"{cloud}/?Action=ConfirmSubscription&TopicArn={topic}&Token=wrong"
    assert urllib3.request("GET", link).status == 400
    with pytest.raises(ClientError, match="Invalid token"):
        aws.client("sns").confirm_subscription(TopicArn=topic, Token="wrong")


def test_the_link_at_the_end_of_a_mail_ends_the_subscription(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a4@example.com")
    urllib3.request("GET", link_in(text, "ConfirmSubscription"))
    sns.publish(TopicArn=topic, Message="hello a4")
    mail = wait_until(lambda: find_mail(aws, "a4@example.com", "hello a4"), "the mail is here")
    assert urllib3.request("GET", link_in(mail.get_content(), "Unsubscribe")).status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_a_mail_with_emoji_and_a_line_break_for_a_subject_cannot_be_forged(
    aws: Session, topic: str
) -> None:
    sns = aws.client("sns")
    text = subscribe_email(aws, topic, "a5@example.com")
    urllib3.request("GET", link_in(text, "ConfirmSubscription"))
    sns.publish(TopicArn=topic, Message="شاي 🍵 a5", Subject="Tea 🍵\nBcc: all@example.com")
    mail = wait_until(lambda: find_mail(aws, "a5@example.com", "شاي 🍵 a5"), "the mail is here")
    assert mail["Bcc"] is None
    assert "Tea 🍵" in mail["Subject"]


def test_each_protocol_gets_its_own_text(aws: Session, topic: str) -> None:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    make_function(aws, "spy", SPY)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:spy"
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    text = subscribe_email(aws, topic, "a6@example.com")
    urllib3.request("GET", link_in(text, "ConfirmSubscription"))
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
    for name in ("dead", "undelivered"):
        sqs.create_queue(QueueName=name)
    dead = {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
    arn = make_function(aws, "spy", SPY, DeadLetterConfig=dead)
    made = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    return url, str(made["SubscriptionArn"])


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


def test_a_message_for_a_function_that_is_gone_goes_to_the_subscriptions_dead_letters(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    _, subscription_arn = spied
    sns, sqs = aws.client("sns"), aws.client("sqs")
    target = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:undelivered"}
    sns.set_subscription_attributes(
        SubscriptionArn=subscription_arn,
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps(target),
    )
    aws.client("lambda").delete_function(FunctionName="spy")
    sns.publish(TopicArn=topic, Message="tea")
    url = sqs.get_queue_url(QueueName="undelivered")["QueueUrl"]
    (dead,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(dead["Body"])["Message"] == "tea"


def test_a_filter_policy_keeps_messages_out(
    aws: Session, topic: str, spied: tuple[str, str]
) -> None:
    url, subscription_arn = spied
    sns = aws.client("sns")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription_arn,
        AttributeName="FilterPolicy",
        AttributeValue=json.dumps({"kind": ["green"]}),
    )
    for kind in ("black", "green"):
        attribute = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=kind, MessageAttributes=attribute)
    (seen,) = aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(seen["Body"])["Records"][0]["Sns"]["Message"] == "green"


def test_mail_can_be_kept_in_a_directory_of_ones_choice(tmp_path: Path) -> None:
    with own_cloud("--mailbox", str(tmp_path / "mail")) as (address, _):
        aws = make_session(address)
        topic = aws.client("sns").create_topic(Name="Orders")["TopicArn"]
        subscribe_email(aws, topic, "a7@example.com")
        status = local.status(address)
        assert status is not None and status["mailbox"] == str(tmp_path / "mail")
    (mail,) = mailbox.Maildir(tmp_path / "mail")
    assert mail["To"] == "a7@example.com"


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
