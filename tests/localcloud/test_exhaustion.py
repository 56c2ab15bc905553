"""A local cloud that runs out of something works on once it is there again.

Each test takes something away (file descriptors, disk, files that workers need) while work comes
in, gives it back, and waits until everything that was accepted is done or a dead letter.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.aws.waiting import wait_until
from lab.here import local
from lab.here.own_cloud import own_cloud as start_cloud
from tests.support.chapters import status
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.functions import invoke, make_function, zip_of
from tests.support.queues import messages_on
from tests.support.sessions import make_session
from tests.support.sizes import size

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="limits of this kind are POSIX's"),
]

STORM_SECONDS = size(10, 2)
CONNECTIONS = 500
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"
RECORDS = """
import boto3
sqs = boto3.client("sqs")
url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
def handler(event, context):
    for record in event["Records"]:
        sqs.send_message(QueueUrl=url, MessageBody=record["body"])
"""
PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"


class Chain:
    """A queue, the function that it triggers, and where its messages end."""

    def __init__(self, address: str, visibility: int = 2) -> None:
        self.aws = make_session(address)
        self.sqs = self.aws.client("sqs", config=Config(retries={"total_max_attempts": 1}))
        self.seen, self.dead = (
            self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("seen", "dead")
        )
        redrive = {"deadLetterTargetArn": QUEUE.replace("orders", "dead"), "maxReceiveCount": "3"}
        attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)}
        self.url = self.sqs.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]
        make_function(self.aws, "records", RECORDS, Timeout=2)
        self.aws.client("lambda").create_event_source_mapping(
            EventSourceArn=QUEUE, FunctionName="records"
        )
        self.accepted: set[str] = set()
        self.ended: set[str] = set()
        self.dead_letters = 0

    def send(self, body: str) -> None:
        """Send a message, and remember it if it was accepted."""
        with suppress(BotoCoreError, ClientError):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
            self.accepted.add(body)

    def send_until(self, enough: threading.Event) -> None:
        number = 0
        while not enough.is_set():
            self.send(f"{threading.get_ident()}-{(number := number + 1)}")
            enough.wait(0.02)

    def all_ended(self) -> bool:
        for url in (self.seen, self.dead):
            while found := messages_on(self.aws, url, wait=0):
                self.ended |= {message["Body"] for message in found}
                self.dead_letters += len(found) * (url == self.dead)
        return self.accepted <= self.ended

    def wait_until_all_ended(self) -> None:
        assert self.accepted
        wait_until(self.all_ended, "all that was accepted has ended", timeout=90)
        wait_until(lambda: sum(counts(self.sqs, self.url)) == 0, "the queue is empty", timeout=90)
        self.send("one more")
        wait_until(self.all_ended, "the trigger still moves", timeout=90)
        assert "one more" in self.ended


@contextmanager
def limited_cloud(
    files: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, int]]:
    """A local cloud that may have so many files open, and not one more."""
    wrapper = folder / "limited-python"
    wrapper.write_text(f'#!/bin/sh\nulimit -n {files}\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o700)
    with ExitStack() as stack:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(wrapper))
            found = stack.enter_context(start_cloud())
        yield found


def open_and_close_connections(address: str, until: threading.Event) -> None:
    """Hold many connections, some with a request on them, for a moment at a time."""
    host, port = address.removeprefix("http://").split(":")
    request = f"GET /_localcloud/status HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    while not until.is_set():
        with ExitStack() as held:
            for number in range(CONNECTIONS):
                if until.is_set():
                    break
                with suppress(OSError):
                    connection = held.enter_context(socket.create_connection((host, port), 0.2))
                    if number % 3 == 0:
                        connection.sendall(request)
            until.wait(0.3)


@contextmanager
def storm(address: str, chain: Chain) -> Iterator[None]:
    """Messages and connections come, until the end of the block."""
    enough = threading.Event()
    with ThreadPoolExecutor(4) as threads:
        work = [
            threads.submit(open_and_close_connections, address, enough),
            threads.submit(chain.send_until, enough),
            threads.submit(chain.send_until, enough),
        ]
        try:
            yield
        finally:
            enough.set()
        for each in work:
            each.result()


@pytest.mark.long
@pytest.mark.parametrize("files", [64, 128, 256])
def test_what_was_accepted_ends_after_a_moment_without_file_descriptors(
    files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited_cloud(files, tmp_path, monkeypatch) as (address, _):
        chain = Chain(address)
        with storm(address, chain):
            time.sleep(STORM_SECONDS)  # the length of the storm, not a wait for anything
        chain.wait_until_all_ended()


@pytest.fixture(scope="module")
def address(_clean_environment: None) -> Iterator[str]:
    """A local cloud whose files can be looked for."""
    with own_cloud() as (found, _):
        yield found


@pytest.fixture
def chain(address: str) -> Chain:
    local.reset(address)
    return Chain(address)


def functions_folder(address: str) -> Path:
    """Where the cloud unpacks packages; nobody can list it, unless its mode is changed."""
    folder = Path(status(address)["mailbox"]).parent / "functions"
    with suppress(FileNotFoundError):  # nothing was unpacked since a test deleted it
        folder.chmod(0o700)
    return folder


def kill_workers(address: str) -> None:
    for worker in status(address)["workers"]:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def send_many(chain: Chain, count: int) -> None:
    for number in range(count):
        chain.send(f"{number}")


def test_files_that_are_deleted_under_a_running_cloud_are_there_again(
    address: str, chain: Chain
) -> None:
    send_many(chain, 10)
    wait_until(chain.all_ended, "a worker is there", timeout=90)
    for _ in range(3):
        shutil.rmtree(functions_folder(address), ignore_errors=True)
        kill_workers(address)
        send_many(chain, 20)
    chain.wait_until_all_ended()


def test_a_package_that_is_deleted_is_unpacked_again(address: str, chain: Chain) -> None:
    make_function(chain.aws, "pid", PID)
    first = invoke(chain.aws, "pid")["Payload"]
    for found in functions_folder(address).glob("task-*/app.py"):
        found.unlink()
    assert invoke(chain.aws, "pid")["Payload"] == first  # it no longer needs its package
    kill_workers(address)
    wait_until(lambda: first not in status(address)["workers"], "its end was noticed", timeout=90)
    again = invoke(chain.aws, "pid")
    assert "FunctionError" not in again and again["Payload"] != first


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 4 MB, on which the local cloud keeps its files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    if sys.platform != "linux" or subprocess.run(command, check=False).returncode:
        pytest.skip("only root can mount a disk")
    monkeypatch.setenv("TMPDIR", str(disk))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    with open(disk / "filler", "wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 65_536):
            pass


def change_code(chain: Chain) -> None:
    """New code, which has to be unpacked, and has some size."""
    source = RECORDS + "# " + secrets.token_hex(100_000)
    chain.aws.client("lambda").update_function_code(FunctionName="records", ZipFile=zip_of(source))


def test_what_was_accepted_ends_after_the_disk_was_full(small_disk: Path) -> None:
    with start_cloud() as (address, _):
        chain = Chain(address, visibility=90)
        send_many(chain, 5)
        wait_until(chain.all_ended, "a worker is there", timeout=90)
        fill(small_disk)
        change_code(chain)
        send_many(chain, 20)
        wait_until(
            lambda: counts(chain.sqs, chain.url).in_flight, "they wait for a worker", timeout=90
        )
        (small_disk / "filler").unlink()
        chain.wait_until_all_ended()
        assert chain.dead_letters == 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="it sets a limit of another process")
def test_what_was_accepted_ends_after_no_file_could_grow() -> None:
    with own_cloud() as (address, pid):
        chain = Chain(address, visibility=90)
        send_many(chain, 5)
        wait_until(chain.all_ended, "a worker is there", timeout=90)
        cloud = psutil.Process(pid)
        before = cloud.rlimit(psutil.RLIMIT_FSIZE)
        cloud.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
        change_code(chain)
        send_many(chain, 20)
        wait_until(
            lambda: counts(chain.sqs, chain.url).in_flight, "they wait for a worker", timeout=90
        )
        cloud.rlimit(psutil.RLIMIT_FSIZE, before)
        chain.wait_until_all_ended()
        assert chain.dead_letters == 0


@pytest.mark.parametrize(
    "statement",
    [
        "os.fork()",
        pytest.param(
            "os.setpgid(0, os.getpgid(os.getppid())); time.sleep(20)", marks=pytest.mark.long
        ),
        "threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGSTOP]).start()",
    ],
)
def test_what_was_accepted_ends_though_the_handler_misbehaves(chain: Chain, statement: str) -> None:
    code = "import os, signal, threading, time\n" + RECORDS + f"    {statement}\n"
    chain.aws.client("lambda").update_function_code(FunctionName="records", ZipFile=zip_of(code))
    for number in range(3):
        chain.send(f"{number}")
        wait_until(chain.all_ended, "it has ended", timeout=90)
    for number in range(3, 8):
        chain.send(f"{number}")
    chain.wait_until_all_ended()


def test_what_a_dead_cloud_left_behind_is_swept_up_though_nobody_waited_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        wait_until(
            lambda: psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE,
            "it ended",
            timeout=90,
        )
        left = tmp_path / f"localcloud-{dead.pid}-left" / "functions"
        left.mkdir(parents=True)
        (left / "app.py").touch()
        left.chmod(0o300)
        with start_cloud():
            assert not left.parent.exists()


def test_nobody_can_list_the_packages(address: str, chain: Chain) -> None:
    chain.send("tea")
    chain.wait_until_all_ended()
    shutil.rmtree(folder := functions_folder(address))
    change_code(chain)
    chain.send("more tea")
    chain.wait_until_all_ended()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o300
