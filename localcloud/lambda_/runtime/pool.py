"""Runs functions: warm worker processes that speak the Lambda Runtime API.

A worker asks for its next invocation and is kept waiting until there is one; work that
finds no idle worker waits in its function's queue and is never dropped. A function gets a
second worker as soon as work waits, and more only while its invocations are slow: on a
machine with two cores, quick handlers gain nothing from more processes. One that has had nothing
to do for some minutes is let go.

Whatever fails here fails at most the invocation at hand. An invocation's end sets its result
first and does what may fail after that; a worker that neither works nor asks for work is replaced;
and where the machine has run out of something that may be there again in a moment, work waits.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from moto.awslambda.models import LambdaFunction

from localcloud import clock, tasks
from localcloud.host.resources import is_disk_full, make_hiding_place, may_pass
from localcloud.iam.policies import NOT_ASSUMABLE, lambda_may_assume
from localcloud.lambda_.runtime.output import Output
from localcloud.lambda_.runtime.packages import Package
from localcloud.lambda_.runtime.processes import (
    SYSTEM_VARIABLES,
    Forked,
    Process,
    Processes,
    kill,
    kill_group,
)
from localcloud.logs.writer import LogWriter
from localcloud.tasks import Tasks
from localcloud.upstream import Request, Response, State, json_response

logger = logging.getLogger(__name__)
_EAGER_WORKERS = 2  # per function, before slowness has to justify another
_SLOW_SECONDS = 1.0
_INIT_SECONDS = 10.0  # AWS's own limit for the init phase
# From an answer to the next question takes a worker a millisecond. After the first of these two it
# keeps no other from being started any more, after the second it is ended.
_COMING_SECONDS, _LOST_SECONDS = 1.0, 5.0
# How long a worker may have nothing to do, on this machine's clock: one of several of its function,
# and the last one, which saves the next order a cold start.
_SPARE_SECONDS, _WARM_SECONDS = 60.0, 300.0
# When no worker can be started for want of something that may be there again: how long to wait
# before it is tried again, and how long work waits for that.
_RETRY_SECONDS, _PATIENCE_SECONDS = 0.25, 30.0
_SPOILED = 3  # times in a row that a package or a fork server may go away while a worker starts
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


class _NoPackageError(Exception):
    """The function's package cannot be unpacked."""


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
    queued: float = field(default_factory=time.monotonic)
    started: float = 0.0
    started_ms: int = 0
    timeout: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Worker:
    """One process, and what it is doing. `asking` is its open request for work. `since` is when
    it began to do what it does now: start, work, or neither."""

    pool: Pool
    token: str
    log_stream: str
    output: Output
    directory: Path
    since: float
    process: Process | None = None  # while it is on its way
    usage: psutil.Process | None = None  # the same process, for its memory
    asking: asyncio.Future[Response] | None = None
    current: Invocation | None = None
    init_seconds: float | None = None
    cold: bool = True
    init_error: bytes | None = None

    @property
    def state(self) -> str:
        if self.init_seconds is None:
            return "starting"
        if self.current is not None:
            return "busy"
        return "idle" if self.asking is not None else "coming"


