"""The fulfillment team's inbox, where this machine can look into it.

The local cloud keeps e-mail in a Maildir; on AWS the mail goes to a real mailbox, which
only its owner can open, and the functions here say so.
"""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import boto3

from lab.aws.kinds import is_confirmed
from lab.aws.waiting import NotYetError, wait_until
from lab.course.names import Names
from lab.engine.display import printable
from lab.here import local

_DELIVERED = re.compile(r"(\d+)\.M(\d+)P\d+Q(\d+)")  # seconds, microseconds, count


def inbox(aws: boto3.Session) -> mailbox.Maildir | None:
    """The local cloud's mailbox, or None where there is none that can be read."""
    endpoint_url = getattr(aws, "endpoint_url", None)
    found = local.status(endpoint_url) if endpoint_url else None
    if not found or not found["mailbox"] or not Path(found["mailbox"]).is_dir():
        return None

    def parse(file: Any) -> Any:
        return BytesParser(policy=default).parse(file)

    return mailbox.Maildir(found["mailbox"], factory=parse, create=False)


def mails(box: mailbox.Maildir) -> list[EmailMessage]:
    """All the mail of an inbox, in the order in which it was delivered."""
    return _read(box, _keys(box))


def newest(box: mailbox.Maildir, count: int) -> list[EmailMessage]:
    """The last mails that were delivered, the newest first. Reads no others."""
    return _read(box, _keys(box)[::-1][:count])


def that_say(box: mailbox.Maildir, text: str) -> Iterator[EmailMessage]:
    """The mails with this text, the newest first. Parses no others: the local cloud writes a text
    as it is, so that its file can be searched."""
    for key in _keys(box)[::-1]:
        if text.strip().encode() in _bytes(box, key):
            yield from (m for m in _read(box, [key]) if text in str(m.get_content()))


def about_order(box: mailbox.Maildir, order_id: str) -> list[EmailMessage]:
    """The mail about one order, oldest first."""
    return list(that_say(box, f"(order {order_id})"))[::-1]


def _bytes(box: mailbox.Maildir, key: str) -> bytes:
    """A mail as it lies there; nothing of one that was deleted meanwhile."""
    with suppress(KeyError, FileNotFoundError):
        return box.get_bytes(key)
    return b""


def _read(box: mailbox.Maildir, keys: list[str]) -> list[EmailMessage]:
    """The mails of these keys, but for those that were deleted meanwhile."""
    found: list[EmailMessage] = []
    for key in keys:
        with suppress(KeyError):
            found.append(cast(EmailMessage, box[key]))
    return found


def text_of(mail: EmailMessage) -> str:
    """What its reader reads, without the link to unsubscribe at its end."""
    text, _, _ = mail.get_content().partition("\n--\n")
    return str(text).rstrip()


def find_mail(aws: boto3.Session, to: str, containing: str) -> EmailMessage | None:
    """The newest mail to `to` whose text contains `containing`, or None."""
    box = inbox(aws)
    found = that_say(box, containing) if box is not None else iter(())
    return next((mail for mail in found if mail["To"] == to), None)


def _keys(box: mailbox.Maildir) -> list[str]:
    """The names of the files, in the order in which the mails were delivered. A file of another
    name came from somebody else."""
    keys = box.keys()
    delivered = {key: _DELIVERED.match(key) for key in keys}
    when = {key: [int(part) for part in it.groups()] for key, it in delivered.items() if it}
    return sorted(when, key=when.__getitem__)


def confirm_subscription(aws: boto3.Session, topic_arn: str, email: str) -> str:
    """Open the link in the confirmation mail, as its reader would; returns what happened."""
    sns = aws.client("sns")
    if _is_confirmed(sns, topic_arn, email):
        return f"The subscription of {email} was confirmed before."
    if inbox(aws) is None:
        return (
            f"AWS wrote to {email}: open the link in that mail. "
            "Until then no orders are mailed to this address."
        )

    def open_link() -> bool:
        mail = find_mail(aws, email, f"{topic_arn}\n")  # one ARN can begin like another
        text = mail.get_content() if mail else ""
        link = re.search(r"http://\S+Action=ConfirmSubscription\S+", text)
        if link is None:
            raise _not_yet(aws, email)
        token = parse_qs(urlsplit(link[0]).query)["Token"][0]
        try:
            sns.confirm_subscription(TopicArn=topic_arn, Token=token)
        except sns.exceptions.InvalidParameterException:
            return False  # an older mail; the one for this subscription is on its way
        return True

    wait_until(open_link, f"the mail to {email} is here", timeout=10)
    return f"Opened the link in the mail to {email}: the subscription is confirmed."


def wait_for_a_mail(names: Names) -> tuple[str, str]:
    """What the checks find wrong until somebody opens the links in the two mails that AWS sends."""
    return (
        f"The subscription of an e-mail address to {names.topic}",
        f"subscription {names.stakeholders} to e-mail",
    )


def show_mail(aws: boto3.Session, topic_arn: str, to: str, containing: str) -> str:
    """The mail to `to` that contains `containing`, as its reader sees it, once it is here."""
    if not _is_confirmed(aws.client("sns"), topic_arn, to):
        return (
            f"No mail: {to} is not subscribed, or has not opened the link in its first mail. "
            "Chapter 03 subscribes the address in LAB_EMAIL."
        )
    if inbox(aws) is None:
        return f"Look into the inbox of {to} for the order {containing}."
    what = f"a mail to {to} says {containing}"

    def look() -> EmailMessage:
        found = find_mail(aws, to, containing)
        if found is None:
            raise _not_yet(aws, to)
        return found

    mail = wait_until(look, what, timeout=15)
    head = "\n".join(f"{name}: {mail[name]}" for name in ("From", "To", "Subject"))
    return printable(f"{head}\n\n{text_of(mail)}")


def _not_yet(aws: boto3.Session, to: str) -> NotYetError:
    box = inbox(aws)
    keys = box.keys() if box is not None else []
    there = [_bytes(box, key) for key in keys] if box is not None else []
    theirs = sum(f"\nTo: {to}".encode() in b"\n" + raw for raw in there)
    return NotYetError(f"{len(there)} mails in the inbox, {theirs} of them to {to}.")


def _is_confirmed(sns: Any, topic_arn: str, email: str) -> bool:
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    found = [subscription for page in pages for subscription in page["Subscriptions"]]
    return any(s["Endpoint"] == email and is_confirmed(s) for s in found)
