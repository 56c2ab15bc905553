"""The forms in which subscribers get a message, and what they are told of their subscription."""

from __future__ import annotations

import json
import re

import pytest

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.inbox import find_mail
from tests.support import http
from tests.support.endpoints import endpoint
from tests.support.functions import make_function, permit
from tests.support.queues import messages_on, open_queue
from tests.support.subscriptions import link_in, redrive_to, subscribe_queue

FRUIT = {"fruit": {"DataType": "String", "StringValue": "fig"}}


@pytest.mark.parity(
    "An HTTP endpoint gets notifications once it has confirmed its subscription by SubscribeURL",
    kept="yes",
    module="sns.delivery",
    aws="https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html",
)
def test_an_http_endpoint_gets_messages_once_it_has_confirmed(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    with endpoint() as made:
        told = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=made.url)
        assert told["SubscriptionArn"] == "pending confirmation"
        sns.publish(TopicArn=topic, Message="before")
        wait_until(lambda: made.posted, "it is asked to confirm", timeout=90)
        ((headers, _),) = made.posted
        (question,) = made.messages
        assert headers["x-amz-sns-message-type"] == question["Type"] == "SubscriptionConfirmation"
        assert set(question) == {
            "Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp",
            "SignatureVersion", "Signature", "SigningCertURL",
        }  # fmt: skip
        assert question["Message"].startswith(f"You have chosen to subscribe to the topic {topic}.")
        arn = sns.confirm_subscription(TopicArn=topic, Token=question["Token"])["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="after")
        wait_until(lambda: len(made.posted) == 2, "it is posted", timeout=90)
    headers, message = made.posted[1][0], made.messages[1]
    assert (message["Type"], message["Message"]) == ("Notification", "after")
    assert headers["x-amz-sns-subscription-arn"] == arn


def test_an_http_endpoint_gets_the_bare_message_if_asked_for(aws: Session, topic: str) -> None:
    with endpoint() as made:
        made.confirmed(aws, topic, RawMessageDelivery="true")
        aws.client("sns").publish(TopicArn=topic, Message="tea")
        wait_until(lambda: made.posted, "it is posted", timeout=90)
    ((headers, text),) = made.posted
    assert (headers["x-amz-sns-rawdelivery"], text) == ("true", "tea")


@pytest.mark.parity(
    "A dead letter of a subscription with `RawMessageDelivery` is the bare message, too",
    kept="yes",
    module="sns.delivery",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
def test_a_dead_letter_has_the_form_that_its_queue_would_have_got(aws: Session, topic: str) -> None:
    url, sns = open_queue(aws, "dead", topic), aws.client("sns")
    settings = {"RedrivePolicy": redrive_to("dead")}
    subscribe_queue(aws, topic, "gone", RawMessageDelivery="true", **settings)
    sns.publish(TopicArn=topic, Message="tea", MessageAttributes=FRUIT)
    (message,) = messages_on(aws, url)
    assert (message["Body"], message["MessageAttributes"]) == ("tea", FRUIT)


def test_an_address_may_get_the_envelope(aws: Session, topic: str) -> None:
    sns, address = aws.client("sns"), "json@example.com"
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint=address)
    mail = wait_until(lambda: find_mail(aws, address, topic), "the mail is here", timeout=90)
    http.request("GET", link_in(str(mail.get_content()), "ConfirmSubscription"))
    sns.publish(TopicArn=topic, Message="tea with json")
    mail = wait_until(lambda: find_mail(aws, address, "tea with json"), "it is here", timeout=90)
    assert json.loads(mail.get_content())["Message"] == "tea with json"


SPY = """
import json, boto3
def handler(event, context):
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""


@pytest.mark.parity(
    "`SigningCertUrl` is a URL, and the ARN in `UnsubscribeUrl` is not encoded",
    kept="yes; the URLs lead to the local cloud, which has no certificate",
    module="sns.delivery",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html",
)
def test_the_urls_in_a_notification_are_urls(aws: Session, topic: str) -> None:
    url = aws.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    arn = make_function(aws, "spy", SPY)
    permit(aws, "spy", "sns.amazonaws.com", topic)
    made = aws.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    (seen,) = messages_on(aws, url)
    (record,) = json.loads(seen["Body"])["Records"]
    pem = r"http://127\.0\.0\.1:\d+/SimpleNotificationService-\w+\.pem"
    assert re.fullmatch(pem, record["Sns"]["SigningCertUrl"])
    link = record["Sns"]["UnsubscribeUrl"]
    assert link.endswith(f"?Action=Unsubscribe&SubscriptionArn={made['SubscriptionArn']}")
