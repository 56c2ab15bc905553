"""A table's time to live, which must change with each call, and not twice within an hour.

The hour is off unless the cloud is like AWS.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models.table import Table

from localcloud import clock, like_aws, upstream
from localcloud.call import Call
from localcloud.dynamodb import tables
from localcloud.http import Response, json_response

_OFF = {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}


class TimesToLive:
    """When the time to live of each table may be changed again."""

    def __init__(self) -> None:
        self._free_ms: dict[tuple[str, str], float] = {}  # by region and table

    def answer(self, call: Call) -> Response | None:
        """The answer to a call that is about one, if it is not moto's; None for any other call."""
        if call.operation not in ("DescribeTimeToLive", "UpdateTimeToLive"):
            return None
        name = call.parameters["TableName"]
        if (found := tables.find(call, name)) is None:
            return tables.missing(call, name)
        if call.operation == "DescribeTimeToLive":
            return None if _is_on(found) else json_response(200, _OFF)
        table = call.region, found.name
        if self._free_ms.get(table, 0) > clock.now_ms():
            text = "Time to live has been modified multiple times within a fixed interval"
            return call.error(400, "ValidationException", text)
        if problem := _problem(found, call.parameters["TimeToLiveSpecification"]):
            return call.error(400, "ValidationException", problem)
        if not like_aws.is_on:
            return None
        answer = upstream.ask(call.request)
        if answer.status == 200:
            self._free_ms[table] = like_aws.end_ms("time to live")
        return answer

    def clear(self) -> None:
        """Forget all changes."""
        self._free_ms.clear()


def _is_on(table: Table) -> bool:
    return bool(table.ttl["TimeToLiveStatus"] == "ENABLED")


def _problem(table: Table, asked: dict[str, Any]) -> str:
    if asked["Enabled"] != _is_on(table):
        return ""
    return f"TimeToLive is already {'enabled' if asked['Enabled'] else 'disabled'}"
