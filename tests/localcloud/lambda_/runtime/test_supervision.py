"""Whatever fails inside the local cloud fails one invocation at most: the parts, one by one.

The workers here are coroutines that speak to the runtime as a worker does, and what starts them
fails as each test asks. No process is started but for the tests of the fork server.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud import deliver, tasks, upstream
from localcloud.host.resources import connections_to_hold, may_pass
from localcloud.http import Request
from localcloud.lambda_ import event_source_mapping as event_sources
from localcloud.lambda_ import functions
from localcloud.lambda_.event_source_mapping import EventSourceMappings
from localcloud.lambda_.runtime import output, pool, runtime, worker_handle
from localcloud.lambda_.runtime.output import Output
from localcloud.lambda_.runtime.processes import ForkServer
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result, Worker
from localcloud.logs.writer import LogWriter
from localcloud.sqs.message import QueuedMessage
from localcloud.sqs.queue import IndexedQueue
from localcloud.tasks import Tasks
from tests.support.functions import zip_of

ECHO = zip_of("def handler(event, context):\n    return event\n")
_RAISES = """
import resource
from localcloud.host.resources import raise_file_limit
print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def function(name: str = "echo", code: bytes = ECHO) -> Any:
    """What the runtime asks of a function."""
    return SimpleNamespace(
        function_name=name, function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        code_bytes=code, code_sha_256=name, handler="app.handler", role="role", timeout=2,
        memory_size=128, environment_vars={}, run_time="python3.13", version="$LATEST",
        region="us-east-1", logs_group_name=f"/aws/lambda/{name}", reserved_concurrency=None,
    )  # fmt: skip


class FakeProcess:
    """A worker that asks for work and echoes it, as long as it runs."""

    is_stopped = is_lost = False

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.released = False

    def release(self) -> None:
        self.released = True


class FakeProcesses:
    """Starts such workers, after it has raised what is to go wrong."""

    replaced = 0

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.owner: Runtime
        self.started: list[FakeProcess] = []
        self.answers = True  # whether workers ask again after an answer
        self._tasks = Tasks()

    async def start(self, _: str, environment: dict[str, str], *__: Any) -> FakeProcess:
        if self.errors:
            raise self.errors.pop(0)
        self.started.append(process := FakeProcess(len(self.started)))
        token = environment["AWS_LAMBDA_RUNTIME_API"].rpartition("/")[2]
        self._tasks.start(self._work(token))
        return process

    async def _work(self, token: str) -> None:
        while True:
            asked = await self.owner.handle(token, _REQUEST, "runtime/invocation/next")
            if asked.status != 200:
                return
            request_id = dict(asked.headers)["Lambda-Runtime-Aws-Request-Id"]
            answer = Request("POST", "", "", {}, asked.body)
            await self.owner.handle(token, answer, f"runtime/invocation/{request_id}/response")
            if not self.answers:
                return


_REQUEST = Request("GET", "", "", {}, b"")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeProcesses:
    monkeypatch.setattr(runtime, "kill", lambda process: setattr(process, "returncode", -9))
    monkeypatch.setattr(runtime, "kill_group", lambda _: None)
    monkeypatch.setattr(runtime, "lambda_may_assume", lambda _: True)
    monkeypatch.setattr("localcloud.lambda_.runtime.report._memory_mb", lambda _: 0)
    monkeypatch.setattr("localcloud.lambda_.runtime.environment.assume_role", lambda *_: {})
    monkeypatch.setattr(runtime, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.0)
    return FakeProcesses([])


def run(
    fakes: FakeProcesses, folder: Path, work: Callable[[Runtime], Coroutine[Any, Any, None]]
) -> None:
    """Run what a test does with a runtime; it has half a minute."""

    async def within_time() -> None:
        made: Any = Runtime(folder, LogWriter())
        made._processes = fakes  # which has what the runtime asks for
        fakes.owner = made
        async with asyncio.timeout(30):
            await work(made)

    asyncio.run(within_time())


@pytest.mark.parametrize(
    "error",
    [OSError(number, os.strerror(number)) for number in (errno.EMFILE, errno.ENOMEM, errno.ENOSPC)]
    + [MemoryError(), RuntimeError("can't start new thread"), TimeoutError("fork server")],
    ids=str,
)
def test_work_waits_for_a_worker_that_cannot_be_started_at_the_moment(
    error: Exception, fakes: FakeProcesses, tmp_path: Path
) -> None:
    fakes.errors = [error] * 3

    async def work(made: Runtime) -> None:
        results = await asyncio.gather(*(made.invoke(function(), b"[1]") for _ in range(5)))
        assert [result.payload for result in results] == [b"[1]"] * 5
        assert made.describe()["spawn_failures"] == 3

    run(fakes, tmp_path, work)


