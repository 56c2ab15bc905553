"""Where e-mail goes: into a Maildir on this machine, or through an SMTP server that you name.

Writing a mail waits for the disk, so it happens on a thread, one mail after the other.
"""

from __future__ import annotations

import asyncio
import logging
import mailbox
import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path

logger = logging.getLogger(__name__)
_SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"


class Mailbox:
    """Sends mail in the order in which it was given."""

    def __init__(self, directory: Path, smtp: str | None = None) -> None:
        self.directory = directory
        self._maildir = mailbox.Maildir(directory, create=True)
        self._smtp = smtp
        self._outgoing: asyncio.Queue[EmailMessage] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def sends_out(self) -> bool:
        """Whether mail leaves through an SMTP server, so that no mailbox here has it."""
        return self._smtp is not None

    def send(self, to: str, subject: str, text: str) -> None:
        """Queue a plain-text mail for delivery."""
        mail = EmailMessage(policy=SMTP.clone(linesep="\n"))
        mail["From"] = _SENDER
        mail["To"] = to
        mail["Subject"] = subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="sns.amazonaws.com")
        mail.set_content(text)
        self._outgoing.put_nowait(mail)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    def clear(self) -> None:
        """Throw away what was not yet delivered; delivered mail stays."""
        self._outgoing = asyncio.Queue()

    async def _deliver(self) -> None:
        while not self._outgoing.empty():
            mail = self._outgoing.get_nowait()
            try:
                await asyncio.to_thread(self._deliver_one, mail)
            except OSError as error:  # smtplib's errors are OSErrors, too
                logger.error("A mail to %s was not delivered: %s", mail["To"], error)

    def _deliver_one(self, mail: EmailMessage) -> None:
        if self._smtp is None:
            self._maildir.add(mail.as_bytes())
            return
        host, _, port = self._smtp.partition(":")
        with smtplib.SMTP(host, int(port or 25), timeout=10) as server:
            server.send_message(mail)
