"""A failure inside the runtime fails one invocation at most.

The workers here are coroutines that speak to the runtime as a worker does, and what starts them
fails as each test asks. No process is started.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from localcloud import tasks
from localcloud.http import Request
from localcloud.lambda_.runtime import pool, runtime, worker_handle
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Worker
from localcloud.logs.writer import LogWriter
from localcloud.tasks import Tasks
from tests.support.functions import ECHO, a_function


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
    """Starts such workers, once it has raised the errors that it was given."""

    replaced = 0

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.owner: Runtime
        self.started: list[FakeProcess] = []
        self.answers = True  # whether workers ask again after an answer
        self._tasks = Tasks()

    def prepare(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

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
        results = await asyncio.gather(*(made.invoke(a_function(), b"[1]") for _ in range(5)))
        assert [result.payload for result in results] == [b"[1]"] * 5
        assert made.describe()["spawn_failures"] == 3

    run(fakes, tmp_path, work)


def test_a_function_is_made_even_if_nothing_can_be_got_ready_for_it(
    fakes: FakeProcesses, tmp_path: Path
) -> None:
    fakes.errors = [OSError(errno.EMFILE, os.strerror(errno.EMFILE))]

    async def work(made: Runtime) -> None:
        made.keep({a_function().function_arn})
        assert fakes.errors == []
        assert (await made.invoke(a_function(), b"[1]")).payload == b"[1]"

    run(fakes, tmp_path, work)


def test_work_does_not_wait_forever_for_a_worker(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_PATIENCE_SECONDS", 0.1)
    fakes.errors = [OSError(errno.EMFILE, "files")] * 10_000

    async def work(made: Runtime) -> None:
        result = await made.invoke(a_function(), b"[1]")
        assert json.loads(result.payload)["errorType"] == "ServiceException"
        fakes.errors.clear()
        assert (await made.invoke(a_function(), b"[2]")).payload == b"[2]"

    run(fakes, tmp_path, work)


@pytest.mark.parametrize("error", [KeyError("no such thing"), OSError(errno.E2BIG, "too big")])
def test_a_start_that_fails_for_good_fails_its_work_and_leaves_nothing(
    error: Exception, fakes: FakeProcesses, tmp_path: Path
) -> None:
    fakes.errors = [error]

    async def work(made: Runtime) -> None:
        result = await made.invoke(a_function(), b"[1]")
        assert json.loads(result.payload)["errorType"] == "ServiceException"
        assert made.describe()["functions"][0]["workers"] == [] and made._workers == {}
        assert not list((tmp_path / "functions").glob("log-*"))
        assert (await made.invoke(a_function(), b"[2]")).payload == b"[2]"

    run(fakes, tmp_path, work)


def test_an_idle_worker_of_another_function_makes_room(
    fakes: FakeProcesses, tmp_path: Path
) -> None:
    async def work(made: Runtime) -> None:
        await made.invoke(a_function("idle"), b"[1]")
        await asyncio.sleep(0)
        fakes.errors = [OSError(errno.EMFILE, "files")]
        await made.invoke(a_function("other"), b"[1]")
        assert [len(pool["workers"]) for pool in made.describe()["functions"]] == [0, 1]

    run(fakes, tmp_path, work)


def test_a_result_does_not_wait_for_a_log_that_cannot_be_written(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "files")

    async def work(made: Runtime) -> None:
        monkeypatch.setattr(runtime, "end_lines", fail)
        for number in range(20):  # more than may be under way at one time
            result = await made.invoke(a_function(), str(number).encode())
            assert (result.payload, result.log_tail) == (str(number).encode(), b"")
        monkeypatch.undo()

    run(fakes, tmp_path, work)


def test_a_worker_that_cannot_be_checked_does_not_stop_the_checks_of_others(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at = Runtime._look_at

    def fail_at_the_first(made: Runtime, worker: Worker) -> None:
        if worker.process is not None and worker.process.pid == 0:
            raise OSError(errno.EMFILE, "files")
        look_at(made, worker)

    monkeypatch.setattr(Runtime, "_look_at", fail_at_the_first)

    async def work(made: Runtime) -> None:
        await made.invoke(a_function("one"), b"[1]")
        await made.invoke(a_function("other"), b"[1]")
        fakes.started[1].returncode = -11
        while made.describe()["functions"][1]["workers"]:
            await asyncio.sleep(0.01)

    run(fakes, tmp_path, work)


def test_a_worker_that_stops_asking_is_replaced(
    fakes: FakeProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_handle, "_COMING_SECONDS", 0.05)
    monkeypatch.setattr(runtime, "_LOST_SECONDS", 0.2)
    fakes.answers = False

    async def work(made: Runtime) -> None:
        for number in range(4):
            result = await made.invoke(a_function(), str(number).encode())
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
        await asyncio.gather(*(made.invoke(a_function(), b"[1]") for _ in range(5)))
        assert len(fakes.started) == 2
        while len(made.describe()["functions"][0]["workers"]) > 1:
            await asyncio.sleep(0.01)
        made._look_around()
        assert len(made.describe()["functions"][0]["workers"]) == 1
        monkeypatch.setattr(pool, "_WARM_SECONDS", 0.0)
        while made.describe()["functions"][0]["workers"]:
            await asyncio.sleep(0.01)
        assert (await made.invoke(a_function(), b"[2]")).payload == b"[2]"

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
        large = asyncio.ensure_future(made.invoke(a_function("large", ECHO + b" "), b"[1]"))
        assert (await made.invoke(a_function("small"), b"[2]")).payload == b"[2]"
        others.set()
        assert (await large).payload == b"[1]"

    run(fakes, tmp_path, work)


def test_the_runtime_says_what_its_workers_do(fakes: FakeProcesses, tmp_path: Path) -> None:
    async def work(made: Runtime) -> None:
        assert made.describe()["functions"] == []
        fakes.errors = [OSError(errno.EMFILE, "files")]
        waiting = asyncio.ensure_future(made.invoke(a_function(), b"[1]"))
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
