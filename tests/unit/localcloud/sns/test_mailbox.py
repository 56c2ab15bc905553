"""A mail that cannot be written does not delay the others."""

from __future__ import annotations

import asyncio
import mailbox
from pathlib import Path

import pytest

from localcloud.sns.mailbox import Mailbox


def test_a_mail_that_cannot_be_written_does_not_delay_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[str] = []

    async def send_both() -> None:
        post = Mailbox(tmp_path / "mail")
        for address in ("a9\ud800@example.com", "a10@example.com"):
            post.send("Orders", address, "One tea", "An order", lost.append)
        async with asyncio.timeout(5):
            while not list((tmp_path / "mail" / "new").iterdir()):
                await asyncio.sleep(0.01)

    asyncio.run(send_both())
    (mail,) = mailbox.Maildir(tmp_path / "mail")
    assert mail["To"] == "a10@example.com"
    assert lost == ["the mail was not delivered: UnicodeEncodeError"]
    assert "a9" not in caplog.text
