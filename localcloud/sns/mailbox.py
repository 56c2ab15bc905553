"""Where e-mail goes: into a Maildir on this machine, or through an SMTP server that you name.

Writing a mail waits for the disk, so a thread does it, one mail after another. The mail is built
with the email package's older interface: the newer one parses each header, which took half of an
order's time through the whole chain.
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
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from localcloud.tasks import Tasks

_UTF8 = Charset("utf-8")
_UTF8.body_encoding = None  # type: ignore[assignment]  # 8 bit, so that a mail's file can be read as it is
_SENDER = "no-reply@sns.amazonaws.com"
_T = TypeVar("_T")


class Mailbox:
    """Sends mails one after another, in order."""

    def __init__(self, directory: Path, smtp: str | None = None, *, keep: bool = False) -> None:
        self.directory = directory
        self._keep = keep  # the directory is the user's own, and is never emptied
        self._maildir = mailbox.Maildir(directory, create=True)
        self._smtp = smtp
        self._outgoing: asyncio.Queue[tuple[Message, Callable[[str], None]]] = asyncio.Queue()
        self._tasks = Tasks()
        self._delivering: asyncio.Task[None] | None = None
        self._writing = threading.Lock()

    @property
    def sends_out(self) -> bool:
        """Whether mail leaves through an SMTP server instead of going to a mailbox here."""
        return self._smtp is not None

    def send(
        self, sender: str, to: str, subject: str, text: str, lost: Callable[[str], None]
    ) -> None:
        """Queue a plain-text mail. `sender` is the name before SNS's address. If delivery fails,
        calls `lost` with the reason, which contains no address."""
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
        """Where the mails are (if they stay here), how many, and how many are on their way."""
        there = None if self.sends_out else str(self.directory)
        return {
            "directory": there,
            "mails": 0 if self.sends_out else self._count(),
            "on_their_way": self._outgoing.qsize(),
        }

    def _count(self) -> int:
        try:
            return self._once_it_is_there(self._maildir.__len__)
        except OSError:  # who asks for the status needs the rest of it
            return 0

    def _once_it_is_there(self, do: Callable[[], _T]) -> _T:
        """Do something with the mailbox, which is made again where it is gone: systems delete old
        temporary files. Raises OSError where it cannot be made."""
        try:
            return do()
        except (FileNotFoundError, NotADirectoryError):
            folders = (self.directory / part for part in ("cur", "new", "tmp"))
            for folder in (self.directory.parent, self.directory, *folders):
                folder.mkdir(mode=0o700, exist_ok=True)
            return do()

    def is_idle(self) -> bool:
        """Whether every mail is delivered."""
        return self._outgoing.empty() and (self._delivering is None or self._delivering.done())

    def clear(self) -> None:
        """Throw away mails that are not delivered yet and, unless the directory is kept, the
        delivered ones."""
        with self._writing:
            self._outgoing = asyncio.Queue()
            if not self._keep:
                self._once_it_is_there(self._maildir.clear)

    async def written(self) -> None:
        """Wait until all mails so far are in the mailbox."""
        while not self.sends_out and self._delivering and not self._delivering.done():
            await asyncio.wait([self._delivering])

    def saved(self) -> dict[str, bytes]:
        """The mails in the mailbox, by file name, for a checkpoint: none if the directory is the
        user's own, and no mail that leaves through a server."""
        if self._keep:
            return {}
        with self._writing:
            files = [path for path in self.directory.glob("[cn]*/*") if path.is_file()]
            return {str(path.relative_to(self.directory)): path.read_bytes() for path in files}

    def restore(self, saved: dict[str, bytes]) -> None:
        """Have exactly those mails, if the mailbox is ours to empty."""
        self.clear()
        for name, content in saved.items():
            (self.directory / name).write_bytes(content)

    async def _deliver(self) -> None:
        while not self._outgoing.empty():
            outgoing = self._outgoing
            mail, lost = outgoing.get_nowait()
            try:
                await asyncio.to_thread(self._deliver_one, mail, outgoing)
            except Exception as error:  # the mails after this one must still go out
                # The error's text may quote the address, which belongs in no log.
                lost(f"the mail was not delivered: {type(error).__name__}")

    def _deliver_one(self, mail: Message, outgoing: object) -> None:
        if self._smtp is None:
            with self._writing:
                if outgoing is self._outgoing:  # or else it was thrown away in the meantime
                    self._once_it_is_there(partial(self._maildir.add, mail.as_bytes()))
            return
        host, _, port = self._smtp.partition(":")
        with smtplib.SMTP(host, int(port or 25), timeout=10) as server:
            server.send_message(mail)
