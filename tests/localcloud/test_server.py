"""The port itself: who may talk to it, how it starts, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import PathFinder
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.errors import LabError
from lab.here import local
from lab.here.own_cloud import environment
from lab.here.own_cloud import own_cloud as start_cloud
from localcloud import server
from localcloud.host import start_key
from tests.support import http
from tests.support.chapters import status
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function
from tests.support.processes import alive, start_module
from tests.support.sessions import make_session


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "test", "x"])
def test_a_cloud_without_signatures_takes_any_credentials_and_says_so(key: str) -> None:
    with own_cloud("--auth", "off") as (address, _):
        client = boto3.client(
            "sqs",
            endpoint_url=address,
            aws_access_key_id=key,
            aws_secret_access_key="whatever",
            region_name="eu-central-1",
        )
        url = client.create_queue(QueueName="q")["QueueUrl"]
        assert url.startswith(address)
        client.send_message(QueueUrl=url, MessageBody="tea")
        assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "tea"
        status = local.status(address)
        assert status is not None and status["auth"] is False


@pytest.mark.parity("A region does not see what is in another", kept="yes", module="moto")
def test_regions_are_kept_apart(aws: Session) -> None:
    here = aws.client("sqs", region_name="us-east-1")
    there = aws.client("sqs", region_name="eu-west-1")
    here.create_queue(QueueName="q")
    assert "QueueUrls" not in there.list_queues()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Host": "evil.example.com:80", "Origin": "http://evil.example.com"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8888"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_page_of_another_site_can_send_is_refused(
    cloud: str, headers: dict[str, str], method: str
) -> None:
    paths = (
        "/_localcloud/status",
        "/_localcloud/stop",
        "/restapis/a/b/_user_request_/",
        "/?Action=x",
    )
    for path in paths:
        answer = http.request(method, cloud + path, headers={"X-Localcloud": "1", **headers})
        assert answer.status == 403
        assert "this machine only" in answer.json()["message"]


@pytest.mark.parametrize(
    "query", ["Action=Unsubscribe&SubscriptionArn=x&y=Action=ConfirmSubscription", "Action=Other"]
)
def test_another_site_may_open_no_link_but_that_of_a_confirmation(cloud: str, query: str) -> None:
    opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert http.request("GET", f"{cloud}/?{query}", headers=opened).status == 403
    guess = "Action=ConfirmSubscription&Token=guess"
    assert http.request("GET", f"{cloud}/?{guess}", headers=opened).status == 400


@pytest.mark.parametrize("query", ["Action=", "xAction=1", "Action=&x=y"])
def test_a_link_without_an_action_is_refused(cloud: str, query: str) -> None:
    assert http.request("GET", f"{cloud}/?{query}").status == 403


def test_a_form_of_another_site_cannot_stop_it(cloud: str) -> None:
    for headers in ({}, {"X-Localcloud": "1"}):
        assert http.request("POST", f"{cloud}/_localcloud/stop", headers=headers).status == 403
    assert local.status(cloud) is not None


def test_it_listens_on_loopback_only(running_cloud: tuple[str, int]) -> None:
    _, pid = running_cloud
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parity(
    "A request without a signature is refused",
    kept="yes",
    module="iam.signatures",
    service="Every service",
)
def test_a_request_without_a_signature_is_told_so(cloud: str) -> None:
    answer = http.request("GET", f"{cloud}/nothing/here")
    assert answer.status == 403
    assert answer.json() == {"message": "Missing Authentication Token"}


def test_a_worker_that_was_retired_gets_no_work(cloud: str) -> None:
    path = "/_runtime/unknown/2018-06-01/runtime/invocation/next"
    assert http.request("GET", cloud + path).status == 403


@pytest.mark.parity(
    "A service has all of its operations",
    kept="those that moto has; any other is answered `NotImplemented`",
    module="moto",
)
def test_what_moto_does_not_have_is_a_clear_error(aws: Session) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*GET /2020-04-22/code-signing-configs"):
        aws.client("lambda").list_code_signing_configs()
    with pytest.raises(ClientError, match=r"get_sms_sandbox_account_status .* not been impl"):
        aws.client("sns").get_sms_sandbox_account_status()


def test_a_reset_forgets_everything(aws: Session, cloud: str) -> None:
    make_function(aws, "echo", "def handler(event, context):\n    return event\n")
    invoke(aws, "echo")
    local.reset(cloud)
    status = local.status(cloud)
    assert status is not None
    assert (status["workers"], status["services"]["lambda"]["functions"]) == ([], [])
    assert aws.client("iam").list_roles()["Roles"] == []


def set_speed(cloud: str, body: bytes) -> int:
    """The status that the cloud's user gets for this body."""
    return local.deed(cloud, "speed", body).status


