"""CloudWatch Logs refuses in AWS's words."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session


def test_a_missing_stream_is_no_missing_group(aws: Session) -> None:
    logs = aws.client("logs")
    for said in ("group", "stream"):
        with pytest.raises(ClientError, match=f"The specified log {said} does not exist"):
            logs.get_log_events(logGroupName="/g", logStreamName="s")
        if said == "group":
            logs.create_log_group(logGroupName="/g")


@pytest.mark.parity(
    "Log groups are listed by a prefix or by a pattern, and not by both",
    kept="yes; a pattern alone is not heeded, with a warning",
    module="logs.rules",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html",
)
def test_groups_are_not_listed_by_prefix_and_pattern(aws: Session) -> None:
    with pytest.raises(ClientError, match="are mutually exclusive parameters"):
        aws.client("logs").describe_log_groups(logGroupNamePrefix="/", logGroupNamePattern="g")
