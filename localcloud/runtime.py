"""Runs functions: warm worker processes that speak the Lambda Runtime API.

A worker asks for its next invocation and is kept waiting until there is one; work that
finds no idle worker waits in its function's queue and is never dropped. A function gets a
second worker as soon as work waits, and more only while its invocations are slow: on a
machine with two cores, quick handlers gain nothing from more processes. What a worker
prints goes to a file rather than a pipe, so that everything a handler wrote is there at
the moment its answer arrives.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import time
import uuid
import zipfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from moto.awslambda.models import LambdaFunction

from localcloud import clock
from localcloud.logs import LogWriter
from localcloud.permissions import NOT_ASSUMABLE, lambda_may_assume
from localcloud.processes import SYSTEM_VARIABLES, Process, Processes, kill_group
from localcloud.state import Request, Response, State, json_response
from localcloud.tasks import Tasks

logger = logging.getLogger(__name__)
_EAGER_WORKERS = 2  # per function, before slowness has to justify another
_SLOW_SECONDS = 1.0
_INIT_SECONDS = 10.0  # AWS's own limit for the init phase
_TAIL_BYTES = 4096


class ThrottledError(Exception):
    """The function runs as often at one time as its reserved concurrency allows, or was not
    free in time.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """

    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    message = "Rate Exceeded."


class _NotAssumableError(Exception):
    """Lambda may no longer be the function's role, so no worker can be started for it."""


@dataclass
class Result:
    """What an invocation came to. `error` is None, or what AWS puts in X-Amz-Function-Error;
    `denied` says that nothing ran, as Lambda could not assume the function's role."""

    payload: bytes
    error: str | None = None
    request_id: str = ""
    log_tail: bytes = b""
    denied: bool = False


def new_request_id() -> str:
    return str(uuid.uuid4())


@dataclass(eq=False)
class Invocation:
    payload: bytes
    client_context: str | None
    done: asyncio.Future[Result]
    wanted: Callable[[], bool]
    request_id: str
    started: float = 0.0
    started_ms: int = 0
    timeout: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Worker:
    """One process, and what it is doing. `asking` is its open request for work."""

    pool: Pool
    token: str
    log_stream: str
    log_path: Path
    started: float
    process: Process
    usage: psutil.Process  # the same process, for its memory
    log_position: int = 0
    asking: asyncio.Future[Response] | None = None
    current: Invocation | None = None
    init_seconds: float | None = None
    cold: bool = True
    init_error: bytes | None = None


class Pool:
    """The workers of one function at one version of its code and configuration."""

    def __init__(self, function: LambdaFunction, fingerprint: str, code: Path) -> None:
        self.function = function
        self.fingerprint = fingerprint
        self.code = code
        self.workers: list[Worker] = []
        self.waiting: deque[Invocation] = deque()
        self.last_progress = time.monotonic()
        self.retired = False


