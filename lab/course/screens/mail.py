"""The mailbox of the fulfillment team, the newest mail first."""

from __future__ import annotations

import re
from email.message import EmailMessage

import boto3

from lab.course.inbox import inbox, newest, text_of
from lab.course.names import names
from lab.course.resources import inventory
from lab.course.screens.found import MOST_ROWS
from lab.course.words import words
from lab.engine.screen import Screen, Table

_HEAD = ("From", "To", "Subject")


def mailbox(aws: boto3.Session) -> Screen:
    """The newest mail as its reader sees it, and the list of the newest ones."""
    box = inbox(aws)
    said = words(names())["mailbox"]
    if box is None:
        return Screen("Mailbox", said, says="The mail went out: look into the recipient's inbox.")
    mails = newest(box, MOST_ROWS)
    if not mails:
        first = next(each for each in inventory(aws) if each.kind == "subscription")
        says = f"No mail yet. Chapter {first.chapter} subscribes the fulfillment team."
        return Screen("Mailbox", said, says=says)
    rows = [(mail["Subject"], mail["To"], mail["Date"]) for mail in mails]
    listed = Table(("subject", "to", "date"), rows, "The newest mails", len(box))
    return Screen("Mailbox", said, tables=(listed,), text=_letter(mails[0], aws))


def _letter(mail: EmailMessage, aws: boto3.Session) -> str:
    """A mail without its links into the cloud: they open only here, and one confirms."""
    address = getattr(aws, "endpoint_url", "")
    head = "\n".join(f"{name}: {mail[name]}" for name in _HEAD)
    text = re.sub(rf"{re.escape(address)}\S*", "[a link: `lab mail` shows it]", text_of(mail))
    return f"{head}\n\n{text}"
