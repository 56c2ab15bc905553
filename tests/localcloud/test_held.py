"""What the local cloud and the lab command have withstood, and what shows that they still do.

HELD, at the end, has a row for each kind of attack that failed, with the tests that try it again.
Where no other file has one it stands here, with small numbers: 200 of what was tried with 20,000,
as what would break at many mostly breaks at some.
"""

from __future__ import annotations

import ast
import http.client
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from click.testing import CliRunner

import teardown
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.course import COURSE
from lab.course.facade import examine
from lab.course.resources import inventory
from lab.here import local
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from tests.support.chapters import given, resources, run_chapters
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.door import Door
from tests.support.functions import invoke, make_function, package_of, zip_of
from tests.support.http import request
from tests.support.processes import alive
from tests.support.sessions import make_session
from tests.support.usage_plan import lift_throttle

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(os.name != "posix", reason="signals and modes are POSIX's")
ECHO = "def handler(event, context):\n    return event\n"
REQUEST_SECONDS = 60  # of patience with one request


# -- Packages --------------------------------------------------------------------------------------


def test_a_package_that_cannot_be_unpacked_is_a_clear_error(aws: Session) -> None:
    a_folder_in_a_file = package_of(("app.py", ""), ("app.py/more.py", ""))
    make_function(aws, "odd", ECHO, Code={"ZipFile": a_folder_in_a_file})
    reply = invoke(aws, "odd")
    assert reply["FunctionError"] == "Unhandled"
    assert "package" in reply["Payload"]["errorMessage"]
    aws.client("lambda").update_function_code(FunctionName="odd", ZipFile=zip_of(ECHO))
    assert invoke(aws, "odd", {"tea": 1})["Payload"] == {"tea": 1}


