"""The lines that Lambda itself writes to a function's log: as text, or as JSON objects.

In JSON they have levels. One below the function's SystemLogLevel is not written.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
from typing import Any

from localcloud import clock
from localcloud.lambda_.runtime.report import metrics_of, report_line, runtime_of
from localcloud.lambda_.runtime.worker_handle import Invocation, Worker

_LEVELS = ("DEBUG", "INFO", "WARN")


def init_lines(worker: Worker) -> list[str]:
    """What is written when a worker starts."""
    function, runtime = worker.pool.function, runtime_of(worker.pool)
    if not _is_json(worker):
        return [f"INIT_START Runtime Version: {runtime}"]
    record = {
        "initializationType": "on-demand",
        "phase": "init",
        "runtimeVersion": runtime,
        "functionName": function.function_name,
        "functionVersion": str(function.version),
    }
    return _written(worker, "INFO", "platform.initStart", record)


def start_lines(worker: Worker, invocation: Invocation) -> list[str]:
    """What is written when an invocation begins."""
    version = str(worker.pool.function.version)
    if not _is_json(worker):
        return [f"START RequestId: {invocation.request_id} Version: {version}"]
    record = {"requestId": invocation.request_id, "version": version}
    return _written(worker, "INFO", "platform.start", record)


def end_lines(worker: Worker, invocation: Invocation, error: str | None) -> list[str]:
    """What is written when an invocation ends, with its error or None."""
    if not _is_json(worker):
        return [f"END RequestId: {invocation.request_id}", report_line(worker, invocation)]
    metrics, status = metrics_of(worker, invocation), "error" if error else "success"
    record = {"requestId": invocation.request_id, "metrics": metrics, "status": status}
    done = {**record, "metrics": {"durationMs": metrics["durationMs"]}}
    return [
        *_written(worker, "WARN" if error else "DEBUG", "platform.runtimeDone", done),
        *_written(worker, "WARN" if error else "INFO", "platform.report", record),
    ]


def _is_json(worker: Worker) -> bool:
    return bool(worker.pool.function.logging_config["LogFormat"] == "JSON")


def _written(worker: Worker, level: str, kind: str, record: dict[str, Any]) -> list[str]:
    """A line, or none if the function does not want those of this level."""
    wanted = worker.pool.function.logging_config["SystemLogLevel"]
    if _LEVELS.index(level) < _LEVELS.index(wanted):
        return []
    return [json.dumps({"time": clock.timestamp(), "type": kind, "record": record})]