def test_work_waits_for_a_worker_in_vain_for_so_long_only(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_PATIENCE_SECONDS", 0.1)
    fakes.errors = [OSError(errno.EMFILE, "files")] * 10_000

    async def work(made: Runtime) -> None:
        result = await made.invoke(function(), b"[1]")
        assert json.loads(result.payload)["errorType"] == "ServiceException"
        fakes.errors.clear()
        assert (await made.invoke(function(), b"[2]")).payload == b"[2]"

    run(fakes, tmp_path, work)


@pytest.mark.parametrize("error", [KeyError("no such thing"), OSError(errno.E2BIG, "too big")])
def test_a_start_that_fails_for_good_fails_its_work_and_leaves_nothing(
    error: Exception, fakes: FakeProcesses, tmp_path: Path
) -> None:
    fakes.errors = [error]

    async def work(made: Runtime) -> None:
        result = await made.invoke(function(), b"[1]")
        assert json.loads(result.payload)["errorType"] == "ServiceException"
        assert made.describe()["functions"][0]["workers"] == [] and made._workers == {}
        assert not list((tmp_path / "functions").glob("log-*"))
        assert (await made.invoke(function(), b"[2]")).payload == b"[2]"

    run(fakes, tmp_path, work)


def test_an_idle_worker_of_another_function_makes_room(
    fakes: FakeProcesses, tmp_path: Path
) -> None:
    async def work(made: Runtime) -> None:
        await made.invoke(function("idle"), b"[1]")
        await asyncio.sleep(0)
        fakes.errors = [OSError(errno.EMFILE, "files")]
        await made.invoke(function("other"), b"[1]")
        assert [len(pool["workers"]) for pool in made.describe()["functions"]] == [0, 1]

    run(fakes, tmp_path, work)


def test_a_result_does_not_wait_for_a_log_that_cannot_be_written(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "files")

    async def work(made: Runtime) -> None:
        monkeypatch.setattr(runtime, "report_line", fail)
        for number in range(20):  # more than may be under way at one time
            result = await made.invoke(function(), str(number).encode())
            assert (result.payload, result.log_tail) == (str(number).encode(), b"")
        monkeypatch.undo()

    run(fakes, tmp_path, work)


def test_a_worker_that_cannot_be_looked_at_keeps_nobody_from_being_looked_at(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at = Runtime._look_at

    def fail_at_the_first(made: Runtime, worker: Worker) -> None:
        if worker.process is not None and worker.process.pid == 0:
            raise OSError(errno.EMFILE, "files")
        look_at(made, worker)

    monkeypatch.setattr(Runtime, "_look_at", fail_at_the_first)

    async def work(made: Runtime) -> None:
        await made.invoke(function("one"), b"[1]")
        await made.invoke(function("other"), b"[1]")
        fakes.started[1].returncode = -11
        while made.describe()["functions"][1]["workers"]:
            await asyncio.sleep(0.01)

    run(fakes, tmp_path, work)


def test_a_worker_that_asks_no_more_is_replaced(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_handle, "_COMING_SECONDS", 0.05)
    monkeypatch.setattr(runtime, "_LOST_SECONDS", 0.2)
    fakes.answers = False

    async def work(made: Runtime) -> None:
        for number in range(4):
            result = await made.invoke(function(), str(number).encode())
            assert result.payload == str(number).encode()
        while made.describe()["workers_replaced"] < 4:
            await asyncio.sleep(0.01)
        assert made.describe()["functions"][0]["workers"] == []

    run(fakes, tmp_path, work)


def test_idle_workers_are_let_go_and_the_last_one_later(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_SPARE_SECONDS", 0.0)

    async def work(made: Runtime) -> None:
        await asyncio.gather(*(made.invoke(function(), b"[1]") for _ in range(5)))
        assert len(fakes.started) == 2
        while len(made.describe()["functions"][0]["workers"]) > 1:
            await asyncio.sleep(0.01)
        made._look_around()
        assert len(made.describe()["functions"][0]["workers"]) == 1
        monkeypatch.setattr(pool, "_WARM_SECONDS", 0.0)
        while made.describe()["functions"][0]["workers"]:
            await asyncio.sleep(0.01)
        assert (await made.invoke(function(), b"[2]")).payload == b"[2]"

    run(fakes, tmp_path, work)


def test_a_large_package_is_unpacked_while_others_work(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.lambda_.runtime.packages._LARGE_BYTES", len(ECHO))
    unpack, others = runtime._unpack, asyncio.Event()

    async def work(made: Runtime) -> None:
        loop = asyncio.get_running_loop()

        def wait_for_the_others(of: pool.Pool) -> None:
            if of.function.function_name == "large":
                asyncio.run_coroutine_threadsafe(others.wait(), loop).result(20)
            unpack(of)

        monkeypatch.setattr(runtime, "_unpack", wait_for_the_others)
        large = asyncio.ensure_future(made.invoke(function("large", ECHO + b" "), b"[1]"))
        assert (await made.invoke(function("small"), b"[2]")).payload == b"[2]"
        others.set()
        assert (await large).payload == b"[1]"

    run(fakes, tmp_path, work)


def test_the_runtime_says_what_its_workers_do(fakes: FakeProcesses, tmp_path: Path) -> None:
    async def work(made: Runtime) -> None:
        assert made.describe()["functions"] == []
        fakes.errors = [OSError(errno.EMFILE, "files")]
        waiting = asyncio.ensure_future(made.invoke(function(), b"[1]"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (found,) = made.describe()["functions"]
        assert (found["waiting"], found["under_way"]) == (1, [])
        assert found["longest_wait_seconds"] >= 0
        await waiting
        while made.describe()["functions"][0]["workers"][0]["state"] != "idle":
            await asyncio.sleep(0)
        (found,) = made.describe()["functions"]
        assert (found["function"], found["waiting"]) == ("echo", 0)
        assert found["workers"][0]["pid"] == 0
        json.dumps(made.describe())

    run(fakes, tmp_path, work)


def test_a_supervised_task_that_ends_or_raises_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.0)
    begun = []

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise ValueError("as a test asked for")
        if len(begun) == 3:
            await asyncio.sleep(60)

    async def watch() -> None:
        task = Tasks().supervise("a test's task", work)
        while len(begun) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(watch())
    assert tasks.restarted["a test's task"] == 2
    assert "a test's task failed" in caplog.text and "a test's task ended" in caplog.text


class OneMapping:
    """One mapping between a queue and a function, which waits in `invoke`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        upstream.install()
        self.arn = "arn:aws:sqs:us-east-1:123456789012:q"
        self.queue_found = IndexedQueue("q", region="us-east-1", account_id="123456789012")
        self.mapping = event_sources.EventSourceMapping(
            {
                "EventSourceArn": self.arn,
                "FunctionName": "f",
                "FunctionArn": function("f").function_arn,
                "RegionName": "us-east-1",
                "AccountId": "123456789012",
            }
        )
        self.invocations: list[asyncio.Future[Result]] = []
        patch.setattr(functions, "mappings", lambda: [self.mapping])
        patch.setattr(functions, "find", lambda *_: function("f"))
        patch.setattr(deliver, "find", lambda _: self.queue_found)
        patch.setattr(event_sources, "role_allows", lambda *_: True)

    async def invoke(self, *_: Any, **__: Any) -> Result:
        self.invocations.append(asyncio.get_running_loop().create_future())
        return await self.invocations[-1]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.queue_found.add_message(_message(body))


def _message(body: str) -> Any:
    made = QueuedMessage(body, body)
    made.mark_sent()
    return made


def test_a_trigger_says_what_waits_what_is_under_way_and_when_it_got_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def watch() -> None:
        state: Any = OneMapping(monkeypatch)
        sources = EventSourceMappings(state)
        state.send(*(f"tea {number}" for number in range(12)))
        (before,) = sources.describe()
        assert (before["waiting"], before["in_flight"], before["polls"]) == (12, 0, False)
        assert before["oldest_seconds"] >= 0 and before["last_progress_ms"] is None
        assert state.queue_found.approximate_number_of_messages == 12
        sources.reconcile()
        while len(state.invocations) < 2:
            await asyncio.sleep(0)
        (during,) = sources.describe()
        assert (during["waiting"], during["in_flight"], during["polls"]) == (0, 12, True)
        assert during["oldest_seconds"] is None
        assert during["under_way"] == 2 and during["under_way_since_seconds"] >= 0
        for invocation in state.invocations:
            invocation.set_result(Result(b"null"))
        while sources.describe()[0]["under_way"]:
            await asyncio.sleep(0)
        (after,) = sources.describe()
        assert (after["in_flight"], after["last_result"]) == (0, "OK")
        assert after["last_progress_ms"] > 0
        json.dumps(sources.describe())
        sources.stop()

    asyncio.run(asyncio.wait_for(watch(), 30))


def test_a_poller_that_fails_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_PAUSE_SECONDS", 0.0)
    poll, failures = EventSourceMappings._poll, [OSError(errno.EMFILE, "files"), MemoryError()]

    async def fail_first(sources: EventSourceMappings, mapping: Any) -> None:
        if failures:
            raise failures.pop()
        await poll(sources, mapping)

    monkeypatch.setattr(EventSourceMappings, "_poll", fail_first)

    async def watch() -> None:
        state: Any = OneMapping(monkeypatch)
        sources = EventSourceMappings(state)
        sources.reconcile()
        state.send("tea")
        while not state.invocations:
            await asyncio.sleep(0)
        assert sources.describe()[0]["polls"]
        sources.stop()

    asyncio.run(asyncio.wait_for(watch(), 30))


# -- What a worker prints ----------------------------------------------------------------------


def write(made: Output, written: bytes) -> None:
    descriptor = made.path.open("ab", buffering=0)
    with descriptor:
        descriptor.write(written)


def test_all_of_an_ordinary_output_is_kept(tmp_path: Path) -> None:
    made = Output(tmp_path)
    write(made, b"one\ntwo\rthree\n\n")
    assert made.read() == ["one", "two\nthree"]
    assert made.read() == []
    write(made, b"four")
    assert made.read() == ["four"]
    made.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("goes_on", [False, True])
def test_the_beginning_and_the_end_of_a_long_output_are_kept_and_it_says_so(
    goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_HALF", 1000)
    monkeypatch.setattr(output, "_TOO_LONG", 5000)
    made = Output(tmp_path)
    for number in range(30):
        write(made, f"{number:0>99}\n".encode() * 10)
        if goes_on:
            made.trim()
            assert made.path.stat().st_size <= 6000
    lines = made.read()
    assert [line.lstrip("0") for line in lines[:10]] == [""] * 10
    assert "28,000 bytes and more were left out" in lines[10]
    assert [line.lstrip("0") for line in lines[11:]] == ["29"] * 10
    write(made, b"next\n")
    assert made.read() == ["next"]
    assert made.path.stat().st_size < 6000
    made.close()


def test_no_more_lines_are_kept_than_anybody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_LINES", 2)
    made = Output(tmp_path)
    write(made, b"1\n2\n3\n4\n5\n6\n7\n")
    first, second, cut, *last = made.read()
    assert (first, second, last) == ("1", "2", ["6", "7"])
    assert "3 lines were left out" in cut
    made.close()


# -- Processes and limits -----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is a fork")
def test_what_a_fork_server_cannot_carry_out_is_an_error_and_so_is_its_end(tmp_path: Path) -> None:
    order = {"arguments": [], "environment": {}, "directory": str(tmp_path)}

    async def watch() -> None:
        server = ForkServer()
        with pytest.raises(FileNotFoundError):
            await server.start({**order, "log": str(tmp_path / "none")})
        log = tmp_path / "log"
        log.touch()
        worker = await server.start({**order, "log": str(log)})  # without arguments, it ends
        while worker.returncode is None:
            await asyncio.sleep(0.01)
        worker.release()
        os.kill(server.process.pid, signal.SIGKILL)
        with pytest.raises(ConnectionError) as ended:
            await server.start({**order, "log": str(log)})
        assert may_pass(ended.value)
        server.process.wait()

    asyncio.run(asyncio.wait_for(watch(), 60))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is a fork")
def test_a_fork_server_that_does_not_answer_or_makes_no_sense_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.lambda_.runtime.processes._ANSWER_SECONDS", 0.2)

    async def watch() -> None:
        (tmp_path / "log").touch()
        order = {"arguments": [], "environment": {}, "directory": ".", "log": f"{tmp_path}/log"}
        stopped, confused = ForkServer(), ForkServer()
        with pytest.raises(FileNotFoundError):
            await stopped.start({**order, "log": "none"})
        os.kill(stopped.process.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await stopped.start(order)
        assert stopped.process.wait() == -signal.SIGKILL
        with pytest.raises(FileNotFoundError):
            await confused.start({**order, "log": "none"})
        confused._incoming = b"tea"
        with pytest.raises(ConnectionError):
            await confused.start(order)
        assert confused.process.wait() == -signal.SIGKILL

    asyncio.run(asyncio.wait_for(watch(), 60))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard"), [(64, 64), (64, 200), (128, 128)])
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(soft: int, hard: int) -> None:
    command = f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "{sys.executable}" -c "{_RAISES}"'
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(hard), str(hard)]


def test_connections_leave_descriptors_for_the_work() -> None:
    assert [connections_to_hold(files) for files in (64, 128, 256, 1024)] == [24, 64, 128, 512]
    assert connections_to_hold(16) == 16
