"""What others wrote is shown as it is, where a cloud or a command shows it."""

from __future__ import annotations

from functools import partial

import pytest

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import inbox
from lab.errors import WaitTimeoutError
from lab.here import last_error
from tests.support.chapters import run_chapters, wait_at_once
from tests.support.processes import run_lab

NASTY = "[/b]@x.y [red]\x1b[2J\x07 :tea:"
PLAIN = "[/b]@x.y [red]?[2J? :tea:"


def test_the_last_error_is_shown_without_what_a_terminal_obeys() -> None:
    last_error.remember("ExpiredToken \x1b[2J")
    result = run_lab("explain")
    assert result.returncode == 0
    assert "ExpiredToken ?[2J" in result.stdout and "\x1b" not in result.stdout


def test_waiting_for_a_mail_tells_what_is_in_the_inbox(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_chapters("01", "02", "03")
    topic = "arn:aws:sns:us-east-1:123456789012:Orders"
    monkeypatch.setattr(inbox, "wait_until", partial(wait_at_once, wait_until))
    with pytest.raises(
        WaitTimeoutError, match=r": [1-9]\d* mails in the inbox, [1-9]\d* of them to"
    ):
        inbox.show_mail(aws, topic, "fulfillment@example.com", "never sent")
