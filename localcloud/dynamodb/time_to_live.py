"""A table's time to live, which AWS lets nobody change twice within an hour.

Off unless the cloud is like AWS.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
"""

from __future__ import annotations

from localcloud import clock, like_aws, upstream
from localcloud.call import Call
from localcloud.http import Response


class TimesToLive:
    """When the time to live of each table may be changed again."""

    def __init__(self) -> None:
        self._free_ms: dict[tuple[str, str], float] = {}  # by region and table

    def answer(self, call: Call) -> Response | None:
        """The answer to a change of one; None for any other call, and where it is not asked for."""
        if not like_aws.is_on or call.operation != "UpdateTimeToLive":
            return None
        table = call.region, call.parameters["TableName"]
        if self._free_ms.get(table, 0) > clock.now_ms():
            text = "Time to live has been modified multiple times within a fixed interval"
            return call.error(400, "ValidationException", text)
        answer = upstream.ask(call.request)
        if answer.status == 200:
            self._free_ms[table] = like_aws.end_ms("time to live")
        return answer

    def clear(self) -> None:
        """Forget all changes."""
        self._free_ms.clear()
