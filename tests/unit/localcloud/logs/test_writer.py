"""The log lines of functions, on their way to CloudWatch Logs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.utils import unix_time_millis, utcnow
from moto.logs.models import logs_backends

from localcloud.logs import writer
from localcloud.logs.writer import LogWriter

ACCOUNT, REGION, GROUP, STREAM = "123456789012", "us-east-1", "/aws/lambda/tea", "today"


def test_a_line_that_is_earlier_than_the_one_before_it_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line that begins an invocation bears the time at which that began, and what the worker
    printed after the one before may come in between. Or somebody has set the machine's clock."""
    monkeypatch.setattr(writer, "role_allows", lambda *_: True)
    function: Any = SimpleNamespace(
        account_id=ACCOUNT, region=REGION, logs_group_name=GROUP, role="any", function_arn="any"
    )
    now = int(unix_time_millis(utcnow()))
    lines = LogWriter()
    lines.write(function, STREAM, ["second", "third"], now)
    lines.write(function, STREAM, ["first"], now - 5)
    lines.flush()
    stored = logs_backends[ACCOUNT][REGION].groups[GROUP].streams[STREAM].events
    assert [event.message for event in stored] == ["first", "second", "third"]