def test_the_speed_of_waits_can_be_changed_and_a_reset_restores_it(
    aws: Session, cloud: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def speed() -> float:
        status = local.status(cloud)
        assert status is not None
        return float(status["speed"])

    lab.hurry(aws, 60)
    said = "Made the waits of the local cloud pass 60 times as fast as on AWS.\n"
    assert capsys.readouterr().out == said
    assert speed() == 60
    for wrong in (b"", b"60", b"{}", b'{"speed": "60"}', b'{"speed": true}', b'{"speed": null}'):
        assert set_speed(cloud, wrong) == 400
    for wrong_speed in (0.5, 1001, float("nan")):
        with pytest.raises(LabError, match="speed: must be a number from 1 to 1000"):
            lab.hurry(aws, wrong_speed)
    answer = http.request("POST", f"{cloud}/_localcloud/speed", body=b'{"speed": 2}')
    assert answer.status == 403
    assert speed() == 60
    local.reset(cloud)
    assert speed() == 1


def test_elsewhere_a_hurry_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lab.hurry(boto3.Session(), 60)
    lab.hurry(make_session("http://127.0.0.1:1"), 60)
    said = "Left the waits as they are: AWS cannot be hurried.\n"
    assert capsys.readouterr().out == said * 2


@pytest.mark.parity(
    "The name of a deleted queue cannot be taken again for 60 seconds",
    kept="if asked for: `--queue-name-delay 60`",
    module="sqs.names",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html",
)
def test_the_name_of_a_deleted_queue_stays_taken_for_a_while_if_asked_for() -> None:
    with own_cloud("--queue-name-delay", "60", "--speed", "50") as (address, _):
        sqs = make_session(address).client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.delete_queue(QueueUrl=url)
        with pytest.raises(sqs.exceptions.QueueDeletedRecently, match="You must wait 60 seconds"):
            sqs.create_queue(QueueName="q")
        sqs.create_queue(QueueName="other")
        made = lab.once_queue_is_ready(lambda: sqs.create_queue(QueueName="q"))
        assert made["QueueUrl"] == url
        sqs.delete_queue(QueueUrl=url)
        local.reset(address)
        sqs.create_queue(QueueName="q")
        status = local.status(address)
        assert status is not None and status["speed"] == 50


def localcloud(*arguments: str) -> subprocess.CompletedProcess[str]:
    return start_module("localcloud", *arguments)


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = localcloud("--port", str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert str(port) in line
    assert "--port" in line


def test_a_start_does_not_wait_for_the_grammar_that_comes_with_jupyter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert PathFinder.find_spec("rfc3987_syntax"), "nothing has to keep it out any more"
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        imported = localcloud("--port", str(taken.getsockname()[1])).stderr
    assert "jsonschema._format" in imported
    assert "rfc3987_syntax.syntax_helpers" not in imported


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "tea"],
        ["--port", "70000"],
        ["--tea"],
        ["--retry-delay", "nan"],
        ["--role-delay", "inf"],
        ["--change-delay", "1e300"],
        ["--speed", "nan"],
        ["--smtp", "localhost:70000"],
        ["--smtp", ""],
    ],
)
def test_a_wrong_option_is_refused(arguments: list[str]) -> None:
    result = localcloud(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_help_says_what_it_is() -> None:
    result = localcloud("--help")
    assert result.returncode == 0
    for option in ("--port", "--mailbox", "--smtp", "--concurrency", "--retry-delay", "--speed"):
        assert option in result.stdout


def test_it_prints_its_address_once_it_is_ready() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Local cloud ready at (http://127\.0\.0\.1:\d+)\n", line)
        assert found is not None
        status = local.status(found[1])
        assert status is not None and status["pid"] == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=90) == 0


def test_stopping_it_ends_every_worker_and_removes_its_files() -> None:
    with start_cloud() as (address, pid):
        aws = make_session(address)
        make_function(aws, "where", "def handler(event, context):\n    return __file__\n")
        directory = Path(invoke(aws, "where")["Payload"]).parent
        workers = {child.pid for child in psutil.Process(pid).children(recursive=True)}
        assert workers
        assert directory.exists()
    wait_until(lambda: not alive(workers), "the workers ended", timeout=90)
    wait_until(lambda: not directory.parent.exists(), "the files are gone", timeout=90)


@pytest.mark.long
def test_nothing_stays_alive_after_a_kill_9_in_the_middle_of_a_load() -> None:
    with own_cloud() as (address, pid), environment(AWS_ENDPOINT_URL=address):
        for number in COURSE.set_up:
            COURSE.find(number).run()
        aws = make_session(address)
        make_function(
            aws, "naps", "import time\ndef handler(event, context):\n    time.sleep(600)\n",
            Timeout=900,
        )  # fmt: skip
        invoke(aws, "naps", InvocationType="Event")
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
        order = {"product": "tea", "quantity": 1, "received_epoch_ms": 1, "queued_epoch_ms": 1}
        for i in range(300):
            body = json.dumps({**order, "order_id": str(i)})
            sqs.send_message(QueueUrl=url, MessageBody=body)
        table = aws.resource("dynamodb").Table("Orders")
        wait_until(lambda: table.scan(Limit=5)["Count"] >= 5, "the load is under way")
        workers = {child.pid for child in psutil.Process(pid).children(recursive=True)}
        assert len(workers) >= 4
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(workers), "the workers ended", timeout=90)  # of a nap of 600 s