class Pool:
    """The workers of one function at one version of its code and configuration."""

    def __init__(self, function: LambdaFunction, fingerprint: str, package: Package) -> None:
        self.function = function
        self.fingerprint = fingerprint
        self.package = package
        self.workers: list[Worker] = []
        self.waiting: deque[Invocation] = deque()
        self.last_progress = time.monotonic()
        self.is_unpacking = False
        self.spoiled = 0  # starts of workers in a row that were not the function's fault
        self.failures = 0  # to start a worker, in a row
        self.retry_at = 0.0  # before that, no worker is started
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
        self._directory = directory / "functions"
        self._state = state
        self._logs = logs
        self._concurrency = concurrency
        self._processes = Processes(client, self._look_soon)
        self.address = ""  # host:port, once the server is bound
        self._pools: dict[str, Pool] = {}
        self._workers: dict[str, Worker] = {}
        self._ending: list[Process] = []  # killed, and not gone yet
        self._busy = 0
        self._tasks = Tasks()
        self._tending: asyncio.Task[None] | None = None
        self._counts: Counter[str] = Counter()

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
        if self._tending is None:
            self._tending = self._tasks.supervise("The look at the workers", self._tend)
        pool = self._pool(function)
        reserved = function.reserved_concurrency
        if reserved is not None and self._concurrency_of(pool) >= int(reserved):
            raise ThrottledError
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        request_id = request_id or new_request_id()
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
        return [w.process.pid for w in self._workers.values() if w.process is not None]

    def describe(self) -> dict[str, Any]:
        """What each function's workers do and since when (in seconds), what is under way and what
        waits; and how often something had to be begun again. Changes nothing."""
        return {
            "functions": [_described(pool) for pool in self._pools.values()],
            "tasks_restarted": tasks.restarted.total(),
            "workers_replaced": self._counts["replaced"],
            "fork_servers_replaced": self._processes.replaced,
            "spawn_failures": self._counts["spawn failures"],
        }

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
            result = _set(invocation, error_payload(kind, message), "Unhandled")
            result.denied = kind == "AccessDeniedException"

    # -- Pools: which code, how many workers ---------------------------------------------

    def _pool(self, function: LambdaFunction) -> Pool:
        """The function's pool; a change of code or configuration starts a new one."""
        fingerprint = _fingerprint(function)
        pool = self._pools.get(function.function_arn)
        if pool is not None and pool.fingerprint == fingerprint:
            return pool
        fresh = Pool(
            function, fingerprint, Package(getattr(function, "code_bytes", b""), self._directory)
        )
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
        self._clean(pool)

    def _clean(self, pool: Pool) -> None:
        """Remove unpacked packages that no worker needs any more."""
        package, used = pool.package, {worker.directory for worker in pool.workers}
        for directory in package.directories() if pool.retired else list(package.old):
            if directory in used or pool.is_unpacking:
                continue
            if directory in package.old:
                package.old.remove(directory)
            if package.is_large:
                self._tasks.start(asyncio.to_thread(shutil.rmtree, directory, True))
            else:
                shutil.rmtree(directory, ignore_errors=True)

    def _dispatch(self) -> None:
        """Hand waiting work to idle workers, and start workers where that is worth it."""
        for pool in list(self._pools.values()):
            if not pool.waiting:
                continue
            for worker in list(pool.workers):
                if not pool.waiting or self._busy >= self._concurrency:
                    break
                if _takes_work(worker) and (invocation := _next_wanted(pool)):
                    self._start(worker, invocation)
            try:
                while self._should_grow(pool):
                    self._grow(pool)
            except Exception as error:
                self._not_started(pool, error)

    def _should_grow(self, pool: Pool) -> bool:
        now = time.monotonic()
        if pool.is_unpacking or pool.retry_at > now:
            return False
        coming = sum(_is_coming(worker, now) for worker in pool.workers)
        if len(pool.workers) >= self._concurrency or coming >= len(pool.waiting):
            return False
        slow = now - pool.last_progress > _SLOW_SECONDS
        return slow or len(pool.workers) < _EAGER_WORKERS

    # -- Workers: start, work, end ---------------------------------------------------------

    def _grow(self, pool: Pool) -> None:
        """Begin to start a worker, or to unpack what it needs. Raises what goes wrong at once."""
        if not lambda_may_assume(pool.function.role):
            raise _NotAssumableError
        make_hiding_place(self._directory)
        if pool.package.is_whole():
            self._tasks.start(self._spawn(self._new_worker(pool)))
        elif pool.package.is_large:
            pool.is_unpacking = True
            self._tasks.start(self._unpack(pool))
        else:
            _unpack(pool)

    async def _unpack(self, pool: Pool) -> None:
        try:
            await asyncio.to_thread(_unpack, pool)
        except Exception as error:
            self._not_started(pool, error)
        finally:
            pool.is_unpacking = False
        self._clean(pool)
        self._dispatch()

    def _new_worker(self, pool: Pool) -> Worker:
        """A worker that is known before its process begins, which may ask for work at once."""
        assert pool.package.directory is not None
        token = secrets.token_urlsafe(16)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
        output = Output(self._directory)
        directory, now = pool.package.directory, time.monotonic()
        worker = Worker(pool, token, stream, output, directory, since=now)
        self._workers[token] = worker
        pool.workers.append(worker)
        return worker

    async def _spawn(self, worker: Worker) -> None:
        pool, handler = worker.pool, worker.pool.function.handler
        try:
            environment = self._environment(worker)
            process = await self._processes.start(
                handler, environment, worker.directory, worker.output.path
            )
        except Exception as error:
            self._kill(worker)
            self._not_started(pool, error)
            return
        worker.process, pool.failures = process, 0
        if worker not in pool.workers:  # it was ended before it began
            self._end(process)
            return
        worker.output.hide()
        if worker.init_seconds is None:
            worker.since = time.monotonic()
        started = f"INIT_START Runtime Version: {_runtime(pool)}"
        self._logs.write(pool.function, worker.log_stream, [started])

    def _not_started(self, pool: Pool, error: Exception) -> None:
        """No worker can be started. If something ran out that may be there again, work waits,
        as failing it would cost a message a receive, or an event a try, for nothing of its own
        fault. Else it fails, unless there are workers to do it."""
        name = pool.function.function_name
        self._counts["spawn failures"] += 1
        pool.failures += 1
        pool.retry_at = time.monotonic() + _RETRY_SECONDS
        if may_pass(error):
            logger.error("No worker for %s, which is tried again: %s", name, error)
            if not is_disk_full(error):
                self._make_room()
        elif pool.workers:  # those that run keep the credentials that they have
            logger.error("No other worker for %s: %r", name, error)
        else:
            pool.retry_at = 0.0
            self._fail_waiting(pool, *_reason(error, name))

    def _make_room(self) -> None:
        """End the worker that has been idle for longest, for what it holds."""
        idle = [w for w in self._workers.values() if w.state == "idle" and not w.pool.waiting]
        if idle:
            self._kill(min(idle, key=lambda worker: worker.since))

    def _give_up(self, pool: Pool) -> None:
        """Fail what has waited for too long for a function that gets no worker."""
        if not pool.failures or pool.workers:
            return
        while pool.waiting and time.monotonic() - pool.waiting[0].queued > _PATIENCE_SECONDS:
            invocation = pool.waiting.popleft()
            text = "No worker can be started: see the local cloud's log."
            _set(invocation, error_payload("ServiceException", text), "Unhandled")

    def _environment(self, worker: Worker) -> dict[str, str]:
        """The variables that AWS documents, the function's own, and nothing of ours.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        function, code = worker.pool.function, str(worker.directory)
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
            "AWS_LAMBDA_LOG_STREAM_NAME": worker.log_stream,
            "AWS_LAMBDA_RUNTIME_API": f"{self.address}/_runtime/{worker.token}",
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "HOME": code,  # keeps boto3 away from the learner's ~/.aws
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": code,
            "_HANDLER": function.handler,
        }
        if os.name == "nt":
            environment |= {"SYSTEMROOT": os.environ["SYSTEMROOT"], "USERPROFILE": code}
        return environment | function.environment_vars

    async def _tend(self) -> None:
        """Look at all workers, again and again."""
        while True:
            hurries = any(pool.waiting for pool in self._pools.values())
            hurries |= any(worker.init_seconds is None for worker in self._workers.values())
            await asyncio.sleep(0.05 if hurries else 0.25)
            self._look_around()

    def _look_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._look_around)

    def _look_around(self) -> None:
        """Notice what became of the workers, and do what follows. None keeps us from the next."""
        for worker in list(self._workers.values()):
            try:
                self._look_at(worker)
            except Exception:
                logger.exception("Worker %s cannot be looked at", _pid(worker))
        for process in list(self._ending):
            if process.returncode is not None:
                self._ending.remove(process)
                process.release()
        for pool in list(self._pools.values()):
            self._give_up(pool)
        self._dispatch()

    def _look_at(self, worker: Worker) -> None:
        process, seconds = worker.process, time.monotonic() - worker.since
        if process is None:  # whose start has a limit of its own
            return
        if process.returncode is not None:
            self._ended(worker)
        elif worker.state == "starting" and seconds > _INIT_SECONDS:
            text = f"Init timed out after {_INIT_SECONDS:.2f} seconds"
            worker.init_error = error_payload("Sandbox.Timedout", text)
            self._ended(worker)
        elif worker.state == "coming" and seconds > _LOST_SECONDS:
            self._replace(worker, "it does not ask for work")
        elif worker.state == "busy":
            worker.output.trim()
        elif worker.state == "idle" and process.is_stopped:
            self._replace(worker, "it is stopped")
        elif worker.state == "idle" and seconds > _idle_limit(worker):
            self._kill(worker)

    def _replace(self, worker: Worker, why: str) -> None:
        """End a worker that misbehaves. The next one comes when there is work."""
        name = worker.pool.function.function_name
        logger.error("Worker %s of %s is replaced: %s", _pid(worker), name, why)
        self._counts["replaced"] += 1
        if worker.current is not None:
            self._exited(worker, worker.current)
        self._kill(worker)
        self._dispatch()

    def _ended(self, worker: Worker) -> None:
        """A worker ended, or it never got as far as asking for work."""
        pool, invocation = worker.pool, worker.current
        if worker not in pool.workers:
            return
        if invocation is None and worker.state == "starting" and not _is_spoiled(worker):
            invocation = _next_wanted(pool)  # as on AWS, a failed init fails an invocation
            if invocation is not None:
                self._begin(worker, invocation)
        if invocation is not None:
            self._exited(worker, invocation)
        self._kill(worker)
        self._dispatch()

    def _exited(self, worker: Worker, invocation: Invocation) -> None:
        """The invocation under way ends with its worker."""
        code = worker.process.returncode if worker.process else None
        status = _exit_status(-signal.SIGKILL if code is None else code)
        text = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {status}"
        payload = worker.init_error or error_payload("Runtime.ExitError", text)
        self._finish(worker, payload, "Unhandled", extra=[] if worker.init_error else [text])

    def _kill(self, worker: Worker) -> None:
        """Forget a worker, and end what is left of it."""
        self._workers.pop(worker.token, None)
        if worker in worker.pool.workers:
            worker.pool.workers.remove(worker)
        if worker.asking is not None and not worker.asking.done():
            worker.asking.set_result(json_response(410, {"errorMessage": "Retired."}))
        try:
            if worker.process is not None:
                self._end(worker.process)
            worker.output.close()
            self._clean(worker.pool)
        except Exception:
            logger.exception("Something is left of worker %s", _pid(worker))

    def _end(self, process: Process) -> None:
        if process.returncode is not None:
            kill_group(process.pid)  # what the handler has started
            process.release()
        else:
            self._ending.append(process)
            kill(process)

    # -- Invocations ---------------------------------------------------------------------

    async def _next(self, worker: Worker) -> Response:
        if worker.current is not None or worker.asking is not None:
            self._replace(worker, "it asks for more work than it does")
            return json_response(410, {"errorMessage": "Retired."})
        if worker.pool.retired:
            self._kill(worker)
            return json_response(410, {"errorMessage": "Retired."})
        if worker.init_seconds is None:
            worker.init_seconds = time.monotonic() - worker.since
            worker.pool.spoiled = 0
            self._logs.write(worker.pool.function, worker.log_stream, _printed(worker))
        asking: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        worker.asking, worker.since = asking, time.monotonic()
        self._dispatch()  # may answer it at once
        return await asking

    def _begin(self, worker: Worker, invocation: Invocation) -> None:
        worker.current = invocation
        invocation.started = worker.since = worker.pool.last_progress = time.monotonic()
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
        """End the invocation under way. Its result is set before anything that may fail, and has
        its log's end in time: anyone who waits for it goes on after us."""
        invocation, now = worker.current, time.monotonic()
        assert invocation is not None
        worker.current = None
        worker.since = worker.pool.last_progress = now
        self._busy -= 1
        if invocation.timeout is not None:
            invocation.timeout.cancel()
        result = _set(invocation, payload, error)
        try:
            result.log_tail = self._log(worker, invocation, extra or [])
        except Exception:
            logger.exception("The lines of %s are lost", invocation.request_id)
        worker.cold = False

    def _log(self, worker: Worker, invocation: Invocation, extra: list[str]) -> bytes:
        """Write what the invocation has to say; returns the end of it."""
        function = worker.pool.function
        start = f"START RequestId: {invocation.request_id} Version: {function.version}"
        end = [f"END RequestId: {invocation.request_id}", _report(worker, invocation)]
        lines = [*_printed(worker), *extra, *end]
        self._logs.write(function, worker.log_stream, [start], invocation.started_ms)
        self._logs.write(function, worker.log_stream, lines)
        return "\n".join([start, *lines]).encode()[-_TAIL_BYTES:]