class Runtime:
    """Invokes functions. `concurrency` bounds the invocations that run at one time."""

    def __init__(
        self,
        directory: Path,
        state: State,
        logs: LogWriter,
        *,
        concurrency: int = 10,
        client: str = "native",
    ) -> None:
        self._directory = directory
        self._state = state
        self._logs = logs
        self._concurrency = concurrency
        self._processes = Processes(client)
        self.address = ""  # host:port, once the server is bound
        self._pools: dict[str, Pool] = {}
        self._workers: dict[str, Worker] = {}
        self._busy = 0
        self._tasks = Tasks()

    def prepare(self) -> None:
        """Get ready to start workers, so that the first one need not wait for that."""
        self._processes.prepare()

    async def invoke(
        self,
        function: LambdaFunction,
        payload: bytes,
        client_context: str | None = None,
        request_id: str | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Result:
        """Run the function on the event's JSON bytes and wait for its answer.

        A handler that raises, times out or dies is a Result with an error, not an exception; so
        is a package that cannot be unpacked.
        Raises ThrottledError if the function's reserved concurrency is used up, or if it is no
        longer `wanted` when its turn comes.
        """
        request_id = request_id or new_request_id()
        try:
            pool = self._pool(function)
        except Exception as error:  # zipfile has many ways to say what it does not like
            text = f"Lambda could not unzip the package of {function.function_name}: {error}"
            logger.error(text)
            payload = error_payload("InvalidZipFileException", text)
            return Result(payload, "Unhandled", request_id)
        reserved = function.reserved_concurrency
        if reserved is not None and self._concurrency_of(pool) >= int(reserved):
            raise ThrottledError
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        invocation = Invocation(payload, client_context, done, wanted, request_id)
        pool.waiting.append(invocation)
        self._dispatch()
        return await done

    async def handle(self, token: str, request: Request, action: str) -> Response:
        """Answer a worker's request to the Runtime API; `action` is the path below its version."""
        worker = self._workers.get(token)
        if worker is None:
            return json_response(403, {"errorMessage": "This worker was retired."})
        match action.split("/"):
            case ["runtime", "invocation", "next"]:
                return await self._next(worker)
            case ["runtime", "invocation", request_id, "response"]:
                return self._answer(worker, request_id, request.body, None)
            case ["runtime", "invocation", request_id, "error"]:
                return self._answer(worker, request_id, request.body, "Unhandled")
            case ["runtime", "init", "error"]:
                worker.init_error = request.body
                return json_response(202, {"status": "OK"})
        return json_response(404, {"errorMessage": f"The Runtime API has no {action}."})

    def forget(self, function_arn: str) -> None:
        """Stop the workers of a function that was deleted; its waiting work fails."""
        if pool := self._pools.pop(function_arn, None):
            self._retire(pool)
            self._fail_waiting(pool, "ResourceNotFoundException", "The function was deleted.")

    def keep(self, function_arns: set[str]) -> None:
        """Forget every function but these."""
        for arn in self._pools.keys() - function_arns:
            self.forget(arn)

    def stop(self) -> None:
        """End every worker, busy or not."""
        for arn in list(self._pools):
            self.forget(arn)
        for worker in list(self._workers.values()):
            if worker.current is not None:
                text = "The local cloud stopped or was reset."
                self._finish(worker, error_payload("ServiceException", text), "Unhandled")
            self._kill(worker)

    def processes(self) -> list[int]:
        """The process ids of the live workers."""
        return [worker.process.pid for worker in self._workers.values()]

    def _concurrency_of(self, pool: Pool) -> int:
        """How many invocations of the function are under way, those included that wait for a
        worker to start."""
        arn = pool.function.function_arn
        running = sum(
            worker.current is not None and worker.pool.function.function_arn == arn
            for worker in self._workers.values()
        )
        return running + sum(not invocation.done.cancelled() for invocation in pool.waiting)

    def _fail_waiting(self, pool: Pool, kind: str, message: str) -> None:
        while pool.waiting:
            invocation = pool.waiting.popleft()
            if not invocation.done.done():
                result = Result(error_payload(kind, message), "Unhandled", invocation.request_id)
                result.denied = kind == "AccessDeniedException"
                invocation.done.set_result(result)

    # -- Pools: which code, how many workers ---------------------------------------------

    def _pool(self, function: LambdaFunction) -> Pool:
        """The function's pool; a change of code or configuration starts a new one."""
        fingerprint = _fingerprint(function)
        pool = self._pools.get(function.function_arn)
        if pool is not None and pool.fingerprint == fingerprint:
            return pool
        code = self._directory / f"task-{secrets.token_hex(6)}"
        try:
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
                package.extractall(code)
        except Exception:
            shutil.rmtree(code, ignore_errors=True)  # the half of it that is there
            raise
        fresh = Pool(function, fingerprint, code)
        if pool is not None:
            fresh.waiting, pool.waiting = pool.waiting, deque()
            self._retire(pool)
        self._pools[function.function_arn] = fresh
        return fresh

    def _retire(self, pool: Pool) -> None:
        """Let busy workers finish, end the idle ones."""
        pool.retired = True
        for worker in list(pool.workers):
            if worker.current is None:
                self._kill(worker)
        if not pool.workers:
            shutil.rmtree(pool.code, ignore_errors=True)

    def _dispatch(self) -> None:
        """Hand waiting work to idle workers, and start workers where that is worth it."""
        for pool in self._pools.values():
            for worker in pool.workers:
                if not pool.waiting or self._busy >= self._concurrency:
                    break
                if worker.asking is not None and (invocation := _next_wanted(pool)):
                    self._start(worker, invocation)
            try:
                while self._should_grow(pool):
                    self._spawn(pool)
            except _NotAssumableError:
                if not pool.workers:  # those that run keep the credentials that they have
                    self._fail_waiting(pool, "AccessDeniedException", NOT_ASSUMABLE)
            except OSError as error:  # too large an environment, no more processes, ...
                logger.error("No worker for %s: %s", pool.function.function_name, error)
                self._fail_waiting(pool, "ServiceException", f"No worker can be started: {error}")

    def _should_grow(self, pool: Pool) -> bool:
        # Still starting, or on its way from its last answer to its next question.
        coming = sum(worker.current is None and worker.asking is None for worker in pool.workers)
        if len(pool.workers) >= self._concurrency or coming >= len(pool.waiting):
            return False
        slow = time.monotonic() - pool.last_progress > _SLOW_SECONDS
        return slow or len(pool.workers) < _EAGER_WORKERS

    # -- Workers: start, work, end ---------------------------------------------------------

    def _spawn(self, pool: Pool) -> None:
        if not lambda_may_assume(pool.function.role):
            raise _NotAssumableError
        token = secrets.token_urlsafe(16)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
        log_path = self._directory / f"log-{token}"
        log_path.touch()
        environment = self._environment(pool, token, stream)
        process = self._processes.start(pool.function.handler, environment, pool.code, log_path)
        usage = psutil.Process(process.pid)
        worker = Worker(pool, token, stream, log_path, time.monotonic(), process, usage)
        self._workers[token] = worker
        pool.workers.append(worker)
        self._logs.write(pool.function, stream, [f"INIT_START Runtime Version: {_runtime(pool)}"])
        self._tasks.start(self._watch(worker))

    def _environment(self, pool: Pool, token: str, stream: str) -> dict[str, str]:
        """The variables that AWS documents, the function's own, and nothing of ours.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        function = pool.function
        environment = {
            **SYSTEM_VARIABLES,
            **self._state.assume_role(function.role, function.function_name, function.region),
            "AWS_ENDPOINT_URL": f"http://{self.address}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_RUNTIME_API": f"{self.address}/_runtime/{token}",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "HOME": str(pool.code),  # keeps boto3 away from the learner's ~/.aws
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": str(pool.code),
            "_HANDLER": function.handler,
        }
        if os.name == "nt":
            environment |= {"SYSTEMROOT": os.environ["SYSTEMROOT"], "USERPROFILE": str(pool.code)}
        return environment | function.environment_vars

    async def _watch(self, worker: Worker) -> None:
        """Notice that a worker ended, or that it never got as far as asking for work."""
        init_deadline = worker.started + _INIT_SECONDS
        while worker.process.poll() is None:
            if worker.init_seconds is None and time.monotonic() > init_deadline:
                worker.init_error = error_payload(
                    "Sandbox.Timedout", "Init timed out after 10.00 seconds"
                )
                kill_group(worker.process)
            if worker.pool.waiting:
                self._dispatch()
            await asyncio.sleep(0.05 if worker.init_seconds is None else 0.25)
        self._ended(worker)

    def _ended(self, worker: Worker) -> None:
        pool = worker.pool
        if worker not in pool.workers:
            return
        pool.workers.remove(worker)
        status = f"Runtime exited with error: {_exit_status(worker.process.returncode or 0)}"
        invocation = worker.current
        if invocation is None and worker.init_seconds is None:
            invocation = _next_wanted(pool)  # as on AWS, a failed init fails an invocation
            if invocation is not None:
                self._begin(worker, invocation)
        if invocation is not None:
            text = f"RequestId: {invocation.request_id} Error: {status}"
            payload = worker.init_error or error_payload("Runtime.ExitError", text)
            self._finish(worker, payload, "Unhandled", extra=[] if worker.init_error else [text])
        self._forget(worker)
        self._dispatch()

    def _forget(self, worker: Worker) -> None:
        self._workers.pop(worker.token, None)
        if worker.asking is not None and not worker.asking.done():
            worker.asking.set_result(json_response(410, {"errorMessage": "Retired."}))
        if worker.process.stdin:
            worker.process.stdin.close()
        worker.log_path.unlink(missing_ok=True)
        if worker.pool.retired and not worker.pool.workers:
            shutil.rmtree(worker.pool.code, ignore_errors=True)

    def _kill(self, worker: Worker) -> None:
        if worker in worker.pool.workers:
            worker.pool.workers.remove(worker)
        kill_group(worker.process)
        worker.process.wait()
        self._forget(worker)

    # -- Invocations ---------------------------------------------------------------------

    async def _next(self, worker: Worker) -> Response:
        if worker.init_seconds is None:
            worker.init_seconds = time.monotonic() - worker.started
            self._logs.write(worker.pool.function, worker.log_stream, _printed(worker))
        if worker.pool.retired:
            self._kill(worker)
            return json_response(410, {"errorMessage": "Retired."})
        asking: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        worker.asking = asking
        self._dispatch()  # may answer it at once
        return await asking

    def _begin(self, worker: Worker, invocation: Invocation) -> None:
        worker.current = invocation
        invocation.started = worker.pool.last_progress = time.monotonic()
        invocation.started_ms = int(time.time() * 1000)
        self._busy += 1

    def _start(self, worker: Worker, invocation: Invocation) -> None:
        """Answer the worker's open request with an invocation."""
        function = worker.pool.function
        asking, worker.asking = worker.asking, None
        assert asking is not None
        self._begin(worker, invocation)
        loop = asyncio.get_running_loop()
        invocation.timeout = loop.call_later(function.timeout, self._time_out, worker, invocation)
        headers = [
            ("Content-Type", "application/json"),  # the native client dies without it
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + function.timeout) * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", function.function_arn),
            ("Lambda-Runtime-Trace-Id", _trace_id()),
        ]
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        asking.set_result(Response(200, invocation.payload, tuple(headers)))

    def _answer(self, worker: Worker, request_id: str, body: bytes, error: str | None) -> Response:
        if worker.current is None or worker.current.request_id != request_id:
            return json_response(400, {"errorMessage": f"{request_id} is not being worked on."})
        self._finish(worker, body, error)
        self._dispatch()
        return json_response(202, {"status": "OK"})

    def _time_out(self, worker: Worker, invocation: Invocation) -> None:
        if worker.current is not invocation:
            return
        seconds = f"{worker.pool.function.timeout:.2f} seconds"
        text = f"RequestId: {invocation.request_id} Error: Task timed out after {seconds}"
        line = f"{clock.timestamp()} {invocation.request_id} Task timed out after {seconds}"
        self._finish(worker, error_payload("Sandbox.Timedout", text), "Unhandled", extra=[line])
        self._kill(worker)
        self._dispatch()

    def _finish(
        self, worker: Worker, payload: bytes, error: str | None, extra: list[str] | None = None
    ) -> None:
        invocation = worker.current
        assert invocation is not None
        worker.current = None
        self._busy -= 1
        worker.pool.last_progress = time.monotonic()
        if invocation.timeout is not None:
            invocation.timeout.cancel()
        function = worker.pool.function
        start = f"START RequestId: {invocation.request_id} Version: {function.version}"
        lines = [
            *_printed(worker),
            *(extra or []),
            f"END RequestId: {invocation.request_id}",
            _report(worker, invocation),
        ]
        worker.cold = False
        tail = "\n".join([start, *lines]).encode()[-_TAIL_BYTES:]
        if not invocation.done.done():
            invocation.done.set_result(Result(payload, error, invocation.request_id, tail))
        self._logs.write(function, worker.log_stream, [start], invocation.started_ms)
        self._logs.write(function, worker.log_stream, lines)


