"""Searches of log groups by a part of their names, which moto does not have.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.logs.models import LogGroup, logs_backends

from localcloud import upstream
from localcloud.call import Call
from localcloud.http import Response, json_response
from localcloud.upstream import ACCOUNT_ID, original, replaces

_DEFAULT_LIMIT = 50
_NOT_IN_A_SEARCH = ("deletionProtectionEnabled", "retentionInDays", "storedBytes")
_LISTED = ("logGroupArn", "logGroupClass", "logGroupName")


def answer(call: Call) -> Response | None:
    """The answer to a search of log groups; None for any other call."""
    pattern = call.parameters.get("logGroupNamePattern")
    if call.operation == "ListLogGroups":
        return _page(call, lambda name: _is_listed(name, pattern or ""), _in_a_list)
    if call.operation == "DescribeLogGroups" and pattern:
        return _page(call, lambda name: pattern in name, _in_a_search)
    return None


def _is_listed(name: str, pattern: str) -> bool:
    """Whether a name has one of the parts between `|`. One after `^` has to come first."""
    return any(
        name.startswith(part[1:]) if part.startswith("^") else part in name
        for part in pattern.split("|")
    )


def _page(
    call: Call, fits: Callable[[str], bool], show: Callable[[LogGroup], dict[str, Any]]
) -> Response:
    backend = upstream.backend(logs_backends, ACCOUNT_ID, call.region)
    every = sorted(backend.groups) if backend else []
    found = [backend.groups[name] for name in every if backend and fits(name)]
    token = call.parameters.get("nextToken", "0")
    if not token.isdecimal():
        text = "The specified nextToken is invalid."
        return call.error(400, "InvalidParameterException", text)
    first = int(token)
    last = first + call.parameters.get("limit", _DEFAULT_LIMIT)
    body: dict[str, Any] = {"logGroups": [show(group) for group in found[first:last]]}
    if last < len(found):
        body["nextToken"] = str(last)
    return json_response(200, body)


def _in_a_search(group: LogGroup) -> dict[str, Any]:
    described = group.to_describe_dict()
    return {name: value for name, value in described.items() if name not in _NOT_IN_A_SEARCH}


def _in_a_list(group: LogGroup) -> dict[str, Any]:
    described = group.to_describe_dict()
    return {name: described[name] for name in _LISTED}


@replaces(LogGroup)
def to_describe_dict(group: LogGroup) -> dict[str, Any]:
    """A log group has a class, and is not protected from being deleted."""
    described: dict[str, Any] = original(to_describe_dict)(group)
    return {**described, "logGroupClass": "STANDARD", "deletionProtectionEnabled": False}
