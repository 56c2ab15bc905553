"""How a function's log is written: as text or JSON, from which level on, and into which group."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.functions import invoke, make_function

LOGS = """
import logging
log = logging.getLogger()
def handler(event, context):
    print("plain")
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)("tea %s", level, extra={"fruit": "fig"})
    if event.get("raise"):
        raise ValueError("as asked")
"""


FAILS = """def handler(event, context):
    print(__file__)
    raise Exception('x')
"""


def lines_of(aws: Session, group: str) -> list[str]:
    found = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"].strip() for event in found]


def objects_in(aws: Session, group: str = "/aws/lambda/f") -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(aws, group) if line.startswith("{")]


@pytest.mark.parity(
    "With `LogFormat` JSON a function's log and Lambda's own lines are JSON objects",
    kept="yes",
    module="lambda_.runtime.system_log",
    service="Lambda",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html",
)
def test_a_log_in_json_has_an_object_a_line(aws: Session) -> None:
    make_function(aws, "f", LOGS, LoggingConfig={"LogFormat": "JSON"})
    request_id = invoke(aws, "f")["ResponseMetadata"]["RequestId"]
    found = objects_in(aws)
    kinds = [each["type"] for each in found if "type" in each]
    assert kinds == ["platform.initStart", "platform.start", "platform.report"]
    of_handler = [each for each in found if "message" in each]
    assert [(each["level"], each["message"]) for each in of_handler] == [
        ("INFO", "tea info"), ("WARNING", "tea warning"), ("ERROR", "tea error"),
    ]  # fmt: skip
    assert {each["requestId"] for each in of_handler} == {request_id}
    assert of_handler[0]["fruit"] == "fig"
    report = found[-1]["record"]
    assert (report["requestId"], report["status"]) == (request_id, "success")
    assert report["metrics"]["memorySizeMB"] == 128
    assert "plain" in lines_of(aws, "/aws/lambda/f")


def test_a_log_in_json_has_the_error_of_a_handler(aws: Session) -> None:
    make_function(aws, "f", LOGS, LoggingConfig={"LogFormat": "JSON"})
    assert invoke(aws, "f", {"raise": True})["FunctionError"] == "Unhandled"
    found = objects_in(aws)
    (error,) = [each for each in found if "errorType" in each]
    assert (error["level"], error["errorMessage"]) == ("ERROR", "as asked")
    assert 'File "/var/task/app.py"' in error["stackTrace"][0]
    statuses = [each["record"]["status"] for each in found if "status" in each.get("record", {})]
    assert statuses == ["error", "error"]  # runtimeDone and report


@pytest.mark.parity(
    "A line below `ApplicationLogLevel` or `SystemLogLevel` is not written",
    kept="yes",
    module="lambda_.runtime.system_log",
    service="Lambda",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html",
)
def test_a_line_below_its_level_is_not_written(aws: Session) -> None:
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "DEBUG"}
    make_function(aws, "f", LOGS, LoggingConfig=config)
    invoke(aws, "f")
    found = objects_in(aws)
    assert [each["message"] for each in found if "message" in each] == ["tea error"]
    assert "platform.runtimeDone" in [each.get("type") for each in found]
    update = aws.client("lambda").update_function_configuration
    update(FunctionName="f", LoggingConfig={"SystemLogLevel": "WARN", "LogGroup": "/quiet"})
    invoke(aws, "f")
    assert [each.get("type") for each in objects_in(aws, "/quiet")] == [None]


def test_a_change_of_the_log_keeps_what_it_does_not_name(aws: Session) -> None:
    lambda_ = aws.client("lambda")
    make_function(aws, "f", LOGS, LoggingConfig={"LogGroup": "/mine"})

    def changed(**given: str) -> Any:
        update = lambda_.update_function_configuration(FunctionName="f", LoggingConfig=given)
        assert (
            lambda_.get_function_configuration(FunctionName="f")["LoggingConfig"]
            == (update["LoggingConfig"])
        )
        return update["LoggingConfig"]

    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    in_json = {"LogFormat": "JSON", "LogGroup": "/mine", **levels}
    assert changed(LogFormat="JSON") == in_json
    assert changed(SystemLogLevel="WARN") == {**in_json, "SystemLogLevel": "WARN"}
    assert changed(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "/mine"}
    with pytest.raises(ClientError, match="SystemLogLevel can only be set when LogFormat is JSON"):
        changed(SystemLogLevel="WARN")


@pytest.mark.parity(
    "The files in a trace stand in `/var/task`",
    kept="in logs, replies and dead letters; the function itself runs elsewhere",
    module="lambda_.runtime.report",
    service="Lambda",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html",
)
def test_a_trace_says_where_the_files_would_be_on_aws(aws: Session) -> None:
    make_function(aws, "f", FAILS)
    reply = invoke(aws, "f")
    assert reply["Payload"]["stackTrace"] == [
        "  File \"/var/task/app.py\", line 3, in handler\n    raise Exception('x')\n"
    ]
    text = "\n".join(lines_of(aws, "/aws/lambda/f"))
    assert 'File "/var/task/app.py", line 3, in handler' in text
    assert "/var/task/app.py" in text.splitlines()
    make_function(aws, "g", "def handler(event, context)\n")
    assert "/var/task/app.py" in json.dumps(invoke(aws, "g")["Payload"])
