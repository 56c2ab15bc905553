"""The fulfillment team's inbox, where this machine can look into it.

The local cloud keeps e-mail in a Maildir; on AWS the mail goes to a real mailbox, which
only its owner can open, and the functions here say so.
"""

from __future__ import annotations

import mailbox
import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3

from lab import local
from lab.waiting import wait_until


def inbox(aws: boto3.Session) -> mailbox.Maildir | None:
    """The local cloud's mailbox, or None where there is none that can be read."""
    endpoint_url = getattr(aws, "endpoint_url", None)
    found = local.status(endpoint_url) if endpoint_url else None
    if not found or not found["mailbox"] or not Path(found["mailbox"]).is_dir():
        return None

    def parse(file: Any) -> Any:
        return BytesParser(policy=default).parse(file)

    return mailbox.Maildir(found["mailbox"], factory=parse, create=False)


def find_mail(aws: boto3.Session, to: str, containing: str) -> EmailMessage | None:
    """The newest mail to `to` whose text contains `containing`, or None."""
    box = inbox(aws)
    if box is None:
        return None
    mails: Any = sorted(box.iteritems(), key=lambda pair: pair[0], reverse=True)
    for _, mail in mails:
        if mail["To"] == to and containing in mail.get_content():
            found: EmailMessage = mail
            return found
    return None


def confirm_subscription(aws: boto3.Session, topic_arn: str, email: str) -> str:
    """Open the link in the confirmation mail, as its reader would; says what became of it."""
    sns = aws.client("sns")
    found = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
    if any(s["Endpoint"] == email and s["SubscriptionArn"].startswith("arn:") for s in found):
        return f"The subscription of {email} was confirmed before."
    if inbox(aws) is None:
        return (
            f"AWS wrote to {email}: open the link in that mail. "
            "No orders are mailed to this address before."
        )

    def mail_for_topic() -> str | None:
        mail = find_mail(aws, email, topic_arn)
        return mail.get_content() if mail else None

    text = wait_until(mail_for_topic, f"the confirmation mail to {email} is here", timeout=10)
    link = re.search(r"http://\S+Action=ConfirmSubscription\S+", text)
    assert link is not None, text
    query = parse_qs(urlsplit(link[0]).query)
    sns.confirm_subscription(TopicArn=query["TopicArn"][0], Token=query["Token"][0])
    return f"Opened the link in the mail to {email}: the subscription is confirmed."


def show_mail(aws: boto3.Session, to: str, containing: str) -> str:
    """The mail to `to` that contains `containing`, as its reader sees it, once it is here."""
    if inbox(aws) is None:
        return f"Look into the inbox of {to}: the mail says {containing}."
    mail = wait_until(
        lambda: find_mail(aws, to, containing), f"a mail to {to} says {containing}", timeout=15
    )
    head = "\n".join(f"{name}: {mail[name]}" for name in ("From", "To", "Subject"))
    return f"{head}\n\n{mail.get_content()}"
