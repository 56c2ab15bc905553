"""Functions run as on AWS: same events, errors, logs and environment, on either client."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from botocore.exceptions import ClientError

from lab import local
from lab.demo import own_cloud
from lab.session import Session
from lab.waiting import wait_until
from tests.conftest import invoke, make_function, make_role, make_session, zip_of

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module", params=["native", "python"])
def client_cloud(request: pytest.FixtureRequest) -> Iterator[str]:
    with own_cloud("--runtime-client", request.param, "--retry-delay", "0.05") as (address, _):
        yield address


@pytest.fixture
def aws(client_cloud: str) -> Session:
    local.reset(client_cloud)
    return make_session(client_cloud)


def test_a_function_gets_its_event_and_its_reply_comes_back(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    order = {"product": "شاي 🍵", "nested": [1, None, {"a": 2.5}]}
    assert invoke(aws, "echo", order)["Payload"] == order


def test_the_context_says_what_aws_says(aws: Session) -> None:
    source = (
        "def handler(event, context):\n"
        "    return [context.function_name, context.invoked_function_arn,\n"
        "            context.memory_limit_in_mb, context.get_remaining_time_in_millis(),\n"
        "            context.client_context.custom['color']]\n"
    )
    arn = make_function(aws, "context", source, MemorySize=256, Timeout=7)
    custom = base64.b64encode(b'{"custom": {"color": "green"}}').decode()
    name, its_arn, memory, left, color = invoke(aws, "context", ClientContext=custom)["Payload"]
    assert (name, its_arn, memory, color) == ("context", arn, "256", "green")
    assert 6000 < left <= 7000


def test_a_worker_sees_the_environment_of_aws_and_none_of_ours(
    aws: Session, client_cloud: str
) -> None:
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    make_function(aws, "env", source, Environment={"Variables": {"MINE": "yes"}})
    seen = invoke(aws, "env")["Payload"]
    from_aws = {
        "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT", "LANG", "PATH", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID",
    }  # fmt: skip
    needed_here = {"AWS_ENDPOINT_URL", "HOME"}
    set_by_python = {"LC_CTYPE"}
    assert seen.keys() - set_by_python == from_aws | needed_here | {"MINE"}
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["AWS_ENDPOINT_URL"] == client_cloud
    assert os.path.expanduser("~") != seen["HOME"]


def test_a_function_is_its_role(aws: Session) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    )
    make_function(aws, "who", source)
    assert invoke(aws, "who")["Payload"].endswith(":assumed-role/role/who")


def test_an_exception_is_reported_with_its_type_and_trace(aws: Session) -> None:
    make_function(aws, "boom", "def handler(event, context):\n    raise KeyError('product')\n")
    reply = invoke(aws, "boom")
    assert reply["StatusCode"] == 200
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "KeyError"
    assert "line 2, in handler" in reply["Payload"]["stackTrace"][0]


def test_a_function_that_exits_is_reported_and_the_next_call_works(aws: Session) -> None:
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    if event.get('exit'):\n"
        "        os._exit(3)\n"
        "    return os.getpid()\n"
    )
    make_function(aws, "exits", source)
    reply = invoke(aws, "exits", {"exit": True})
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in reply["Payload"]["errorMessage"]
    assert isinstance(invoke(aws, "exits")["Payload"], int)


def test_a_module_that_cannot_be_imported_fails_the_invocation(aws: Session) -> None:
    make_function(aws, "unimportable", "import no_such_module\n")
    reply = invoke(aws, "unimportable")
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in reply["Payload"]["errorMessage"]


def test_a_timeout_ends_the_worker_and_reads_as_on_aws(aws: Session) -> None:
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    if event.get('pid'):\n"
        "        return os.getpid()\n"
        "    time.sleep(60)\n"
    )
    make_function(aws, "slow", source, Timeout=1)
    pid = invoke(aws, "slow", {"pid": True})["Payload"]
    reply = invoke(aws, "slow", LogType="Tail")
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Sandbox.Timedout"
    assert reply["Payload"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in base64.b64decode(reply["LogResult"]).decode()
    assert not psutil.pid_exists(pid)


def test_the_log_has_start_end_and_report_cold_and_warm(aws: Session) -> None:
    source = "print('imported')\ndef handler(event, context):\n    print('one\\ntwo')\n"
    make_function(aws, "logs", source)
    cold = base64.b64decode(invoke(aws, "logs", LogType="Tail")["LogResult"]).decode()
    warm = base64.b64decode(invoke(aws, "logs", LogType="Tail")["LogResult"]).decode()
    for text in (cold, warm):
        kinds = [line.split(" ")[0] for line in text.splitlines()]
        assert kinds == ["START", "one", "two", "END", "REPORT"]
    assert "Init Duration: " in cold
    assert "Init Duration: " not in warm
    found = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/logs")["events"]
    messages = [event["message"].split(" ")[0] for event in found]
    assert messages.count("REPORT") == 2
    assert messages[:3] == ["INIT_START", "imported", "START"]
    assert {event["logStreamName"] for event in found} == {found[0]["logStreamName"]}
    assert "/[$LATEST]" in found[0]["logStreamName"]


def test_a_role_that_may_not_make_log_groups_makes_none(aws: Session) -> None:
    make_function(aws, "quiet", ECHO)
    statement = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    make_role(aws, policy={"Version": "2012-10-17", "Statement": [statement]})
    invoke(aws, "quiet")
    logs = aws.client("logs")
    assert logs.describe_log_groups()["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/quiet")
    invoke(aws, "quiet")
    assert logs.filter_log_events(logGroupName="/aws/lambda/quiet")["events"]


def test_warm_workers_are_used_again(aws: Session) -> None:
    source = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    make_function(aws, "pid", source)
    assert len({invoke(aws, "pid")["Payload"] for _ in range(5)}) == 1


def test_a_changed_function_starts_new_workers(aws: Session) -> None:
    make_function(aws, "version", "def handler(event, context):\n    return 'old'\n")
    lambda_ = aws.client("lambda")
    assert invoke(aws, "version")["Payload"] == "old"
    code = "import os\ndef handler(event, context):\n    return os.environ.get('V', 'new')\n"
    lambda_.update_function_code(FunctionName="version", ZipFile=zip_of(code))
    assert invoke(aws, "version")["Payload"] == "new"
    lambda_.update_function_configuration(
        FunctionName="version", Environment={"Variables": {"V": "newest"}}
    )
    assert invoke(aws, "version")["Payload"] == "newest"


def test_a_deleted_function_leaves_no_worker(aws: Session, client_cloud: str) -> None:
    make_function(aws, "gone", ECHO)
    invoke(aws, "gone")
    status = local.status(client_cloud)
    assert status is not None and len(status["workers"]) == 1
    aws.client("lambda").delete_function(FunctionName="gone")
    status = local.status(client_cloud)
    assert status is not None and status["workers"] == []
    with pytest.raises(ClientError, match="Function not found"):
        invoke(aws, "gone")


def test_the_three_types_of_invocation(aws: Session) -> None:
    source = "import os\ndef handler(event, context):\n    print('ran', event.get('n'))\n"
    make_function(aws, "types", source)
    assert invoke(aws, "types", InvocationType="DryRun")["StatusCode"] == 204
    assert invoke(aws, "types", {"n": 7}, InvocationType="Event")["StatusCode"] == 202
    logs = aws.client("logs")

    def ran() -> bool:
        groups = logs.describe_log_groups()["logGroups"]
        found = logs.filter_log_events(logGroupName="/aws/lambda/types") if groups else {}
        return any(event["message"] == "ran 7" for event in found.get("events", []))

    wait_until(ran, "the event was handled", timeout=5)
    assert not any("ran None" in line for line in _messages(aws, "/aws/lambda/types"))


def _messages(aws: Session, group: str) -> list[str]:
    events = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]


def test_a_failing_event_is_tried_three_times_and_then_dead_lettered(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    make_function(
        aws,
        "fails",
        "def handler(event, context):\n    raise ValueError('no tea')\n",
        DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"},
    )
    invoke(aws, "fails", {"order": 1}, InvocationType="Event")
    reply = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
    (message,) = reply["Messages"]
    assert json.loads(message["Body"]) == {"order": 1}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no tea"
    lines = _messages(aws, "/aws/lambda/fails")
    assert sum(line.startswith("START") for line in lines) == 3


def test_slow_invocations_run_side_by_side(aws: Session) -> None:
    make_function(
        aws, "naps", "import time\ndef handler(event, context):\n    time.sleep(2)\n", Timeout=20
    )
    started = time.monotonic()
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda _: invoke(aws, "naps"), range(6)))
    assert not any("FunctionError" in reply for reply in replies)
    # Six naps of two seconds: 6 s with two workers. More workers start after one second.
    assert time.monotonic() - started < 6


def test_a_worker_still_answers_after_a_long_while(aws: Session) -> None:
    # Servers like to close a connection after five seconds of silence. One worker is silent
    # because it is busy, the other because it has nothing to do.
    make_function(
        aws, "busy", "import time\ndef handler(event, context):\n    time.sleep(5.5)\n", Timeout=20
    )
    make_function(aws, "idle", ECHO)
    invoke(aws, "idle")
    assert "FunctionError" not in invoke(aws, "busy")
    reply = invoke(aws, "idle", LogType="Tail")
    assert "FunctionError" not in reply
    assert "Init Duration" not in base64.b64decode(reply["LogResult"]).decode()


def test_an_event_that_is_not_json_is_refused(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    with pytest.raises(ClientError, match="Could not parse request body into json"):
        aws.client("lambda").invoke(FunctionName="echo", Payload=b"{tea")


def test_a_large_event_arrives_whole_and_a_larger_one_is_refused(aws: Session) -> None:
    make_function(aws, "size", "def handler(event, context):\n    return len(event['text'])\n")
    assert invoke(aws, "size", {"text": "x" * 5_000_000})["Payload"] == 5_000_000
    with pytest.raises(ClientError, match="RequestTooLarge"):
        invoke(aws, "size", {"text": "x" * 7_000_000})


def test_a_function_that_cannot_be_started_does_not_disturb_the_others(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    invoke(aws, "echo")
    huge = {"Variables": {"HUGE": "x" * 200_000}}  # more than an operating system passes on
    make_function(aws, "huge", ECHO, Environment=huge)
    assert invoke(aws, "huge")["Payload"]["errorType"] == "ServiceException"
    assert invoke(aws, "echo", {"tea": 1})["Payload"] == {"tea": 1}


def test_a_reset_ends_what_waits_and_what_runs(aws: Session, client_cloud: str) -> None:
    make_function(aws, "naps", "import time\ndef handler(event, context):\n    time.sleep(60)\n")
    for _ in range(5):
        invoke(aws, "naps", InvocationType="Event")
    local.reset(client_cloud)
    status = local.status(client_cloud)
    assert status is not None
    assert (status["workers"], status["functions"]) == ([], [])
    make_function(aws, "echo", ECHO)
    assert invoke(aws, "echo", {"tea": 1})["Payload"] == {"tea": 1}


def test_a_deleted_function_is_not_tried_again(aws: Session, client_cloud: str) -> None:
    make_function(aws, "fails", "def handler(event, context):\n    raise ValueError\n")
    for _ in range(3):
        invoke(aws, "fails", InvocationType="Event")
    aws.client("lambda").delete_function(FunctionName="fails")
    time.sleep(0.5)  # longer than the retries would take
    status = local.status(client_cloud)
    assert status is not None and status["workers"] == []


def test_what_a_handler_started_ends_with_its_worker(aws: Session) -> None:
    source = (
        "import subprocess, time\n"
        "def handler(event, context):\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    if event:\n"
        "        time.sleep(60)\n"
        "    return child.pid\n"
    )
    make_function(aws, "parent", source, Timeout=1)
    child = invoke(aws, "parent")["Payload"]
    assert psutil.pid_exists(child)
    invoke(aws, "parent", {"time": "out"})
    wait_until(lambda: not _runs(child), "the child ended", timeout=5)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
