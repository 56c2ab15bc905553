"""Where e-mail goes: into a Maildir on this machine, or through an SMTP server that you name.

Writing a mail waits for the disk, so it happens on a thread, one mail after the other. The
mail is built by the email package's older interface: the newer one parses each header that
it is given, which cost half of the time of an order on its way through the whole chain.
"""

from __future__ import annotations

import asyncio
import mailbox
import smtplib
import threading
import uuid
from collections.abc import Callable
from email.charset import Charset
from email.header import Header
from email.message import Message
from email.utils import formataddr, formatdate
from pathlib import Path
from typing import Any

from localcloud.tasks import Tasks

_UTF8 = Charset("utf-8")
_UTF8.body_encoding = None  # type: ignore[assignment]  # 8 bit, so that a mail's file can be read as it is
_SENDER = "no-reply@sns.amazonaws.com"


class Mailbox:
    """Sends mail in the order in which it was given."""

    def __init__(self, directory: Path, smtp: str | None = None, *, keep: bool = False) -> None:
        self.directory = directory
        self._keep = keep  # a directory that you named; it is never emptied
        self._maildir = mailbox.Maildir(directory, create=True)
        self._smtp = smtp
        self._outgoing: asyncio.Queue[tuple[Message, Callable[[str], None]]] = asyncio.Queue()
        self._tasks = Tasks()
        self._delivering: asyncio.Task[None] | None = None
        self._writing = threading.Lock()

    @property
    def sends_out(self) -> bool:
        """Whether mail leaves through an SMTP server, so that no mailbox here has it."""
        return self._smtp is not None

    def send(
        self, sender: str, to: str, subject: str, text: str, lost: Callable[[str], None]
    ) -> None:
        """Queue a plain-text mail for delivery; `sender` is the name before SNS's address. If it
        cannot be delivered, `lost` is called with the reason, which names no address."""
        mail = Message()
        mail["From"] = formataddr((sender, _SENDER))
        mail["To"] = to
        mail["Subject"] = Header(subject, _UTF8).encode()
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{uuid.uuid4()}@sns.amazonaws.com>"
        mail.set_payload(text, _UTF8)
        self._outgoing.put_nowait((mail, lost))
        if self._delivering is None or self._delivering.done():
            self._delivering = self._tasks.start(self._deliver())

    def describe(self) -> dict[str, Any]:
        """Where the mails are, if they stay here, how many, and how many are on their way."""
        there = None if self.sends_out else str(self.directory)
        return {
            "directory": there,
            "mails": 0 if self.sends_out else len(self._maildir),
            "on_their_way": self._outgoing.qsize(),
        }

    def is_idle(self) -> bool:
        """Whether every mail that was given is delivered."""
        return self._outgoing.empty() and (self._delivering is None or self._delivering.done())

    def clear(self) -> None:
        """Throw away the mail that waits and, unless the directory is yours, what was delivered."""
        with self._writing:
            self._outgoing = asyncio.Queue()
            if not self._keep:
                self._maildir.clear()

    async def written(self) -> None:
        """Wait until the mails that were given so far are in the mailbox."""
        while not self.sends_out and self._delivering and not self._delivering.done():
            await asyncio.wait([self._delivering])

    def saved(self) -> dict[str, bytes]:
        """The mails in the mailbox, by their files, for a checkpoint; none of a directory of
        somebody else's. Mail that is to leave through a server is not among them."""
        if self._keep:
            return {}
        with self._writing:
            files = [path for path in self.directory.glob("[cn]*/*") if path.is_file()]
            return {str(path.relative_to(self.directory)): path.read_bytes() for path in files}

    def restore(self, saved: dict[str, bytes]) -> None:
        """Have just those mails, if the mailbox is ours to empty."""
        self.clear()
        for name, content in saved.items():
            (self.directory / name).write_bytes(content)

    async def _deliver(self) -> None:
        while not self._outgoing.empty():
            outgoing = self._outgoing
            mail, lost = outgoing.get_nowait()
            try:
                await asyncio.to_thread(self._deliver_one, mail, outgoing)
            except Exception as error:  # the mails behind this one still have to get out
                # What the error says may quote the address, which belongs in no log.
                lost(f"the mail was not delivered: {type(error).__name__}")

    def _deliver_one(self, mail: Message, outgoing: object) -> None:
        if self._smtp is None:
            with self._writing:
                if outgoing is self._outgoing:  # else it was thrown away in the meantime
                    self._maildir.add(mail.as_bytes())
            return
        host, _, port = self._smtp.partition(":")
        with smtplib.SMTP(host, int(port or 25), timeout=10) as server:
            server.send_message(mail)
