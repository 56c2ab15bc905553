"""What the commands show and read is bounded: of thousands of mails and lines the newest, and the
table once for all checks."""

from __future__ import annotations

import json
import mailbox
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.aws.session import Session
from lab.commands import main
from lab.here import local
from tests.support.chapters import given
from tests.support.sessions import hook_clients, make_session

MANY = 300
TEXT = """\
From: no-reply@sns.amazonaws.com
To: fulfillment@example.com
Subject: New customer order
Date: Sun, 22 Nov 2026 10:00:00 -0000
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

Please ship 1 x شاي 🍵 (order old-{}).
"""


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def deliver(aws: Session) -> None:
    """Put many mails into the mailbox, each newer than the one before."""
    found = local.status(aws.endpoint_url or "")
    assert found is not None
    folder, now = Path(found["mailbox"]) / "new", int(time.time())
    for number in range(MANY):
        path = folder / f"{now}.M{number:06}P1Q{number}.host"
        path.write_bytes(TEXT.format(number).encode())


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the mails that were parsed."""
    keys: list[str] = []
    get = mailbox.Maildir.__getitem__

    def counted(box: Any, key: str) -> Any:
        keys.append(key)
        return get(box, key)

    monkeypatch.setattr(mailbox.Maildir, "__getitem__", counted)
    return keys


def test_mail_shows_the_newest_and_says_how_many_are_left_out(
    aws: Session, parsed: list[str]
) -> None:
    deliver(aws)
    result = run_lab("mail")
    assert result.stdout.count("New customer order") == 20 == len(parsed)
    assert result.stdout.index("(order old-280)") < result.stdout.index("(order old-299)")
    assert result.stderr == f"{MANY - 20} older mails are not shown; --last shows more.\n"
    assert run_lab("mail", "--last", "3").stdout.count("New customer order") == 3
    assert run_lab("mail", "--last", "0").exit_code == 2


def test_mail_about_one_order_parses_no_other(aws: Session, parsed: list[str]) -> None:
    deliver(aws)
    result = run_lab("mail", "--order", "old-7")
    assert "شاي 🍵 (order old-7)." in result.stdout
    assert result.stdout.count("New customer order") == 1 == len(parsed)
    assert result.stderr == ""
    nothing = run_lab("mail", "--order", "old")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert nothing.stderr == "No mail about the order 'old' yet.\n"


def test_mail_as_json_is_for_scripts(aws: Session) -> None:
    deliver(aws)
    found = json.loads(run_lab("mail", "--last", "2", "--json").stdout)
    assert [each["text"].split("(")[1] for each in found] == [
        "order old-298).\n",
        "order old-299).\n",
    ]
    assert found[0]["to"] == "fulfillment@example.com"


def log(aws: Session, function: str, now: int, streams: int = 3, count: int = MANY) -> None:
    """Lines in several streams, alternating, as a function's workers write them."""
    logs, group = aws.client("logs"), f"/aws/lambda/{function}"
    logs.create_log_group(logGroupName=group)
    for stream in range(streams):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{stream}")
        numbers = range(stream, count, streams)
        events: Any = [{"timestamp": now + i, "message": f"{function} {i}"} for i in numbers]
        logs.put_log_events(logGroupName=group, logStreamName=f"s{stream}", logEvents=events)


def test_logs_shows_the_last_lines_of_all_streams_in_order(aws: Session) -> None:
    now = int(time.time() * 1000)
    for function in ("take_order", "notify_fulfillment", "record_order"):
        log(aws, function, now)
    result = run_lab("logs", "take_order", "--last", "10")
    shown = [line.rpartition(" ")[2] for line in result.stdout.splitlines()]
    assert shown == [str(number) for number in range(MANY - 10, MANY)]
    assert result.stderr == "These are the last 10 lines; --last shows more.\n"
    every = run_lab("logs", "--last", "9", "--json")
    found = json.loads(every.stdout)
    assert [each["epoch_ms"] for each in found] == sorted(each["epoch_ms"] for each in found)
    assert {each["function"] for each in found} == {
        "take_order", "notify_fulfillment", "record_order",
    }  # fmt: skip
    all_of_it = run_lab("logs", "take_order")
    assert len(all_of_it.stdout.splitlines()) == MANY and all_of_it.stderr == ""


@pytest.mark.slow
def test_a_check_of_all_chapters_reads_the_table_once(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("01", "02", "03", "04", "05", "06")
    scans: list[str] = []
    hook_clients(monkeypatch, "before-send.dynamodb.Scan", lambda **_: scans.append("scan"))
    monkeypatch.setattr(
        "lab.commands.chapters.session", lambda **_: make_session(aws.endpoint_url or "")
    )
    assert "06 Verify: 4 of 4 right." in run_lab("check").stdout
    assert scans == ["scan"]