def _takes_work(worker: Worker) -> bool:
    """Whether it asks for work. One that is stopped would only let it time out."""
    stopped = isinstance(worker.process, Forked) and worker.process.is_stopped
    return worker.asking is not None and not stopped


def _is_coming(worker: Worker, now: float) -> bool:
    """Still starting, or on its way from its last answer to its next question."""
    if worker.state == "coming":
        return now - worker.since < _COMING_SECONDS
    return worker.state == "starting"


def _idle_limit(worker: Worker) -> float:
    return _SPARE_SECONDS if len(worker.pool.workers) > 1 else _WARM_SECONDS


def _unpack(pool: Pool) -> None:
    """Unpack a function's package. Raises _NoPackageError if that cannot be done."""
    try:
        pool.package.unpack()
    except Exception as error:
        if may_pass(error):
            raise
        raise _NoPackageError(str(error)) from error


def _is_spoiled(worker: Worker) -> bool:
    """Whether it could not start as its package or its fork server went away. That is not the
    function's fault, unless it is so each time."""
    pool, is_lost = worker.pool, worker.process is not None and worker.process.is_lost
    if pool.spoiled >= _SPOILED or not (is_lost or not pool.package.is_whole()):
        return False
    pool.spoiled += 1
    return True


def _reason(error: Exception, function: str) -> tuple[str, str]:
    """Why an invocation fails that gets no worker: the error's type and message."""
    if isinstance(error, _NotAssumableError):
        return "AccessDeniedException", NOT_ASSUMABLE
    if isinstance(error, _NoPackageError):
        text = f"Lambda could not unzip the package of {function}: {error}"
        logger.error(text)
        return "InvalidZipFileException", text
    logger.error("No worker for %s", function, exc_info=error)
    return "ServiceException", f"No worker can be started: {error}"


