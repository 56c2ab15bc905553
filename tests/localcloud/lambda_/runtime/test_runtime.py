"""Functions run as on AWS: same events, errors, logs and environment, on either client."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.here import local
from lab.here.folders import ROOT
from tests.support.chapters import status
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function, make_role, package_of, zip_of
from tests.support.processes import alive
from tests.support.sessions import make_session

RETURNS_N = "def handler(event, context):\n    return N\n"
ECHO = "def handler(event, context):\n    return event\n"


CLIENTS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"{name} runtime client"))
    for name in ("native", "python")
]


@pytest.fixture(scope="module", params=CLIENTS)
def client_cloud(request: pytest.FixtureRequest) -> Iterator[str]:
    with own_cloud("--runtime-client", request.param, "--retry-delay", "0.05") as (address, _):
        yield address


@pytest.fixture
def aws(client_cloud: str) -> Session:
    local.reset(client_cloud)
    return make_session(client_cloud)


@pytest.mark.parity(
    "A runtime client takes events from the Runtime API and hands replies back",
    kept="yes: AWS's own for Python, or four functions of ours where that has no native part",
    module="lambda_.runtime.runtime_client",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html",
)
def test_a_function_gets_its_event_and_its_reply_comes_back(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    order = {"product": "شاي 🍵", "nested": [1, None, {"a": 2.5}]}
    assert invoke(aws, "echo", order)["Payload"] == order


@pytest.mark.parity(
    "The context says name, ARN, memory, time left, and the client context",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/python-context.html",
)
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


@pytest.mark.parametrize("options", [{"indent": 1}, {"ensure_ascii": False}])
def test_the_client_context_is_any_json_object(aws: Session, options: dict[str, Any]) -> None:
    custom = {"name": "Zoë 🍵", "text": "one\ntwo"}
    make_function(
        aws, "custom", "def handler(event, context): return context.client_context.custom"
    )
    encoded = base64.b64encode(json.dumps({"custom": custom}, **options).encode()).decode()
    assert invoke(aws, "custom", ClientContext=encoded)["Payload"] == custom


@pytest.mark.parity(
    "A client context that is not a JSON object in Base64 is refused",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
@pytest.mark.parametrize("text", ["green", '["green"]', "", "\udcff", "[" * 5000])
def test_a_client_context_that_is_not_a_json_object_is_refused(aws: Session, text: str) -> None:
    make_function(aws, "echo", ECHO)
    encoded = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
    with pytest.raises(ClientError, match="must be a valid Base64-encoded JSON object") as refused:
        invoke(aws, "echo", ClientContext=encoded or "{}")
    assert refused.value.response["Error"]["Code"] == "InvalidRequestContentException"


@pytest.mark.parity(
    "A function is invoked by its name, its ARN or a part of that, with a qualifier or without",
    kept="yes",
    module="lambda_.functions",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
@pytest.mark.parametrize("name", ["echo", "function"])
def test_a_function_is_found_by_its_name_and_arn(aws: Session, name: str) -> None:
    arn = make_function(aws, name, ECHO)
    partial = f"123456789012:function:{name}"
    for each in (name, f"{name}:$LATEST", arn, f"{arn}:$LATEST", partial, f"function:{name}"):
        assert invoke(aws, each, [each])["Payload"] == [each]


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:lambda:us-east-1:123456789012:function",
        "arn:aws:lambda:xx-nowhere-1:123456789012:function:echo",
        "123456789012:function",
        "function",
    ],
)
def test_a_function_that_is_not_there_is_not_found(aws: Session, name: str) -> None:
    make_function(aws, "echo", ECHO)
    with pytest.raises(ClientError) as refused:
        invoke(aws, name)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parity(
    "A function sees the documented environment variables and its own",
    kept="yes, and two more: `AWS_ENDPOINT_URL` and `HOME`",
    module="lambda_.runtime.environment",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
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


FRESH = """
import logging, multiprocessing, os, signal, sys, threading, __main__
FDS = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
N = {
    "fds": sorted(os.readlink(fd).partition("[")[0] for fd in FDS if os.path.lexists(fd)),
    "leaked": [v for v in open("/proc/self/environ").read().split(chr(0))
               if v.partition("=")[0] not in {"", *os.environ}],
    "directory": [os.getcwd(), os.path.expanduser("~")] == [os.path.dirname(__file__)] * 2,
    "group": os.getpgid(0) == os.getpid(),
    "signals": [str(n) for n in signal.valid_signals() if callable(signal.getsignal(n))],
    "path": sys.path[1:], "arguments": sys.argv[1:], "main": [__main__.__name__, __main__.__file__],
    "input": sys.stdin.read(), "threads": [t.name for t in threading.enumerate()],
    "writes_bytecode": not sys.dont_write_bytecode, "handlers": len(logging.getLogger().handlers),
    "process": multiprocessing.current_process().name,
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_worker_is_like_a_python_of_its_own(aws: Session) -> None:
    make_function(aws, "fresh", FRESH + RETURNS_N)
    seen = invoke(aws, "fresh")["Payload"]
    *files, pipe = seen.pop("fds")
    assert files[0] == "/dev/null" and len(files) == 3
    # Its log has no name that anybody could find or delete, and says nothing of its token.
    assert all(re.search(r"/log-\w{16} \(deleted\)$", file) for file in files[1:])
    assert pipe == "pipe:"
    python = [sys.executable, "-P", "-c", "import sys; print(*sys.path, sep='\\n')"]
    path = subprocess.run(python, env={}, capture_output=True, text=True, check=True).stdout.split()
    assert seen.pop("arguments") in (["app.handler", "native"], ["app.handler", "python"])
    assert seen == {
        "leaked": [],
        "directory": True,
        "group": True,
        "signals": [str(signal.SIGINT)],
        "path": path,
        "main": ["__main__", str(ROOT / "localcloud" / "lambda_" / "runtime" / "worker.py")],
        "input": "",
        "threads": ["MainThread", "parent-watch"],
        "writes_bytecode": False,
        "handlers": 1,
        "process": "MainProcess",
    }


READS = """
import sys
OPENED = []
sys.addaudithook(lambda event, of: OPENED.append(str(of[0])) if event == "open" else None)
import boto3
boto3.client("sns"), boto3.client("sqs"), boto3.resource("dynamodb"), boto3.Session().client("sqs")
N = [sys.argv[2], [name for name in OPENED if ".json" in name]]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only a fork server reads it for all workers")
def test_a_cold_start_reads_none_of_awss_descriptions(aws: Session) -> None:
    make_function(aws, "reads", READS + RETURNS_N)
    client, read = invoke(aws, "reads")["Payload"]
    assert (read == []) == (client == "native"), read


def test_no_two_workers_draw_the_same_random_numbers(aws: Session) -> None:
    for name in ("one", "other"):
        make_function(aws, name, "import random\nN = random.random()\n" + RETURNS_N)
    assert invoke(aws, "one")["Payload"] != invoke(aws, "other")["Payload"]


@pytest.mark.parity(
    "What a function and its children write is in the log, and a logger's line has the request id",
    kept="yes",
    module="lambda_.runtime.output",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html",
)
def test_what_is_written_past_python_is_in_the_log_and_a_logger_names_the_request(
    aws: Session,
) -> None:
    source = (
        "import logging, os\n"
        "def handler(event, context):\n"
        "    os.write(1, b'raw\\n')\n"
        "    os.write(2, b'error\\n')\n"
        "    os.system('echo child')\n"
        "    logging.getLogger().info('tea')\n"
    )
    level = {"Variables": {"AWS_LAMBDA_LOG_LEVEL": "INFO"}}  # read when awslambdaric is imported
    make_function(aws, "writes", source, Environment=level)
    reply = invoke(aws, "writes", LogType="Tail")
    lines = base64.b64decode(reply["LogResult"]).decode().splitlines()[1:-2]
    assert lines[:3] == ["raw", "error", "child"]
    request_id = reply["ResponseMetadata"]["RequestId"]
    assert re.fullmatch(rf"\[INFO\]\t\S+Z\t{request_id}\ttea", lines[3])


@pytest.mark.parity(
    "Modules in the package come before those that are installed",
    kept="yes",
    module="lambda_.runtime.packages",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/python-package.html",
)
def test_modules_in_the_package_come_before_those_that_are_installed(aws: Session) -> None:
    source = "import boto3, queue\nN = [boto3.NAME, queue.NAME]\n" + RETURNS_N
    package = io.BytesIO(zip_of(source))
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("boto3/__init__.py", "NAME = 'my boto3'\n")
        archive.writestr("queue.py", "NAME = 'my queue'\n")
    make_function(aws, "packs", source, Code={"ZipFile": package.getvalue()})
    assert invoke(aws, "packs")["Payload"] == ["my boto3", "my queue"]


def test_variables_that_a_starting_python_reads_have_their_effect(aws: Session) -> None:
    source = "import sys, time\nN = [sys.flags.hash_randomization, sys.path[1], time.tzname[0]]\n"
    variables = {"PYTHONHASHSEED": "0", "PYTHONPATH": "/opt/python", "TZ": "Asia/Tokyo"}
    make_function(aws, "sets", source + RETURNS_N, Environment={"Variables": variables})
    assert invoke(aws, "sets")["Payload"] == [0, "/opt/python", "JST"]


@pytest.mark.parity(
    "A function calls AWS as its role, in a session of its own name",
    kept="yes",
    module="lambda_.runtime.environment",
    service="IAM",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def test_a_function_is_its_role(aws: Session) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    )
    make_function(aws, "who", source)
    assert invoke(aws, "who")["Payload"].endswith(":assumed-role/role/who")


@pytest.mark.parity(
    "An exception is a reply with `FunctionError`, its type and its trace",
    kept="yes",
    module="lambda_.runtime.worker_handle",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html",
)
def test_an_exception_is_reported_with_its_type_and_trace(aws: Session) -> None:
    make_function(aws, "boom", "def handler(event, context):\n    raise KeyError('product')\n")
    reply = invoke(aws, "boom")
    assert reply["StatusCode"] == 200
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "KeyError"
    assert "line 2, in handler" in reply["Payload"]["stackTrace"][0]


@pytest.mark.parity(
    "A function that exits or is killed is `Runtime.ExitError` with its status, and the next "
    "invocation works",
    kept="yes",
    module="lambda_.runtime.report",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
)
@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("os._exit(3)", "with error: exit status 3"),
        ("sys.exit(4)", "with error: exit status 4"),
        ("sys.exit(0)", "without providing a reason"),
        ("os.kill(os.getpid(), 9)", "with error: signal: killed"),
    ],
)
def test_a_function_that_exits_is_reported_and_the_next_call_works(
    aws: Session, statement: str, status: str
) -> None:
    source = (
        "import os, sys\n"
        "def handler(event, context):\n"
        "    if event.get('exit'):\n"
        f"        {statement}\n"
        "    return os.getpid()\n"
    )
    make_function(aws, "exits", source)
    reply = invoke(aws, "exits", {"exit": True})
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Runtime.ExitError"
    assert reply["Payload"]["errorMessage"].endswith(f"Error: Runtime exited {status}")
    assert isinstance(invoke(aws, "exits")["Payload"], int)


@pytest.mark.parity(
    "A module that cannot be imported is `Runtime.ImportModuleError`",
    kept="yes",
    module="lambda_.runtime.worker",
)
def test_a_module_that_cannot_be_imported_fails_the_invocation(aws: Session) -> None:
    make_function(aws, "unimportable", "import no_such_module\n")
    reply = invoke(aws, "unimportable")
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in reply["Payload"]["errorMessage"]


@pytest.mark.parity(
    "An invocation that takes longer than the timeout is ended: `Sandbox.Timedout`",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
)
@pytest.mark.parity(
    "Invoke with the log type `Tail` returns the end of the log",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
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
    wait_until(lambda: not psutil.pid_exists(pid), "the worker ended", timeout=90)


@pytest.mark.parity(
    "An invocation logs START, what it printed, END and REPORT; the first of an "
    "environment has its init duration",
    kept="yes",
    module="lambda_.runtime.report",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
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


@pytest.mark.parity(
    "A log group that is missing is made if the role may make it; otherwise there are no logs",
    kept="yes",
    module="logs.writer",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
def test_a_role_that_may_not_make_log_groups_makes_none(aws: Session) -> None:
    make_function(aws, "quiet", ECHO)
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    make_role(aws, policy={"Version": "2012-10-17", "Statement": [statement]})
    invoke(aws, "quiet")
    logs = aws.client("logs")
    assert logs.describe_log_groups()["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/quiet")
    invoke(aws, "quiet")
    assert logs.filter_log_events(logGroupName="/aws/lambda/quiet")["events"]


@pytest.mark.parity(
    "A warm execution environment is used again",
    kept="yes",
    module="lambda_.runtime.pool",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
)
def test_warm_workers_are_used_again(aws: Session) -> None:
    source = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    make_function(aws, "pid", source)
    assert len({invoke(aws, "pid")["Payload"] for _ in range(5)}) == 1


@pytest.mark.parity(
    "New code or configuration starts new execution environments",
    kept="yes",
    module="lambda_.runtime.pool",
)
def test_a_changed_function_starts_new_workers(aws: Session) -> None:
    make_function(aws, "version", "def handler(event, context):\n    return 'old'\n")
    lambda_ = aws.client("lambda")
    assert invoke(aws, "version")["Payload"] == "old"
    code = "import os\ndef handler(event, context):\n    return os.environ.get('VERSION', 'new')\n"
    lambda_.update_function_code(FunctionName="version", ZipFile=zip_of(code))
    assert invoke(aws, "version")["Payload"] == "new"
    lambda_.update_function_configuration(
        FunctionName="version", Environment={"Variables": {"VERSION": "newest"}}
    )
    assert invoke(aws, "version")["Payload"] == "newest"


@pytest.mark.parity(
    "A function that is deleted cannot be invoked",
    kept="yes",
    module="lambda_.invoke",
)
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


@pytest.mark.parity(
    "Invoke as `Event` answers 202 and the function runs; as `DryRun` it answers 204 "
    "and the function does not",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
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

    wait_until(ran, "the event was handled", timeout=90)
    assert not any("ran None" in line for line in _messages(aws, "/aws/lambda/types"))


def _messages(aws: Session, group: str) -> list[str]:
    events = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]


@pytest.mark.parity(
    "A failing event is tried twice more, and then goes to the dead-letter queue",
    kept="yes",
    module="lambda_.async_invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
)
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


@pytest.mark.parity(
    "Invocations run side by side, each in an execution environment of its own",
    kept="yes, if they take longer than a second",
    module="lambda_.runtime.pool",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",
)
def test_slow_invocations_run_side_by_side(aws: Session, tmp_path: Path) -> None:
    source = """
import os, pathlib, time
def handler(event, context):
    (pathlib.Path(event) / str(os.getpid())).touch()
    while not (pathlib.Path(event) / "go").exists():
        time.sleep(0.05)
"""
    make_function(aws, "naps", source, Timeout=300)
    with ThreadPoolExecutor(6) as threads:
        naps = [threads.submit(invoke, aws, "naps", str(tmp_path)) for _ in range(6)]
        # Two workers are there at once; more start when they have been busy for a second.
        wait_until(lambda: len([*tmp_path.iterdir()]) > 2, "more than two nap", timeout=90)
        (tmp_path / "go").touch()
        assert [nap.result()["Payload"] for nap in naps] == [None] * 6


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


@pytest.mark.parity(
    "An event that is not JSON is refused",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
)
def test_an_event_that_is_not_json_is_refused(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    with pytest.raises(ClientError, match="Could not parse request body into json") as caught:
        aws.client("lambda").invoke(FunctionName="echo", Payload=b"{tea")
    answer: Any = caught.value.response
    assert answer["Type"] == "User"


@pytest.mark.parity(
    "An event of a synchronous invocation has 6 MB at most",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def test_a_large_event_arrives_whole_and_a_larger_one_is_refused(aws: Session) -> None:
    make_function(aws, "size", "def handler(event, context):\n    return len(event['text'])\n")
    assert invoke(aws, "size", {"text": "x" * 5_000_000})["Payload"] == 5_000_000
    with pytest.raises(ClientError, match="RequestTooLarge"):
        invoke(aws, "size", {"text": "x" * 7_000_000})


@pytest.mark.parity(
    "A reply has 6 MB at most, and else is the error `Function.ResponseSizeTooLarge`",
    kept="yes",
    module="lambda_.runtime.runtime",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def test_a_large_reply_arrives_whole_and_a_larger_one_is_an_error(aws: Session) -> None:
    make_function(aws, "large", "def handler(event, context):\n    return 'a' * event\n")
    most = 6_291_556 - 2  # and its quotation marks
    assert len(invoke(aws, "large", most)["Payload"]) == most
    reply = invoke(aws, "large", most + 1)
    assert (reply["FunctionError"], reply["Payload"]["errorMessage"]) == (
        "Unhandled",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    )
    assert reply["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_that_cannot_be_started_does_not_disturb_the_others(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    invoke(aws, "echo")
    # No file system takes such a name, so that the package cannot be unpacked.
    package = package_of(("app.py", ECHO), ("x" * 300, ""))
    make_function(aws, "huge", "", Code={"ZipFile": package})
    assert invoke(aws, "huge")["FunctionError"] == "Unhandled"
    assert invoke(aws, "echo", {"tea": 1})["Payload"] == {"tea": 1}


def test_a_reset_ends_what_waits_and_what_runs(aws: Session, client_cloud: str) -> None:
    make_function(aws, "naps", "import time\ndef handler(event, context):\n    time.sleep(60)\n")
    for _ in range(5):
        invoke(aws, "naps", InvocationType="Event")
    local.reset(client_cloud)
    status = local.status(client_cloud)
    assert status is not None
    assert (status["workers"], status["services"]["lambda"]["functions"]) == ([], [])
    make_function(aws, "echo", ECHO)
    assert invoke(aws, "echo", {"tea": 1})["Payload"] == {"tea": 1}


@pytest.mark.parity(
    "A failing event is not tried again once its function is deleted",
    kept="yes: it goes with the function",
    module="lambda_.async_invoke",
)
def test_a_deleted_function_is_not_tried_again(aws: Session, client_cloud: str) -> None:
    make_function(aws, "fails", "def handler(event, context):\n    raise ValueError\n")
    for _ in range(3):
        invoke(aws, "fails", InvocationType="Event")
    aws.client("lambda").delete_function(FunctionName="fails")
    wait_until(lambda: status(client_cloud)["is_idle"], "nothing waits or runs", timeout=90)
    assert status(client_cloud)["workers"] == []


@pytest.mark.parity(
    "What a handler has started ends with its execution environment",
    kept="yes",
    module="lambda_.runtime.processes",
)
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
    assert alive({child})
    invoke(aws, "parent", {"time": "out"})
    wait_until(lambda: not alive({child}), "the child ended", timeout=90)


def test_an_init_that_takes_too_long_is_ended(cloud: str) -> None:
    aws = make_session(cloud)
    make_function(aws, "init", "import time\ntime.sleep(60)\n" + RETURNS_N, Timeout=20)
    payload = invoke(aws, "init")["Payload"]
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"] == "Init timed out after 10.00 seconds"


NAPS = """
import os, pathlib, time
def handler(event, context):
    if event:
        pathlib.Path("napping").touch()
        time.sleep(50)
    return os.getcwd()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is a fork")
def test_workers_end_with_their_fork_server_and_a_new_one_takes_its_place() -> None:
    with own_cloud() as (address, pid), ThreadPoolExecutor(1) as threads:
        aws = make_session(address)
        make_function(aws, "naps", NAPS, Timeout=60)
        make_function(aws, "new", ECHO, Environment={"Variables": {"PYTHONHASHSEED": "0"}})
        invoke(aws, "new")
        directory = Path(invoke(aws, "naps")["Payload"])
        (fork_server,) = psutil.Process(pid).children()
        assert fork_server.num_threads() == 1
        workers = [worker.pid for worker in fork_server.children()]
        assert len(workers) == 2
        reply = threads.submit(invoke, aws, "naps", {"nap": True})
        wait_until((directory / "napping").exists, "it naps", timeout=90)
        fork_server.kill()
        assert reply.result(timeout=45)["Payload"]["errorType"] == "Runtime.ExitError"
        wait_until(lambda: not alive(workers), "the workers ended", timeout=90)
        assert invoke(aws, "naps")["Payload"] == str(directory)
