"""CloudWatch Logs refuses in AWS's words."""

from __future__ import annotations

from typing import Any

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
    kept="yes",
    module="logs.rules",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html",
)
def test_groups_are_not_listed_by_prefix_and_pattern(aws: Session) -> None:
    with pytest.raises(ClientError, match="are mutually exclusive parameters"):
        aws.client("logs").describe_log_groups(logGroupNamePrefix="/", logGroupNamePattern="g")


@pytest.mark.parity(
    "DescribeLogGroups and ListLogGroups find log groups by a part of their names",
    kept="yes",
    module="logs.groups",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html",
)
def test_groups_are_found_by_a_part_of_their_names(aws: Session) -> None:
    logs = aws.client("logs")
    for name in ("/shop/tea", "/shop/coffee", "/bar/tea", "/bar/milk"):
        logs.create_log_group(logGroupName=name)

    def described(pattern: str, **options: Any) -> list[str]:
        found = logs.describe_log_groups(logGroupNamePattern=pattern, **options)
        return [group["logGroupName"] for group in found["logGroups"]]

    def listed(pattern: str) -> list[str]:
        found = logs.list_log_groups(logGroupNamePattern=pattern)
        return [group["logGroupName"] for group in found["logGroups"]]

    assert described("tea") == ["/bar/tea", "/shop/tea"]
    assert described("Tea") == []
    assert listed("no-such-group") == []
    assert listed("^/shop|milk") == ["/bar/milk", "/shop/coffee", "/shop/tea"]
    page = logs.describe_log_groups(logGroupNamePattern="tea", limit=1)
    assert described("tea", nextToken=page["nextToken"]) == ["/shop/tea"]
    (group,) = logs.list_log_groups(logGroupNamePattern="milk")["logGroups"]
    assert group["logGroupArn"].endswith(":log-group:/bar/milk")
    with pytest.raises(ClientError, match="nextToken"):
        described("tea", nextToken="x")


def test_a_log_group_has_a_class_and_an_answer_its_type(aws: Session) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/g")
    answer = logs.describe_log_groups(logGroupNamePrefix="/g")
    (group,) = answer["logGroups"]
    assert group["logGroupClass"] == "STANDARD" and group["deletionProtectionEnabled"] is False
    assert "storedBytes" in group
    (found,) = logs.describe_log_groups(logGroupNamePattern="g")["logGroups"]
    assert "storedBytes" not in found and found["logGroupClass"] == "STANDARD"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/x-amz-json-1.1"


def test_streams_are_of_a_group_that_is_named_once(aws: Session) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(ClientError, match="are mutually exclusive parameters") as caught:
        logs.describe_log_streams(logGroupName="/g", logGroupIdentifier="/g")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_metric_may_be_in_a_namespace_with_a_colon(aws: Session) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/g")
    namespace = "A.B-c_d/1#2:teas"
    one = {"metricNamespace": namespace, "metricName": "teas", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="/g", filterName="f", filterPattern="tea", metricTransformations=[one]
    )
    (found,) = logs.describe_metric_filters(logGroupName="/g")["metricFilters"]
    assert found["metricTransformations"][0]["metricNamespace"] == namespace


@pytest.mark.parity(
    "A log group keeps its lines for one of the periods that there are",
    kept="yes",
    module="logs.rules",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
)
def test_another_retention_and_a_stream_twice_are_refused(aws: Session) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(ClientError, match="'retentionInDays' failed to satisfy constraint"):
        logs.put_retention_policy(logGroupName="/g", retentionInDays=2)
    logs.put_retention_policy(logGroupName="/g", retentionInDays=14)
    with pytest.raises(ClientError, match="The specified log stream does not exist"):
        logs.delete_log_stream(logGroupName="/g", logStreamName="s")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    with pytest.raises(ClientError, match="The specified log stream already exists"):
        logs.create_log_stream(logGroupName="/g", logStreamName="s")
    logs.delete_log_stream(logGroupName="/g", logStreamName="s")