def _set(invocation: Invocation, payload: bytes, error: str | None) -> Result:
    """Give an invocation its result."""
    result = Result(payload, error, invocation.request_id)
    if not invocation.done.done():
        invocation.done.set_result(result)
    return result


def _pid(worker: Worker) -> int | None:
    return worker.process.pid if worker.process else None


def _described(pool: Pool) -> dict[str, Any]:
    now = time.monotonic()
    waits = [now - invocation.queued for invocation in pool.waiting if not invocation.done.done()]
    return {
        "function": pool.function.function_name,
        "arn": pool.function.function_arn,
        "workers": [
            {"pid": _pid(worker), "state": worker.state, "seconds": round(now - worker.since, 3)}
            for worker in pool.workers
        ],
        "under_way": [
            {"request_id": w.current.request_id, "seconds": round(now - w.current.started, 3)}
            for w in pool.workers
            if w.current is not None
        ],
        "waiting": len(waits),
        "longest_wait_seconds": round(max(waits, default=0.0), 3),
        "failures_to_start": pool.failures,
    }


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
    """The lines that the worker has written since the last time. If they cannot be read, that is
    a line, too."""
    try:
        return worker.output.read()
    except (OSError, MemoryError) as error:
        return [f"[local cloud] What was printed cannot be read: {error}"]


def _report(worker: Worker, invocation: Invocation) -> str:
    duration_ms = (time.monotonic() - invocation.started) * 1000
    init_ms = worker.init_seconds * 1000 if worker.cold and worker.init_seconds else 0.0
    fields = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {int(duration_ms + init_ms) + 1} ms",
        f"Memory Size: {worker.pool.function.memory_size} MB",
        f"Max Memory Used: {_memory_mb(worker)} MB",
    ]
    if init_ms:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    return "\t".join(fields) + "\t"


def _memory_mb(worker: Worker) -> int:
    try:
        if worker.usage is None and worker.process is not None:
            worker.usage = psutil.Process(worker.process.pid)
        return int(worker.usage.memory_info().rss) >> 20 if worker.usage else 0
    except (psutil.Error, OSError):
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
