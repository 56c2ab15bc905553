"""Filter patterns find the lines that fit, and no others."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

LINES = (
    "ERROR Task timed out",
    "INFO tea",
    '{"level": "ERROR", "tea": 3, "at": {"hop": ["sqs", "sns"]}, "ok": false}',
    '{"level": "INFO", "tea": 30, "note": null}',
)
FOUND = {
    "": (0, 1, 2, 3),
    "ERROR": (0, 2),
    "error": (),
    "ERROR Task": (0,),
    'ERROR "timed out"': (0,),
    "?timed ?tea": (0, 1, 2, 3),
    "?INFO ?timed": (0, 1, 3),
    "-ERROR": (1, 3),
    "tea -level": (1,),
    "%t[ei]a?med%": (0,),
    '{ $.level = "ERROR" }': (2,),
    "{$.level=INFO}": (3,),
    "{ $.level != ERROR }": (3,),
    '{ $.level = "E*" }': (2,),
    "{ $.level = %^IN% }": (3,),
    "{ $.tea > 3 }": (3,),
    "{ $.tea = 3.0 || $.tea >= 31 }": (2,),
    "{ ($.tea > 1) && ($.level = INFO || $.nope EXISTS) }": (3,),
    "{ $.at.hop[1] = sns }": (2,),
    "{ $['ok'] IS FALSE }": (2,),
    "{ $.note IS NULL }": (3,),
    "{ $.note NOT EXISTS }": (2,),
}
NONE = (
    "{ $.level = }",
    "{ $.tea > tea }",
    "{ $.a ! 1 }",
    "{ (($.a = 1) }",
    '"tea',
    "%(%",
    "{ a = 1 }",
)


@pytest.fixture
def lines(aws: Session) -> Session:
    """Logs with the lines in two streams, one after the other."""
    logs, now = aws.client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="/g")
    for name, start in (("odd", 1), ("even", 0)):
        logs.create_log_stream(logGroupName="/g", logStreamName=name)
        events = [{"timestamp": now + n, "message": LINES[n]} for n in range(start, 4, 2)]
        logs.put_log_events(logGroupName="/g", logStreamName=name, logEvents=events)
    return aws


@pytest.mark.parity(
    "FilterLogEvents finds lines by words (all, any or none of them), quoted texts, regular "
    "expressions and what is in a JSON object, and shows them in the order of their times",
    kept="yes; a pattern for columns is refused by name",
    aws="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html",
)
def test_a_pattern_finds_the_lines_that_fit(lines: Session) -> None:
    logs = lines.client("logs")
    for pattern, numbers in FOUND.items():
        found = logs.filter_log_events(logGroupName="/g", filterPattern=pattern)["events"]
        assert [each["message"] for each in found] == [LINES[n] for n in numbers], pattern
    for pattern in NONE:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            logs.filter_log_events(logGroupName="/g", filterPattern=pattern)
    with pytest.raises(ClientError, match="NotImplemented"):
        logs.filter_log_events(logGroupName="/g", filterPattern="[ip, user]")


def test_a_search_may_be_in_streams_with_a_prefix(lines: Session) -> None:
    logs = lines.client("logs")
    for prefix, numbers in (("e", (0, 2)), ("odd", (1, 3)), ("x", ())):
        found = logs.filter_log_events(logGroupName="/g", logStreamNamePrefix=prefix)["events"]
        assert [each["message"] for each in found] == [LINES[n] for n in numbers]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.filter_log_events(logGroupName="/g", logStreamNamePrefix="e", logStreamNames=["even"])
