"""CloudWatch Logs for functions.

Lines stay in memory until the next call to Logs writes them to moto: an invocation must not pay
for a search that nobody makes. As on AWS, a function's lines go to its log group. A missing group
is made only if the execution role may make it, and a role that may not write leaves no lines.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

from __future__ import annotations

import asyncio
import logging
from itertools import groupby

from moto.awslambda.models import LambdaFunction
from moto.logs.models import logs_backends

from localcloud import clock, losses
from localcloud.iam.policies import role_allows
from localcloud.logs import subscriptions

logger = logging.getLogger(__name__)
_LIMIT = 20_000  # lines in memory before they are written anyway

_Line = tuple[LambdaFunction, str, int, str]


class LogWriter:
    """Takes lines from the runtime and writes them to moto's CloudWatch Logs."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []  # that wait

    def write(
        self,
        function: LambdaFunction,
        stream: str,
        lines: list[str],
        epoch_ms: int | None = None,
    ) -> None:
        """Add lines to a log stream of the function's group, stamped `epoch_ms`, by default the
        current time."""
        stamp = int(clock.now_ms()) if epoch_ms is None else epoch_ms
        self.lines += [(function, stream, stamp, line) for line in lines]
        if len(self.lines) > _LIMIT:
            self.flush()
        elif subscriptions.watches(function):
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write all waiting lines. Drops those for a group that the role may not make."""
        lines, self.lines = self.lines, []
        # In order of time, too: Logs refuses all lines of a call if one is earlier than the last.
        lines.sort(key=lambda line: (line[0].function_arn, line[1], line[2]))
        for (_, stream), group in groupby(lines, lambda line: (line[0].function_arn, line[1])):
            try:
                _store(stream, list(group))
            except Exception:  # the lines of other streams must not be lost, too
                logger.exception("The lines of %s are lost", stream)
                losses.record("log lines", stream, "the local cloud failed")

    def clear(self) -> None:
        self.lines.clear()


def _store(stream: str, lines: list[_Line]) -> None:
    function = lines[0][0]
    backend = logs_backends[function.account_id][function.region]
    name = function.logs_group_name
    if name not in backend.groups:
        arn = f"arn:aws:logs:{function.region}:{function.account_id}:log-group:{name}:*"
        if not role_allows(function.role, "logs:CreateLogGroup", arn):
            _record_denied(function, "logs:CreateLogGroup")
            return
        backend.create_log_group(name, {})
    if not _may_write(function, name, stream, is_new=stream not in backend.groups[name].streams):
        return
    if stream not in backend.groups[name].streams:
        backend.create_log_stream(name, stream)
    events = [{"timestamp": stamp, "message": text} for _, _, stamp, text in lines]
    backend.put_log_events(name, stream, events)


def _may_write(function: LambdaFunction, group: str, stream: str, *, is_new: bool) -> bool:
    """Whether the function's role allows it. If not, only the cloud's own log says so: on AWS such
    lines are just missing."""
    arn = f"arn:aws:logs:{function.region}:{function.account_id}:log-group:{group}"
    needed = [("logs:PutLogEvents", f"{arn}:log-stream:{stream}")]
    if is_new:
        needed.append(("logs:CreateLogStream", f"{arn}:*"))
    for action, resource in needed:
        if not role_allows(function.role, action, resource):
            _record_denied(function, action)
            return False
    return True


def _record_denied(function: LambdaFunction, action: str) -> None:
    why = f"AccessDenied: {function.role} may not {action}: lines dropped"
    losses.record("log lines", function.function_name, why)
