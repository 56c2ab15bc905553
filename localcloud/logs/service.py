"""CloudWatch Logs: the lines of functions are written before each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from moto.logs.models import logs_backends

from localcloud import upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.logs import groups, rules, subscriptions
from localcloud.logs.writer import LogWriter
from localcloud.service import Needed, Service
from localcloud.upstream import ACCOUNT_ID

__all__ = ["Logs", "subscriptions"]  # imported for what it replaces


class Logs(Service):
    """moto answers, but for searches of log groups."""

    name = "logs"

    def __init__(self) -> None:
        self.writer = LogWriter()

    async def handle(self, call: Call) -> Response | None:
        self.writer.flush()
        refused = rules.refusal(call) or groups.answer(call)
        return _typed(refused or upstream.ask(rules.by_names(call)))

    def needed(self, call: Call) -> Needed:
        """A log group is named by its ARN where it is tagged, else with what it holds.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
        """
        given = call.parameters
        group, stream = given.get("logGroupName"), given.get("logStreamName", "")
        inside = f"arn:aws:logs:{call.region}:{ACCOUNT_ID}:log-group:{group}:log-stream:{stream}"
        yield f"logs:{call.operation}", inside if group else given.get("resourceArn", "")

    def describe(self) -> dict[str, Any]:
        return {"lines_waiting": len(self.writer.lines)}

    def last_lines(
        self, region: str, group: str, most: int, wanted: Callable[[str], bool] = lambda _: True
    ) -> list[dict[str, Any]]:
        """The last lines of a log group that are wanted, the newest last. Only reads what it needs,
        where FilterLogEvents goes through all of a log."""
        self.writer.flush()
        backend = upstream.backend(logs_backends, ACCOUNT_ID, region)
        found = backend and backend.groups.get(group)
        streams = found.streams.values() if found else ()
        ends = (islice((e for e in reversed(s.events) if wanted(e.message)), most) for s in streams)
        in_order = chain.from_iterable(reversed([*end]) for end in ends)
        lines = sorted(in_order, key=lambda event: int(event.timestamp))
        return [{"timestamp": e.timestamp, "message": e.message} for e in lines[-most:]]

    def saved(self) -> Any:
        return self.writer.lines

    def restore(self, saved: Any) -> None:
        self.writer.lines = saved

    def reset(self) -> None:
        self.writer.clear()


def _typed(response: Response) -> Response:
    """With the content type of AWS's JSON; moto says that it is HTML."""
    headers = tuple(each for each in response.headers if each[0].lower() != "content-type")
    return replace(response, headers=(*headers, ("Content-Type", "application/x-amz-json-1.1")))