@posix
def test_its_folder_and_its_mail_are_for_its_user_alone(cloud: str) -> None:
    status = local.status(cloud)
    assert status is not None
    mailbox = Path(status["mailbox"])
    for folder in (mailbox, mailbox.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# -- The front door --------------------------------------------------------------------------------


@pytest.fixture
def door(aws: Session) -> Door:
    given("01", "02")
    return Door(aws)


def host_and_port(address: str) -> tuple[str, int]:
    host, port = address.removeprefix("http://").split(":")
    return host, int(port)


def exchange(address: str, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send these bytes, and read until the other side has closed."""
    said = b""
    with socket.create_connection(host_and_port(address), REQUEST_SECONDS) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it takes no more, and what it has to say is there
        try:
            while piece := connection.recv(65_536):
                said += piece
        except ConnectionResetError:
            pass  # it did not read all that we sent
    return said


def answers(said: bytes) -> list[tuple[int, http.client.HTTPMessage, bytes]]:
    """The answers in these bytes, one behind the other. Each byte has to belong to one."""
    stream, found = io.BytesIO(said), []
    while stream.tell() < len(said):
        version, status, _ = stream.readline().split(b" ", 2)
        assert version == b"HTTP/1.1"
        headers = http.client.parse_headers(stream)
        length = 0 if status in (b"204", b"304") else int(headers.get("content-length", 0))
        found.append((int(status), headers, stream.read(length)))
    return found


def head(method: str, address: str, path: str, *lines: str) -> bytes:
    """The beginning of a request, up to the empty line, which is left out."""
    host = address.removeprefix("http://")
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, ""]).encode()


STATUS = "/_localcloud/status"
LAST = b"Connection: close\r\n\r\n"
ORDER = b'{"product": "tea", "quantity": 1}'
REPLIES = """
import json
def lambda_handler(event, context):
    return json.loads(event["body"])
"""
# Each is the JSON of a reply.
ODD_REPLIES = [
    *(
        f'{{"statusCode": {code}}}'
        for code in ("101", "99999", "-1", "NaN", "1e400", "null", "[]", "true", "9" * 4000)
    ),
    *(
        f'{{"statusCode": 200, "headers": {{"{name}": "tea"}}}}'
        for name in ("X\\r\\nSet-Cookie", "X\\nSet-Cookie", "X\\u0000", "\\u00e9", "X: y", " X")
    ),
    *(
        f'{{"statusCode": 200, "headers": {{"X": "{value}"}}}}'
        for value in ("a\\r\\nSet-Cookie: a=1", "a\\n\\n", "\\u0000", "\\u0660", "\\ud800")
    ),
    '{"statusCode": "200\\r\\nSet-Cookie: a=1"}',
    '{"statusCode": 200, "headers": {"Transfer-Encoding": "chunked"}, "body": "0\\r\\n\\r\\n"}',
    '{"statusCode": 200, "headers": {"content-length": "0", "Connection": "x"}, "body": "tea"}',
    '{"statusCode": 200, "headers": []}',
    '{"statusCode": 200, "headers": "tea"}',
    '{"statusCode": 200, "headers": {"X": {"Y": ["z"]}}}',
    '{"statusCode": 200, "multiValueHeaders": {"X": "tea"}}',
    '{"statusCode": 200, "multiValueHeaders": {"X": 7}}',
    '{"statusCode": 200, "multiValueHeaders": {"X": ["a\\r\\nSet-Cookie: a=1"]}}',
    '{"statusCode": 200, "body": ["tea"]}',
    '{"statusCode": 200, "body": "\\ud800"}',
    '{"statusCode": 200, "body": "!", "isBase64Encoded": true}',
    '{"statusCode": 204, "body": "HTTP/1.1 200 OK\\r\\n\\r\\n"}',
    '{"statusCode": 304, "body": "HTTP/1.1 200 OK\\r\\n\\r\\n"}',
    *("[]", "7", '"tea"', "null", "NaN", "{}"),
]


def test_no_reply_of_a_function_is_taken_for_more_than_one_answer(door: Door, cloud: str) -> None:
    lambda_ = door.aws.client("lambda")
    lambda_.update_function_code(
        FunctionName="take_order", ZipFile=zip_of(REPLIES, "take_order.py")
    )
    lift_throttle(door.aws)
    path = door.base.removeprefix(cloud) + "/orders"
    key = f"x-api-key: {door.key['x-api-key']}"
    for reply in ODD_REPLIES:
        headers = (key, "Content-Type: text/plain", f"Content-Length: {len(reply)}", "\r\n")
        asked = head("POST", cloud, path, *headers).removesuffix(b"\r\n") + reply.encode()
        first, second = answers(exchange(cloud, asked, head("GET", cloud, STATUS) + LAST))
        assert first[0] in (200, 204, 304, 502), reply
        assert "set-cookie" not in first[1]
        assert json.loads(second[2])["service"] == "localcloud"


DEPTHS = (50, 1_000, 100_000)
ODD_NUMBERS = (b"9" * 5_000, b"-" + b"9" * 5_000, b"NaN", b"Infinity", b"1e400", b"1e999999")
ODD_TEXTS = (b"\\ud800", b"\xff", b"\xed\xa0\x80", b"\\n", b"\\u0000", b"\x00", b"\n")
ODD_ORDERS = [
    *(b"[" * depth + b"]" * depth for depth in DEPTHS),
    *(b'{"product":' * depth for depth in DEPTHS),
    *(b'{"product": "tea", "quantity": 1, "x": ' + b"[" * n + b"]" * n + b"}" for n in DEPTHS),
    *(b'{"product": "tea", "quantity": ' + number + b"}" for number in ODD_NUMBERS),
    *(b'{"quantity": 1, "product": "tea' + text + b'"}' for text in ODD_TEXTS),
    ORDER.decode().encode("utf-16"),
    b"\xef\xbb\xbf" + ORDER,
]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_an_odd_order_is_refused_at_once(door: Door, content_type: str) -> None:
    lift_throttle(door.aws)
    for body in ODD_ORDERS:
        door.post(body, {"Content-Type": content_type}, {})
    answer = request(
        "POST", f"{door.base}/orders", body=b"x" * 11_000_000, headers=door.key, retries=False
    )
    assert (answer.status, door.statuses[202]) == (413, 0)
    assert not door.drain()


def test_the_value_of_the_api_key_is_shown_nowhere(
    aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    up = CliRunner().invoke(main, ["up"])
    run_chapters("06")
    logs = CliRunner().invoke(main, ["logs"])
    assert (up.exit_code, logs.exit_code) == (0, 0)
    (key,) = aws.client("apigateway").get_api_keys(includeValues=True)["items"]
    for shown in (up.output, logs.output, "".join(capsys.readouterr())):
        assert "take_order" in shown or "202" in shown
        assert key["value"] not in shown


# -- The port --------------------------------------------------------------------------------------


def test_hundreds_of_connections_that_wait_disturb_nobody(cloud: str) -> None:
    beginnings = (
        b"",
        b"POST / HTTP/1.1\r\nHo",
        head("POST", cloud, "/", "Content-Length: 9", "\r\n").removesuffix(b"\r\n") + b"x",
    )
    with ExitStack() as held:
        for number in range(300):
            connection = held.enter_context(socket.create_connection(host_and_port(cloud)))
            connection.sendall(beginnings[number % 3])
        for _ in range(10):
            assert local.status(cloud) is not None
    assert local.status(cloud) is not None


def odd_requests(address: str) -> dict[str, tuple[list[bytes], list[int]]]:
    """What to send, by what is odd about it, and with which statuses it may be answered."""
    get, post = head("GET", address, STATUS), head("POST", address, "/")
    two = get + LAST
    return {
        "50 in a row": ([(get + b"\r\n") * 49, two], [200] * 50),
        "absolute form": ([head("GET", address, address + STATUS) + LAST], [200]),
        "a header of 10 MB": ([get + b"X: " + b"x" * 10_000_000 + b"\r\n" + LAST], [200]),
        "20,000 headers": ([get, *(b"X-%d: y\r\n" % n for n in range(20_000)), LAST], [200]),
        "two lengths": (
            [post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", two],
            [400],
        ),
        "a negative length": ([post + b"Content-Length: -1\r\n" + LAST], [400]),
        "a chunk without a size": (
            [post + b"Transfer-Encoding: chunked\r\n" + LAST + b"tea\r\n"],
            [400],
        ),
        "TLS": ([bytes.fromhex("16030100a5010000a10303") + bytes(160)], [400]),
        "200 MB": (
            [post + b"Content-Length: 200000000\r\n" + LAST, *[bytes(1_000_000)] * 200],
            [413],
        ),
    }


def test_odd_requests_are_answered_or_refused(cloud: str) -> None:
    for what, (sent, statuses) in odd_requests(cloud).items():
        assert [status for status, _, _ in answers(exchange(cloud, *sent))] == statuses, what
        assert local.status(cloud) is not None


def test_a_body_may_come_in_chunks_and_after_a_question(door: Door, cloud: str) -> None:
    path = door.base.removeprefix(cloud) + "/orders"
    post = head("POST", cloud, path, f"x-api-key: {door.key['x-api-key']}")
    chunks = [b"1\r\n%c\r\n" % byte for byte in ORDER] + [b"0\r\n\r\n"]
    chunked = exchange(cloud, post, b"Transfer-Encoding: chunked\r\n", LAST, *chunks)
    assert [status for status, _, _ in answers(chunked)] == [202]
    with socket.create_connection(host_and_port(cloud), REQUEST_SECONDS) as connection:
        connection.sendall(post + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n" + LAST)
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for chunk in chunks:
            connection.sendall(chunk)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 202 ")
    assert door.drain().total() == 2


def test_half_a_body_is_not_an_order(door: Door, cloud: str) -> None:
    path = door.base.removeprefix(cloud) + "/orders"
    post = head("POST", cloud, path, f"x-api-key: {door.key['x-api-key']}")
    for length in (b"Content-Length: %d\r\n" % (len(ORDER) + 9), b"Transfer-Encoding: chunked\r\n"):
        sent = b"%x\r\n%b\r\n" % (len(ORDER), ORDER) if length.startswith(b"T") else ORDER
        exchange(cloud, post, length, LAST, sent, half_close=True)
    assert local.status(cloud) is not None
    assert not door.drain()


# -- Load ------------------------------------------------------------------------------------------


def test_500_invocations_of_50_threads_are_right(aws: Session) -> None:
    make_function(aws, "echo", ECHO)
    lambda_ = aws.client("lambda", config=Config(max_pool_connections=50))

    def echoed(number: int) -> bool:
        reply = lambda_.invoke(FunctionName="echo", Payload=json.dumps({"number": number}))
        return bool(json.load(reply["Payload"]) == {"number": number})

    with ThreadPoolExecutor(50) as threads:
        assert all(threads.map(echoed, range(500)))


@pytest.mark.long
def test_thousands_of_messages_are_taken_deleted_and_purged(aws: Session) -> None:
    sqs = aws.client("sqs", config=Config(max_pool_connections=8))
    url = sqs.create_queue(QueueName="many")["QueueUrl"]

    def send(batch: int) -> None:
        entries = [{"Id": str(n), "MessageBody": f"{batch} {n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def take(_: int) -> set[str]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        handles = [
            {"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(found)
        ]
        deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
        assert len(deleted["Successful"]) == 10
        return {each["Body"] for each in found}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(200)))
        taken = set[str]().union(*threads.map(take, range(100)))
    assert len(taken) == 1000
    assert counts(sqs, url) == (1000, 0, 0)
    sqs.purge_queue(QueueUrl=url)
    assert sum(counts(sqs, url)) == 0
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "one more"


@pytest.mark.long
def test_100_queues_and_100_functions_are_there_and_work(aws: Session) -> None:
    sqs, lambda_ = aws.client("sqs"), aws.client("lambda")
    for number in range(100):
        sqs.create_queue(QueueName=f"queue-{number}")
        make_function(aws, f"function-{number}", ECHO)
    pages = lambda_.get_paginator("list_functions").paginate().build_full_result()
    assert len(pages["Functions"]) == len(sqs.list_queues()["QueueUrls"]) == 100
    for number in (0, 50, 99):
        assert invoke(aws, f"function-{number}", {"n": number})["Payload"] == {"n": number}


# -- Ends ------------------------------------------------------------------------------------------

NAPS = """
import signal, subprocess, time
def handler(event, context):
    if event.get("blocks"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        subprocess.Popen(["sleep", "300"])
    if event:
        time.sleep(300)
    return "done"
"""


def processes_below(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


def folders_of(pid: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"localcloud-{pid}-*"))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def invoke_once(address: str, function: str, event: Any) -> Any:
    """What the one attempt came to: the payload of the reply, or the exception."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=100)
    lambda_ = make_session(address).client("lambda", config=config)
    try:
        reply = lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
        return json.load(reply["Payload"])
    except (BotoCoreError, ClientError, OSError) as error:
        return error


def under_way(address: str, threads: ThreadPoolExecutor, event: Any) -> list[Future[Any]]:
    """Invocations of four functions that are napping."""
    functions = [f"naps-{number}" for number in range(4)]
    for name in functions:  # one function gets more workers by and by only
        make_function(make_session(address), name, NAPS, Timeout=600)
    work = [threads.submit(invoke_once, address, name, event) for name in functions]

    def busy() -> int:
        status = local.status(address)
        assert status is not None
        described = status["runtime"]["functions"]
        return sum(each["state"] == "busy" for pool in described for each in pool["workers"])

    wait_until(lambda: busy() == 4, "four workers are busy", timeout=90)
    return work


@pytest.mark.long
@posix
def test_nothing_is_left_of_20_timeouts() -> None:
    with own_cloud() as (address, pid), ThreadPoolExecutor(10) as threads:
        functions = [f"naps-{number}" for number in range(10)]
        for name in functions:
            make_function(make_session(address), name, NAPS, Timeout=1)
        nap = partial(invoke_once, address, event={"nap": True})
        replies = list(threads.map(nap, functions * 2))
        assert [reply["errorType"] for reply in replies] == ["Sandbox.Timedout"] * 20
        assert [invoke_once(address, name, {}) for name in functions] == ["done"] * 10

        def left() -> set[int]:
            status = local.status(address)
            assert status is not None
            return {found for found in processes_below(pid) if found not in status["workers"]}

        # What is left is the fork server, where there is one.
        wait_until(lambda: len(left()) <= 1, "their processes are gone", timeout=90)
        assert alive(found := left()) == found
        (folder,) = folders_of(pid)
        (folder / "functions").chmod(0o700)
        assert not list(folder.rglob("log-*"))


@posix
def test_a_kill_9_leaves_nothing_though_invocations_block_signals() -> None:
    with ThreadPoolExecutor(4) as threads, own_cloud() as (address, pid):
        work = under_way(address, threads, {"blocks": True})
        sleeping = "each handler has started a process"
        wait_until(lambda: len(processes_below(pid)) >= 8, sleeping, timeout=90)
        left, (folder,) = processes_below(pid), folders_of(pid)
        os.kill(pid, signal.SIGKILL)
        assert all(isinstance(each.result(), Exception) for each in work)
        wait_until(lambda: not alive(left), "all of its processes are gone", timeout=90)
        wait_until(lambda: is_free(host_and_port(address)[1]), "its port is free", timeout=90)
    with own_cloud():
        assert not folder.exists()


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_amid_invocations_tells_their_callers_and_leaves_nothing(number: int) -> None:
    with ThreadPoolExecutor(4) as threads, own_cloud() as (address, pid):
        work = under_way(address, threads, {"blocks": number == signal.SIGTERM})
        left, (folder,) = processes_below(pid), folders_of(pid)
        os.kill(pid, number)
        for each in work:
            assert isinstance(each.result(), Exception) or "errorType" in each.result()
        wait_until(lambda: not alive({pid, *left}), "all of its processes are gone", timeout=90)
        assert not folder.exists()
        assert is_free(host_and_port(address)[1])


def has_begun(_: subprocess.Popen[str]) -> bool:
    return True


def has_a_folder(cloud: subprocess.Popen[str]) -> bool:
    return bool(folders_of(cloud.pid))


def is_ready(cloud: subprocess.Popen[str]) -> bool:
    assert cloud.stdout is not None
    return cloud.stdout.readline().startswith("Local cloud ready")


@posix
@pytest.mark.parametrize("moment", [has_begun, has_a_folder, is_ready])
def test_a_start_that_is_ended_leaves_nothing(moment: Any) -> None:
    command = [sys.executable, "-m", "localcloud", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as cloud:
        wait_until(lambda: moment(cloud), moment.__name__, timeout=90)
        left = processes_below(cloud.pid)
        cloud.terminate()
        _, said = cloud.communicate(timeout=60)
        assert cloud.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in said
    wait_until(lambda: not alive(left), "its fork server is gone", timeout=90)
    assert folders_of(cloud.pid) == []


@pytest.mark.long
@posix
def test_a_demo_that_is_killed_takes_its_cloud_along() -> None:
    command = [sys.executable, "-m", "lab", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("01 "):
                break
        (cloud,) = psutil.Process(demo.pid).children()
        left, (folder,) = processes_below(demo.pid), folders_of(cloud.pid)
        demo.kill()
    wait_until(lambda: not alive(left), "the cloud and its workers are gone", timeout=90)
    assert not folder.exists()


def test_it_starts_and_stops_again_and_again(free_port: int) -> None:
    with environment(LAB_PORT=str(free_port)):
        for _ in range(2):
            key = local.start(free_port)
            assert local.start(free_port) == key
            assert local.stop(key.address)
            assert is_free(free_port)
            assert not local.stop(key.address)


# -- Set-up and teardown ---------------------------------------------------------------------------

# Runs a command, and kills it once so many of its calls that change something are done.
KILLED = """
import os, re, runpy, signal, sys
import boto3

left, (script, *arguments) = int(sys.argv[1]), sys.argv[2:]
make_client = boto3.Session.client

def count(model, **_):
    global left
    left -= not re.match("Get|List|Describe|Scan|Invoke|TestInvoke", model.name)
    if left <= 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

def client(session, *args, **options):
    made = make_client(session, *args, **options)
    made.meta.events.register("after-call", count)
    return made

boto3.Session.client = client
sys.argv = [script, *arguments]
runpy.run_path(script, run_name="__main__")
"""


def run_python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def killed_after(writes: int, *command: str) -> None:
    result = run_python("-c", KILLED, str(writes), *command)
    assert result.returncode not in (0, 1), result.stderr


@pytest.mark.parametrize("writes", [12, pytest.param(34, marks=pytest.mark.long)])
def test_set_up_and_teardown_that_are_killed_are_finished_by_the_next(
    aws: Session, writes: int
) -> None:
    killed_after(writes, "lab/__main__.py", "up")
    made = resources(aws)
    assert made
    run_chapters(*COURSE.set_up)
    for number in COURSE.set_up:
        assert not [finding for finding in examine(aws, number) if finding.wrong]
    killed_after(writes // 2 + 1, "teardown.py", "--yes")
    assert resources(aws)
    assert teardown.tear_down(aws) == []
    assert resources(aws) == {}


@pytest.mark.long
def test_prefixes_do_not_clash_when_one_begins_like_another(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefixes = ["", "a", "ab"]
    for prefix in prefixes:
        monkeypatch.setenv("LAB_PREFIX", prefix)
        run_chapters(*COURSE.set_up)
    while prefixes:
        monkeypatch.setenv("LAB_PREFIX", prefixes.pop(0))
        assert teardown.tear_down(aws) == []
        for prefix in prefixes:
            monkeypatch.setenv("LAB_PREFIX", prefix)
            assert len(teardown.list_ours(aws)) == len(inventory(aws))
    assert resources(aws) == {}


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A port to which nobody may connect."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def test_on_local_no_setting_of_boto3_leads_elsewhere(
    aws: Session, trap: socket.socket, tmp_path: Path
) -> None:
    elsewhere = f"http://127.0.0.1:{trap.getsockname()[1]}"
    services = ("SQS", "SNS", "DYNAMODB", "LAMBDA", "IAM", "STS", "API_GATEWAY", "CLOUDWATCH_LOGS")
    config = tmp_path / "config"
    config.write_text(
        f"[default]\nendpoint_url = {elsewhere}\nservices = mine\nca_bundle = /nowhere\n"
        "use_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
        "role_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
        f"[services mine]\nsqs =\n  endpoint_url = {elsewhere}\n"
    )
    result = run_python(
        *("-m", "lab", "up"),
        LAB_TARGET="local",
        AWS_CONFIG_FILE=str(config),
        AWS_SHARED_CREDENTIALS_FILE=str(config),
        AWS_PROFILE="missing",
        AWS_USE_FIPS_ENDPOINT="true",
        AWS_USE_DUALSTACK_ENDPOINT="true",
        AWS_CA_BUNDLE="/nowhere",
        REQUESTS_CA_BUNDLE="/nowhere",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=elsewhere,
        **{f"AWS_ENDPOINT_URL_{service}": elsewhere for service in services},
        **{f"{kind}_PROXY": elsewhere for kind in ("HTTP", "HTTPS", "ALL")},
        **{f"{kind}_proxy": elsewhere for kind in ("http", "https", "all")},
    )
    assert result.returncode == 0, result.stderr
    assert not [finding for finding in examine(aws, "05") if finding.wrong]
    with pytest.raises(BlockingIOError):
        trap.accept()


# -- The table -------------------------------------------------------------------------------------

# What was tried, and the tests that try it again.
HELD = {
    "a page of another origin: forms, beacons, scripts, images, WebSocket, foreign Host": (
        "test_browser.py::test_a_page_of_another_origin_changes_nothing_and_reads_nothing",
        "test_server.py::test_what_a_page_of_another_site_can_send_is_refused",
    ),
    "the Runtime API without its token; status, reset and stop without a key": (
        "test_server.py::test_a_worker_that_was_retired_gets_no_work",
        "test_server.py::test_a_form_of_another_site_cannot_stop_it",
        "test_whose_cloud.py::test_another_user_cannot_call_stop_or_reset_it",
    ),
    "packages with paths out of their folder, links, setuid, NUL, duplicates, clashes": (
        "test_packages.py::test_a_package_stays_in_its_folder",
        "test_packages.py::test_a_package_that_cannot_be_unpacked_leaves_nothing",
        "test_held.py::test_a_package_that_cannot_be_unpacked_is_a_clear_error",
    ),
    "the temporary folder and the mailbox, for another user": (
        "test_held.py::test_its_folder_and_its_mail_are_for_its_user_alone",
        "test_whose_cloud.py::test_another_user_can_read_neither_keys_nor_log_nor_mail",
    ),
    "a worker's environment": (
        "test_runtime.py::test_a_worker_sees_the_environment_of_aws_and_none_of_ours",
        "test_runtime.py::test_a_worker_is_like_a_python_of_its_own",
    ),
    "replies with CRLF, NUL, odd letters, odd status codes, odd shapes": (
        "test_held.py::test_no_reply_of_a_function_is_taken_for_more_than_one_answer",
        "test_proxy.py::test_a_reply_that_http_cannot_carry_is_a_502",
    ),
    "orders with deep nesting, huge numbers, NaN, half characters, bad UTF-8, 11 MB": (
        "test_held.py::test_an_odd_order_is_refused_at_once",
        "test_fuzz.py::test_any_body_under_any_content_type_is_an_order_or_refused",
        "test_models.py::test_endless_brackets_are_a_400_and_a_huge_body_is_a_413",
    ),
    "subjects and addresses with CRLF, also in a batch; markup and escapes in what is shown": (
        "test_delivery.py::test_a_subject_that_no_header_can_carry_is_refused",
        "test_delivery.py::test_an_endpoint_that_is_not_an_address_is_not_subscribed",
        "test_dead_letters.py::test_what_a_terminal_obeys_or_cannot_show_is_shown_as_a_question_mark",
        "test_dead_letters.py::test_logs_and_mail_do_not_move_the_cursor",
        "test_display.py::test_a_sign_shows_it_as_it_is",
    ),
    "the API key's value in an output": (
        "test_held.py::test_the_value_of_the_api_key_is_shown_nowhere",
    ),
    "hundreds of connections that are idle, half open, or send one byte": (
        "test_held.py::test_hundreds_of_connections_that_wait_disturb_nobody",
        "test_exhaustion.py::test_what_was_accepted_ends_after_a_moment_without_file_descriptors",
    ),
    "pipelining, chunks, Expect, absolute form, huge headers and bodies, two lengths, TLS": (
        "test_held.py::test_odd_requests_are_answered_or_refused",
        "test_held.py::test_a_body_may_come_in_chunks_and_after_a_question",
        "test_held.py::test_half_a_body_is_not_an_order",
    ),
    "many invocations by many threads": (
        "test_held.py::test_500_invocations_of_50_threads_are_right",
    ),
    "thousands of orders": (
        "test_promise.py::test_orders_end_as_items_while_workers_are_killed_and_dynamodb_throttles",
    ),
    "thousands of messages": (
        "test_held.py::test_thousands_of_messages_are_taken_deleted_and_purged",
    ),
    "many queues and functions": (
        "test_held.py::test_100_queues_and_100_functions_are_there_and_work",
    ),
    "exits, crashes, signals, loops, threads, closed descriptors, floods, the fork server's end": (
        "test_misbehavior.py::test_misbehaviors_end_in_time_and_the_next_invocation_works",
        "test_runtime.py::test_a_function_that_exits_is_reported_and_the_next_call_works",
        "test_runtime.py::test_workers_end_with_their_fork_server_and_a_new_one_takes_its_place",
    ),
    "many time-outs": ("test_held.py::test_nothing_is_left_of_20_timeouts",),
    "kill -9 of the cloud amid invocations that block signals": (
        "test_held.py::test_a_kill_9_leaves_nothing_though_invocations_block_signals",
        "test_server.py::test_nothing_stays_alive_after_a_kill_9_in_the_middle_of_a_load",
        "test_server.py::test_what_a_killed_cloud_left_behind_is_swept_up_by_the_next",
    ),
    "SIGTERM and SIGINT amid invocations, and during the start": (
        "test_held.py::test_a_stop_amid_invocations_tells_their_callers_and_leaves_nothing",
        "test_held.py::test_a_start_that_is_ended_leaves_nothing",
    ),
    "kill -9 of the demo": ("test_held.py::test_a_demo_that_is_killed_takes_its_cloud_along",),
    "set-up and teardown killed between their writes": (
        "test_held.py::test_set_up_and_teardown_that_are_killed_are_finished_by_the_next",
        "test_teardown.py::test_set_up_with_every_first_reply_lost_is_noticed_and_torn_down",
    ),
    "prefixes none, a and ab side by side": (
        "test_held.py::test_prefixes_do_not_clash_when_one_begins_like_another",
    ),
    "LAB_TARGET=local with endpoints, FIPS, dual stack, profile, CA bundle, proxy, files": (
        "test_held.py::test_on_local_no_setting_of_boto3_leads_elsewhere",
        "test_settings.py::test_nothing_of_the_learners_own_set_up_reaches_what_is_local",
    ),
    "a full disk": (
        "test_exhaustion.py::test_what_was_accepted_ends_after_the_disk_was_full",
        "test_exhaustion.py::test_what_was_accepted_ends_after_no_file_could_grow",
    ),
    "start and stop again and again, starts at once, a port that is taken or never answers": (
        "test_held.py::test_it_starts_and_stops_again_and_again",
        "test_whose_cloud.py::test_starts_at_the_same_moment_end_in_one_cloud",
        "test_whose_cloud.py::test_a_taken_port_leaves_the_next_one",
        "test_commands.py::test_a_port_taken_by_something_else_is_a_clear_error",
    ),
}


def defined_in(path: Path) -> set[str]:
    return {
        f"{path.name}::{node.name}"
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_row_has_its_tests_and_each_test_here_its_row() -> None:
    here = Path(__file__)
    there = set[str]().union(*map(defined_in, (ROOT / "tests").rglob("test_*.py")))
    named = {test for tests in HELD.values() for test in tests}
    assert named <= there
    itself = f"{here.name}::test_each_row_has_its_tests_and_each_test_here_its_row"
    assert defined_in(here) - {itself} <= named
