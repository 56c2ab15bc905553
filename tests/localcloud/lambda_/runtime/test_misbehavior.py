"""Handlers that misbehave: each invocation ends in time, and the next one works.

What 200 of them do is put together at random (the same each time) from the building blocks
below. How long they take is read from the local cloud's own log, as a busy machine makes the
client late.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function
from tests.support.sessions import make_session
from tests.support.sizes import size

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="handlers misbehave as on AWS's Linux"),
    pytest.mark.xdist_group("misbehavior"),
]

TIMEOUT = 1  # seconds
GRACE = 15  # seconds, on a busy machine; who is not ended naps for 20 or never ends
COUNT, AT_A_TIME = size(200, 60), 10
LINES = size(1_300_000, 800_000)  # of 80 bytes, which is more than the cloud may grow by
BLOCKS = {
    "forks": "os.fork()",
    "forks and naps": "if os.fork() == 0: time.sleep(20)",
    "forks and leaves": "if os.fork(): os._exit(0)",
    "leads a session": "quietly(os.setsid)",
    "changes its group": "quietly(os.setpgid, 0, os.getpgid(os.getppid()))",
    "has a child elsewhere": "subprocess.Popen(['sleep', '20'], start_new_session=True)",
    "closes everything": "os.closerange(0, 256)",
    "closes its input": "quietly(os.close, 0)",
    "closes its connection": "hang_up()",
    "reads its input": "sys.stdin.read()",
    "stops": "os.kill(os.getpid(), signal.SIGSTOP)",
    "kills itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "terminates itself": "os.kill(os.getpid(), signal.SIGTERM)",
    "blocks signals": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "ignores signals": "[quietly(signal.signal, n, signal.SIG_IGN) for n in range(1, 30)]",
    "loops": "while True: pass",
    "naps": "time.sleep(20)",
    "locks itself up": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "has threads": "[threading.Thread(target=time.sleep, args=[20]).start() for _ in range(20)]",
    "has daemons": "[threading.Thread(target=spin, daemon=True).start() for _ in range(2)]",
    "exits": "os._exit(3)",
    "leaves Python": "sys.exit(4)",
    "interrupts": "raise KeyboardInterrupt",
    "crashes": "ctypes.string_at(0)",
    "recurses": "(lambda f: f(f))(lambda f: f(f))",
    "prints": "[print('x' * 1_000_000) for _ in range(5)]",
    "prints lines": "print('tea\\n' * 500_000)",
    "prints no text": "os.write(1, bytes(range(256)) * 1000)",
    "goes where nothing is": "gone = tempfile.mkdtemp(); os.chdir(gone); os.rmdir(gone)",
    "deletes its package": "shutil.rmtree(os.environ['LAMBDA_TASK_ROOT'])",
    "may open nothing": "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
    "may write nothing": "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
    "may start nothing": "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))",
    "forgets its environment": "os.environ.clear()",
    "has a large reply": "return 'x' * 8_000_000",
    "has a deep reply": "return functools.reduce(lambda reply, _: [reply], range(100_000))",
    "has no JSON": "return object()",
}
HEAD = """
import ctypes, functools, os, resource, shutil, signal, socket, subprocess, sys, tempfile
import threading, time

