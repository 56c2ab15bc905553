"""Subscriptions, and the mails that come of them."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.inbox import find_mail, inbox

ACCOUNT = "123456789012"


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
    mail = wait_until(lambda: find_mail(aws, address, topic), "the mail is here", timeout=90)
    return str(mail.get_content())


def subscribe_queue(aws: Session, topic: str, name: str, **attributes: str) -> str:
    made = aws.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}",
        Attributes=attributes,
    )
    return str(made["SubscriptionArn"])


def redrive_to(queue: str) -> str:
    return json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"})
