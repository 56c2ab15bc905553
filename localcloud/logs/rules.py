"""What CloudWatch Logs refuses, and moto says in other words or takes.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from moto.logs.models import LogGroup, logs_backends

from localcloud import upstream
from localcloud.call import Call
from localcloud.http import Request, Response
from localcloud.logs import filter_patterns
from localcloud.upstream import ACCOUNT_ID, original, replaces

_NAMED_TWICE = {"logGroupIdentifier", "logGroupName"}
_RETENTIONS = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
]  # fmt: skip
_OF_A_STREAM = ("DeleteLogStream", "GetLogEvents")
_BOTH = {"logGroupNamePattern", "logGroupNamePrefix"}


def refusal(call: Call) -> Response | None:
    """The answer to a call that is refused here; None for any other."""
    given = call.parameters
    if call.operation == "DescribeLogGroups" and given.keys() >= _BOTH:
        text = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        return call.error(400, "InvalidParameterException", text)
    if call.operation == "DescribeLogStreams" and given.keys() >= _NAMED_TWICE:
        text = "LogGroup name and LogGroup ARN are mutually exclusive parameters."
        return call.error(400, "ValidationException", text)
    if call.operation == "PutRetentionPolicy" and given["retentionInDays"] not in _RETENTIONS:
        text = (
            f"1 validation error detected: Value '{given['retentionInDays']}' at 'retentionInDays' "
            f"failed to satisfy constraint: Member must satisfy enum value set: {_RETENTIONS}"
        )
        return call.error(400, "InvalidParameterException", text)
    if call.operation == "FilterLogEvents" and (refused := _search_refusal(call)):
        return refused
    if (group := _group(call)) is None:
        return None
    is_there = given.get("logStreamName") in group.streams
    if call.operation in _OF_A_STREAM and not is_there:
        text = "The specified log stream does not exist."
        return call.error(400, "ResourceNotFoundException", text)
    if call.operation == "CreateLogStream" and is_there:
        text = "The specified log stream already exists"
        return call.error(400, "ResourceAlreadyExistsException", text)
    return None


def by_names(call: Call) -> Request:
    """The request of a call, in which a search names the streams that begin with its prefix."""
    prefix = call.parameters.get("logStreamNamePrefix")
    if call.operation != "FilterLogEvents" or not prefix:
        return call.request
    group = _group(call)
    names = [name for name in (group.streams if group else ()) if name.startswith(prefix)]
    named = {**call.parameters, "logStreamNames": names or [prefix]}  # else it would search all
    return replace(call.request, body=json.dumps(named).encode())


def _group(call: Call) -> LogGroup | None:
    """The log group that a call names, if it is there."""
    backend = upstream.backend(logs_backends, ACCOUNT_ID, call.region)
    return backend.groups.get(call.parameters.get("logGroupName", "")) if backend else None


def _search_refusal(call: Call) -> Response | None:
    given = call.parameters
    if given.get("logStreamNames") and given.get("logStreamNamePrefix"):
        text = "logStreamNamePrefix and logStreamNames are mutually exclusive parameters."
        return call.error(400, "InvalidParameterException", text)
    try:
        filter_patterns.read(given.get("filterPattern") or "")
    except ValueError:
        return call.error(400, "InvalidParameterException", filter_patterns.INVALID)
    except NotImplementedError as error:
        return call.error(501, "NotImplemented", str(error))
    return None


@replaces(LogGroup)
def filter_log_events(group: LogGroup, *given: Any) -> Any:
    """A search shows the lines of all streams in the order of their times.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    *others, _ = given
    return original(filter_log_events)(group, *others, True)
