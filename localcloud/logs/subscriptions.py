"""Subscription filters: new lines of a log group call a function.

moto would call it in Docker, with every line, whatever the filter's pattern is. Here the function
is invoked asynchronously, with the lines that fit. The price: lines of a function that is watched
are written at once, not with the next call to Logs.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.logs.exceptions import InvalidParameterException, LimitExceededException
from moto.logs.models import LogGroup, LogsBackend, logs_backends

from localcloud import arn as arns
from localcloud import deliver, losses
from localcloud.deliver import ServicePrincipal
from localcloud.logs import filter_patterns
from localcloud.upstream import ACCOUNT_ID, original, replaces

_MAX_FILTERS = 2  # of a log group


def watches(function: LambdaFunction) -> bool:
    """Whether somebody waits for the function's log lines."""
    logs = logs_backends[ACCOUNT_ID][function.region]
    group = logs.groups.get(function.logs_group_name)
    return bool(group and group.subscription_filters)


@replaces(LogsBackend)
def put_subscription_filter(
    backend: LogsBackend,
    log_group_name: str,
    filter_name: str,
    filter_pattern: str,
    destination_arn: str,
    *more: Any,
) -> None:
    """A function must be there, and let CloudWatch Logs call it. It is not called for lines of its
    own: they would never end."""
    target = arns.parse(destination_arn)
    if not target.service:
        raise InvalidParameterException("Invalid destination ARN")
    group = backend.groups.get(log_group_name)
    if target.service == "lambda" and group is not None:
        _refuse(group, filter_pattern, destination_arn)
    put = original(put_subscription_filter)
    put(backend, log_group_name, filter_name, filter_pattern, destination_arn, *more)


def _refuse(group: LogGroup, pattern: str, function_arn: str) -> None:
    if deliver.why_not(function_arn, _sender(group, function_arn)):
        raise InvalidParameterException(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs "
            "permission to execute your function."
        )
    function = deliver.find(function_arn)
    if function is not None and function.logs_group_name == group.name:
        raise NotImplementedError(
            "The local cloud does not call a function for its own log lines, as that would never "
            "end; subscribe another function."
        )
    try:
        filter_patterns.read(pattern)
    except ValueError:
        raise InvalidParameterException(filter_patterns.INVALID) from None


@replaces(LogGroup, "put_subscription_filter")
def put_filter(group: LogGroup, filter_name: str, *more: Any) -> None:
    """A log group has two filters at most. One that is there can be changed; moto refuses that."""
    known = group.subscription_filters
    if filter_name in known:
        known[filter_name].update(*more)
        return
    if len(known) >= _MAX_FILTERS:
        raise LimitExceededException()
    original(put_filter)(group, filter_name, *more)


@replaces(LambdaBackend)
def send_log_event(
    backend: LambdaBackend,
    function_arn: str,
    filter_name: str,
    log_group_name: str,
    log_stream_name: str,
    log_events: list[dict[str, Any]],
) -> None:
    """A function gets the new lines that fit the pattern, and none if no line does."""
    group = logs_backends[backend.account_id][backend.region_name].groups[log_group_name]
    fits = filter_patterns.read(group.subscription_filters[filter_name].filter_pattern)
    events = [event for event in log_events if fits(event["message"])]
    if not events:
        return
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": backend.account_id,
        "logGroup": log_group_name,
        "logStream": log_stream_name,
        "subscriptionFilters": [filter_name],
        "logEvents": [{**event, "id": f"{event['id']:056d}"} for event in events],
    }
    problem = deliver.deliver(function_arn, _packed(data), _sender(group, function_arn))
    if problem:
        losses.record("log subscription", f"{log_group_name} {filter_name}", problem)


def _packed(data: dict[str, Any]) -> str:
    """The event that a function gets."""
    text = base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()
    return json.dumps({"awslogs": {"data": text}})


def _sender(group: LogGroup, function_arn: str) -> ServicePrincipal:
    """CloudWatch Logs, under the name that the function's policy knows: that of the region or that
    of the service."""
    names = (f"logs.{group.region}.amazonaws.com", "logs.amazonaws.com")
    senders = [ServicePrincipal(name, f"{group.arn}:*") for name in names]
    return next((each for each in senders if not deliver.why_not(function_arn, each)), senders[0])