def test_what_a_killed_cloud_left_behind_is_swept_up_by_the_next() -> None:
    with own_cloud() as (address, pid):
        status = local.status(address)
        assert status is not None
        directory = Path(status["mailbox"]).parent
        os.kill(pid, signal.SIGKILL)
    assert directory.exists()
    with own_cloud():
        assert not directory.exists()


@pytest.mark.parametrize("pid", ["²", "9" * 200, "", "-1", "x"])
def test_a_start_sweeps_whatever_others_put_into_the_shared_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"localcloud-{pid}-made").mkdir()
    server._sweep()
    assert any(tmp_path.iterdir()) == (pid != "9" * 200)  # no process has that number


def test_only_its_own_users_folders_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their owner could swap what is in them meanwhile, and root would change the wrong files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"localcloud-{'9' * 20}-made").mkdir()
    mine = start_key.user_id()
    monkeypatch.setattr(start_key, "user_id", lambda: (mine or 0) + 1)
    server._sweep()
    assert any(tmp_path.iterdir())


def test_a_killed_worker_loses_nothing(aws: Session, cloud: str, tmp_path: Path) -> None:
    source = (
        "import pathlib, time\n"
        "def handler(event, context):\n"
        "    if event:\n"
        "        pathlib.Path(event['naps']).touch()\n"
        "        time.sleep(600)\n"
        "    return 'done'\n"
    )
    make_function(aws, "naps", source, Timeout=900)
    invoke(aws, "naps")
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(invoke, aws, "naps", {"naps": str(tmp_path / "naps")})
        wait_until((tmp_path / "naps").exists, "it naps", timeout=90)
        for pid in status(cloud)["workers"]:
            os.kill(pid, signal.SIGKILL)
        assert reply.result()["Payload"]["errorType"] == "Runtime.ExitError"
    assert invoke(aws, "naps")["Payload"] == "done"


def test_a_cloud_ends_with_the_process_that_started_it() -> None:
    source = (
        "import os, signal\n"
        "from lab.here.own_cloud import own_cloud\n"
        "with own_cloud() as (address, pid):\n"
        "    print(pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=90, check=False
    )
    wait_until(lambda: not alive({int(killed.stdout)}), "the local cloud ended", timeout=90)


@pytest.mark.parametrize(
    ("option", "value"), [("--mailbox", "/dev/null/mail"), ("--smtp", "host:tea")]
)
def test_a_wrong_place_for_mail_is_one_clear_line(option: str, value: str) -> None:
    result = localcloud("--port", "0", option, value)
    assert result.returncode != 0
    assert result.stdout == ""
    assert option in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_with_something_else_behind_it_is_not_a_local_cloud(free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-tea\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        assert local.status(local.address(free_port)) is None
        thread.join()