def quietly(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass

def hang_up():
    for fd in range(3, 64):
        try:
            socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

def spin():
    until = time.monotonic() + 2
    while time.monotonic() < until:
        pass

"""


@dataclass(frozen=True)
class Misbehavior:
    """What a handler does, one after the other."""

    blocks: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.blocks)


def misbehaviors() -> list[Misbehavior]:
    """Each block alone, and then two or three of them."""
    chosen = random.Random(20)
    alone = [Misbehavior((name,)) for name in BLOCKS]
    mixed = [
        Misbehavior(tuple(chosen.sample(list(BLOCKS), chosen.choice([2, 3]))))
        for _ in range(COUNT - len(alone))
    ]
    return alone + mixed


def source() -> str:
    """A handler that does what its event names."""
    text = HEAD
    for number, (name, code) in enumerate(BLOCKS.items()):
        text += f"def block_{number}():  # {name}\n    {code}\n"
    return text + (
        "def handler(event, context):\n"
        "    for number in event['blocks']:\n"
        "        reply = globals()[f'block_{number}']()\n"
        "        if reply is not None:\n"
        "            return reply\n"
        "    return 'fine'\n"
    )


def request_id_of(reply: dict[str, Any]) -> str:
    return str(reply["ResponseMetadata"]["RequestId"])


def durations(aws: Session, function: str) -> dict[str, float]:
    """The seconds from START to END of each invocation, by its request id."""
    pages = aws.client("logs").get_paginator("filter_log_events")
    times: dict[str, dict[str, int]] = {}
    for kind in ("START", "END"):
        for page in pages.paginate(
            logGroupName=f"/aws/lambda/{function}", filterPattern=f'"{kind} RequestId"'
        ):
            for event in page["events"]:
                if event["message"].startswith(f"{kind} RequestId: "):
                    request_id = event["message"].split()[2]
                    times.setdefault(request_id, {})[kind] = event["timestamp"]
    return {
        i: (found["END"] - found["START"]) / 1000 for i, found in times.items() if len(found) > 1
    }


def try_them(aws: Session, function: str, some: list[Misbehavior]) -> dict[str, str]:
    """Invoke with each, and plainly after each; returns what each was by its request id."""
    numbers = {name: number for number, name in enumerate(BLOCKS)}
    tried = {}
    for misbehavior in some:
        event = {"blocks": [numbers[name] for name in misbehavior.blocks]}
        tried[request_id_of(invoke(aws, function, event))] = str(misbehavior)
        plain = invoke(aws, function, {"blocks": []})
        if "Timedout" in str(plain["Payload"]):  # the worker was left crippled, and is replaced
            tried[request_id_of(plain)] = f"plainly after one that {misbehavior}"
            plain = invoke(aws, function, {"blocks": []})
        assert plain["Payload"] == "fine", f"after one that {misbehavior}: {plain['Payload']}"
        tried[request_id_of(plain)] = f"plainly after one that {misbehavior}"
    return tried


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_misbehaviors_end_in_time_and_the_next_invocation_works() -> None:
    every = misbehaviors()
    assert len(every) == COUNT
    with own_cloud() as (address, _), ThreadPoolExecutor(AT_A_TIME) as threads:
        aws = make_session(address)
        functions = [f"misbehaves-{number}" for number in range(AT_A_TIME)]
        for name in functions:
            make_function(aws, name, source(), Timeout=TIMEOUT)
        work = [
            threads.submit(try_them, aws, name, every[number::AT_A_TIME])
            for number, name in enumerate(functions)
        ]
        for each, name in zip(work, functions, strict=True):
            tried, took = each.result(), durations(aws, name)
            late = {
                what: took.get(i) for i, what in tried.items() if took.get(i, 99) > TIMEOUT + GRACE
            }
            assert not late


@pytest.fixture(scope="module")
def here(_clean_environment: None) -> Iterator[tuple[Session, int]]:
    """A session with a local cloud, and that cloud's process id."""
    with own_cloud() as (address, pid):
        yield make_session(address), pid


def test_a_handler_that_forks_returns_once(here: tuple[Session, int]) -> None:
    code = "import os\ndef handler(event, context):\n    os.fork()\n    return os.getpid()\n"
    aws, _ = here
    make_function(aws, "forks", code, Timeout=TIMEOUT)
    assert len({invoke(aws, "forks")["Payload"] for _ in range(10)}) == 1


DAEMON = """
import os, time
def handler(event, context):
    if os.fork() == 0:
        os.setsid()
        if pid := os.fork():
            with open(event["file"], "w") as file:
                file.write(str(pid))
            os._exit(0)
        time.sleep(600)
    os.wait()
    if event["end"] == "worker exits":
        os._exit(1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can find an orphan")
@pytest.mark.parametrize("end", ["function deleted", "worker exits", "cloud killed"])
def test_a_daemon_of_a_handler_ends_with_its_worker(end: str, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with own_cloud() as (address, cloud):
        aws = make_session(address)
        make_function(aws, "f", DAEMON)
        invoke(aws, "f", {"file": str(file), "end": end})
        daemon = int(file.read_text())
        if end == "function deleted":
            assert psutil.pid_exists(daemon)
            aws.client("lambda").delete_function(FunctionName="f")
        elif end == "cloud killed":
            assert psutil.pid_exists(daemon)
            os.kill(cloud, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(daemon), "the daemon has ended", timeout=20)


def test_a_worker_that_is_stopped_while_it_is_idle_is_replaced(here: tuple[Session, int]) -> None:
    code = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    aws, _ = here
    make_function(aws, "idle", code, Timeout=TIMEOUT)
    worker = invoke(aws, "idle")["Payload"]
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: not psutil.pid_exists(worker), "it was replaced", timeout=90)
    assert invoke(aws, "idle")["Payload"] != worker


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is a fork")
def test_a_fork_server_that_a_handler_has_stopped_is_replaced(here: tuple[Session, int]) -> None:
    code = (
        "import os, signal\n"
        "def handler(event, context):\n"
        "    if event:\n"
        "        os.kill(os.getppid(), signal.SIGSTOP)\n"
        "        os._exit(3)\n"
        "    return 'fine'\n"
    )
    aws, _ = here
    make_function(aws, "stops", code, Timeout=TIMEOUT)
    error = invoke(aws, "stops", {"stop": True})["Payload"]
    assert error["errorType"] in ("Runtime.ExitError", "Sandbox.Timedout")
    assert invoke(aws, "stops")["Payload"] == "fine"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only has it")
def test_other_programs_of_the_user_cannot_look_into_a_worker(here: tuple[Session, int]) -> None:
    code = (
        "import ctypes\n"
        "def handler(event, context):\n"
        "    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"  # PR_GET_DUMPABLE
    )
    aws, _ = here
    make_function(aws, "fork", code)
    make_function(aws, "new", code, Environment={"Variables": {"PYTHONHASHSEED": "0"}})
    assert [invoke(aws, name)["Payload"] for name in ("fork", "new")] == [0, 0]


@pytest.mark.parity(
    "An execution environment opens 1,024 files at most",
    kept="yes, unless it raises its limit itself",
    module="lambda_.runtime.worker",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def test_a_function_may_open_1024_files(here: tuple[Session, int]) -> None:
    code = (
        "import resource\n"
        "def handler(event, context):\n"
        "    return resource.getrlimit(resource.RLIMIT_NOFILE)\n"
    )
    aws, _ = here
    make_function(aws, "files", code)
    soft, hard = invoke(aws, "files")["Payload"]
    assert soft == 1024 or soft == hard < 1024


@pytest.mark.parity(
    "All that an invocation prints is in the log",
    kept="up to 1 MB and 10,000 lines, the first and the last; a line says what was left out",
    module="lambda_.runtime.output",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
@pytest.mark.long
def test_a_function_that_prints_very_much_costs_no_memory_and_says_what_was_cut(
    here: tuple[Session, int],
) -> None:
    code = (
        "def handler(event, context):\n"
        "    for number in range(event['lines']):\n"
        "        print(f'{number:0>79}')\n"
    )
    aws, pid = here
    make_function(aws, "prints", code, Timeout=60)
    invoke(aws, "prints", {"lines": 1})
    before = psutil.Process(pid).memory_info().rss
    assert "FunctionError" not in invoke(aws, "prints", {"lines": LINES})
    assert psutil.Process(pid).memory_info().rss - before < 50_000_000
    pages = aws.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName="/aws/lambda/prints").build_full_result()["events"]
    lines = [event["message"] for event in found]
    assert len(lines) < 20_000
    assert any("left out here" in line for line in lines)
    assert f"{LINES - 1:0>79}" in lines