def _next_wanted(pool: Pool) -> Invocation | None:
    """The next invocation that somebody waits for, and still wants."""
    while pool.waiting:
        invocation = pool.waiting.popleft()
        if invocation.done.done():
            continue
        if invocation.wanted():
            return invocation
        invocation.done.set_exception(ThrottledError())
    return None


def _fingerprint(function: LambdaFunction) -> str:
    """Everything that a running worker has taken in from its function."""
    return json.dumps(
        [
            function.code_sha_256,
            function.handler,
            function.role,
            function.timeout,
            function.memory_size,
            function.environment_vars,
            function.run_time,
        ],
        sort_keys=True,
    )


def _printed(worker: Worker) -> list[str]:
    """The lines that the worker has written since the last time."""
    with open(worker.log_path, "rb") as log:
        log.seek(worker.log_position)
        written = log.read()
    worker.log_position += len(written)
    text = written.decode("utf-8", "replace")
    # awslambdaric joins the lines of a traceback by carriage returns, to make them one event.
    return [line.replace("\r", "\n") for line in text.split("\n") if line]


def _report(worker: Worker, invocation: Invocation) -> str:
    duration_ms = (time.monotonic() - invocation.started) * 1000
    init_ms = worker.init_seconds * 1000 if worker.cold and worker.init_seconds else 0.0
    fields = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {int(duration_ms + init_ms) + 1} ms",
        f"Memory Size: {worker.pool.function.memory_size} MB",
        f"Max Memory Used: {_memory_mb(worker.usage)} MB",
    ]
    if init_ms:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    return "\t".join(fields) + "\t"


def _memory_mb(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss) >> 20
    except psutil.Error:
        return 0


def _runtime(pool: Pool) -> str:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{pool.function.run_time} (this machine's Python {version})"


def _exit_status(returncode: int) -> str:
    """As AWS puts it: "exit status 1", "signal: killed"."""
    if returncode < 0:
        return f"signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"
    return f"exit status {returncode}"


def error_payload(kind: str, message: str) -> bytes:
    """What a failed invocation answers."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"
