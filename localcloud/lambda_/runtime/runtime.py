"""Runs functions: warm worker processes that speak the Lambda Runtime API.

A worker asks for its next invocation, and its request stays open until there is one. Work that
finds no idle worker waits in its function's queue, and is never dropped. A function gets a second
worker as soon as work waits, and more only while its invocations are slow: on a machine with two
cores, more processes do not make quick handlers faster. A worker that is idle for some minutes
ends.

A failure here fails at most one invocation. At its end we set the result first, and do what may
fail after that. We replace a worker that neither works nor asks for work. If the machine runs out
of something that may be there again in a moment, work waits.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import signal
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import LambdaFunction

from localcloud import clock, steps, tasks
from localcloud.deliver import ThrottledError
from localcloud.host.resources import is_disk_full, make_hiding_place, may_pass
from localcloud.http import Request, Response, json_response
from localcloud.iam.policies import NOT_ASSUMABLE, lambda_may_assume
from localcloud.lambda_.runtime.environment import environment_of
from localcloud.lambda_.runtime.output import Output
from localcloud.lambda_.runtime.packages import Package
from localcloud.lambda_.runtime.pool import Pool, fingerprint_of
from localcloud.lambda_.runtime.processes import Process, Processes, kill, kill_group
from localcloud.lambda_.runtime.report import (
    TAIL_BYTES,
    error_payload,
    new_trace_id,
    printed,
    why_exited,
    without_place,
)
from localcloud.lambda_.runtime.system_log import end_lines, init_lines, start_lines
from localcloud.lambda_.runtime.worker_handle import (
    Invocation,
    Result,
    Worker,
    finish_with,
    new_request_id,
)
from localcloud.tasks import Tasks

if TYPE_CHECKING:
    from localcloud.logs.writer import LogWriter

logger = logging.getLogger(__name__)
_EAGER_WORKERS = 2  # per function; only slow invocations justify more
_INIT_SECONDS = 10.0  # AWS's own limit for the init phase
_LOST_SECONDS = 5.0  # from an answer to the next question; then a worker is ended
# If something runs out that a new worker needs, and may be there again in a moment: how long to
# wait before the next try, and how long work waits in all.
_RETRY_SECONDS, _PATIENCE_SECONDS = 0.25, 30.0
_MAX_REPLY = 6 * 1024 * 1024 + 100  # bytes
_TOO_LARGE = f"Response payload size exceeded maximum allowed payload size ({_MAX_REPLY} bytes)."
_GIVEN_UP = "The local cloud was stopped, reset or restored."


class _NotAssumableError(Exception):
    """Lambda may no longer assume the function's role, so the function gets no worker."""


class _NoPackageError(Exception):
    """The function's package cannot be unpacked."""


class Runtime:
    """Invokes functions, at most `concurrency` at the same time."""

    def __init__(
        self,
        directory: Path,
        logs: LogWriter,
        *,
        concurrency: int = 10,
        client: str = "native",
    ) -> None:
        self._directory = directory / "functions"
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

    async def invoke(
        self,
        function: LambdaFunction,
        payload: bytes,
        client_context: str | None = None,
        request_id: str | None = None,
        wanted: Callable[[], bool] = lambda: True,
        invoked_as: str = "",
    ) -> Result:
        """Run the function on the event's JSON bytes and wait for its answer. `invoked_as` is the
        ARN that named it, with a qualifier if there was one.

        A handler that raises, times out or dies gives a Result with an error, not an exception. So
        does a package that cannot be unpacked.
        Raises ThrottledError if the function's reserved concurrency is used up, or if it is no
        longer `wanted` when its turn comes.
        """
        if self._tending is None:
            self._tending = self._tasks.supervise("The check of the workers", self._tend)
        pool = self._pool(function)
        reserved = function.reserved_concurrency
        if reserved is not None and self._concurrency_of(pool) >= int(reserved):
            raise ThrottledError
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        request_id = request_id or new_request_id()
        arn = invoked_as or function.function_arn
        invocation = Invocation(payload, client_context, done, wanted, request_id, arn)
        pool.waiting.append(invocation)
        self._dispatch()
        began_ms = clock.now_ms()
        result = await done
        _note(function, payload, result, began_ms)
        return result

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
        """Forget every function but these. If there is one, get ready to start workers, so that
        the first need not wait. If that fails, the start of a worker tries it again."""
        if function_arns:
            with suppress(OSError):
                self._processes.prepare()
        for arn in self._pools.keys() - function_arns:
            self.forget(arn)

    def stop(self) -> None:
        """End every worker, busy or not."""
        self.give_up()
        for arn in list(self._pools):
            self.forget(arn)
        for worker in list(self._workers.values()):
            self._kill(worker)

    def give_up(self) -> None:
        """End every invocation that waits or is under way, and the busy workers."""
        for pool in self._pools.values():
            self._fail_waiting(pool, "ServiceException", _GIVEN_UP)
        for worker in list(self._workers.values()):
            if worker.current is not None:
                self._finish(worker, error_payload("ServiceException", _GIVEN_UP), "Unhandled")
                self._kill(worker)

    def adopt(self, functions: Iterable[LambdaFunction]) -> None:
        """Work for these functions from now on, which may be new ones with the same names. Keep the
        workers of functions that have not changed."""
        adopted = {function.function_arn: function for function in functions}
        for arn, pool in list(self._pools.items()):
            if arn not in adopted or fingerprint_of(adopted[arn]) != pool.fingerprint:
                self.forget(arn)
            else:
                pool.function = adopted[arn]

    def access_key_ids(self) -> set[str]:
        """The access keys of the live workers."""
        return {worker.access_key_id for worker in self._workers.values()}

    def processes(self) -> list[int]:
        """The process ids of the live workers."""
        return [w.process.pid for w in self._workers.values() if w.process is not None]

    def is_idle(self) -> bool:
        """Whether no invocation waits or is under way."""
        waits = any(not each.done.done() for pool in self._pools.values() for each in pool.waiting)
        return not self._busy and not waits

    def describe(self) -> dict[str, Any]:
        """What each function's workers do and for how long (in seconds), what is under way, what
        waits, and how often something had to start again. Changes nothing."""
        return {
            "functions": [pool.describe() for pool in self._pools.values()],
            "tasks_restarted": tasks.restarted.total(),
            "workers_replaced": self._counts["replaced"],
            "fork_servers_replaced": self._processes.replaced,
            "spawn_failures": self._counts["spawn failures"],
        }

    def _concurrency_of(self, pool: Pool) -> int:
        """How many invocations of the function are under way, including those that wait for a
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
            result = finish_with(invocation, error_payload(kind, message), "Unhandled")
            result.denied = kind == "AccessDeniedException"

    # -- Pools: which code, how many workers ---------------------------------------------

    def _pool(self, function: LambdaFunction) -> Pool:
        """The function's pool. New code or configuration gets a new pool."""
        fingerprint = fingerprint_of(function)
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
        """Let busy workers finish, and end the idle ones."""
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
        """Give waiting work to idle workers, and start workers where that is worth it."""
        for pool in list(self._pools.values()):
            if not pool.waiting:
                continue
            for worker in list(pool.workers):
                if not pool.waiting or self._busy >= self._concurrency:
                    break
                if worker.takes_work and (invocation := pool.next_wanted()):
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
        coming = sum(worker.is_coming(now) for worker in pool.workers)
        if len(pool.workers) >= self._concurrency or coming >= len(pool.waiting):
            return False
        return pool.starts_slowly() or len(pool.workers) < _EAGER_WORKERS

    # -- Workers: start, work, end ---------------------------------------------------------

    def _grow(self, pool: Pool) -> None:
        """Begin to start a worker, or to unpack its package. Raises what goes wrong at once."""
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
        """Register a worker before its process begins, as that may ask for work at once."""
        assert pool.package.directory is not None
        token = secrets.token_urlsafe(16)
        day, version = time.strftime("%Y/%m/%d", time.gmtime()), pool.function.version
        stream = f"{day}/[{version}]{uuid.uuid4().hex}"
        output = Output(self._directory)
        directory, now = pool.package.directory, time.monotonic()
        worker = Worker(pool, token, stream, output, directory, since=now)
        self._workers[token] = worker
        pool.workers.append(worker)
        return worker

    async def _spawn(self, worker: Worker) -> None:
        pool, handler = worker.pool, worker.pool.function.handler
        try:
            environment = environment_of(worker, self.address)
            process = await self._processes.start(
                handler, environment, worker.directory, worker.output.path
            )
        except Exception as error:
            self._kill(worker)
            self._not_started(pool, error)
            return
        worker.process, pool.failures = process, 0
        if worker not in pool.workers:  # we ended it before it began
            self._end(process)
            return
        worker.output.hide()
        if worker.init_seconds is None:
            worker.since = time.monotonic()
        self._logs.write(pool.function, worker.log_stream, init_lines(worker))

    def _not_started(self, pool: Pool, error: Exception) -> None:
        """Handle a worker that cannot start. If something ran out that may be there again, work
        waits: to fail would cost a message a receive, or an event a try, and they did nothing
        wrong. Otherwise work fails, unless other workers can do it."""
        name = pool.function.function_name
        self._counts["spawn failures"] += 1
        pool.failures += 1
        pool.retry_at = time.monotonic() + _RETRY_SECONDS
        if may_pass(error):
            logger.error("No worker for %s; trying again: %s", name, error)
            if not is_disk_full(error):
                self._make_room()
        elif pool.workers:  # running workers keep their credentials
            logger.error("No other worker for %s: %r", name, error)
        else:
            pool.retry_at = 0.0
            self._fail_waiting(pool, *_reason(error, name))

    def _make_room(self) -> None:
        """End the worker that has been idle longest, to free what it holds."""
        idle = [w for w in self._workers.values() if w.state == "idle" and not w.pool.waiting]
        if idle:
            self._kill(min(idle, key=lambda worker: worker.since))

    def _give_up(self, pool: Pool) -> None:
        """Fail work that has waited too long for a function without workers."""
        if not pool.failures or pool.workers:
            return
        while pool.waiting and time.monotonic() - pool.waiting[0].queued > _PATIENCE_SECONDS:
            invocation = pool.waiting.popleft()
            text = "No worker could be started; see the local cloud's log."
            finish_with(invocation, error_payload("ServiceException", text), "Unhandled")

    async def _tend(self) -> None:
        """Check all workers, again and again."""
        while True:
            hurries = any(pool.waiting for pool in self._pools.values())
            hurries |= any(worker.init_seconds is None for worker in self._workers.values())
            await asyncio.sleep(0.05 if hurries else 0.25)
            self._look_around()

    def _look_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._look_around)

    def _look_around(self) -> None:
        """Check each worker and do what is needed. An error with one does not stop the others."""
        for worker in list(self._workers.values()):
            try:
                self._look_at(worker)
            except Exception:
                logger.exception("Worker %s cannot be checked", worker.pid)
        for process in list(self._ending):
            if process.returncode is not None:
                self._ending.remove(process)
                process.release()
        for pool in list(self._pools.values()):
            self._give_up(pool)
        self._dispatch()

    def _look_at(self, worker: Worker) -> None:
        process, seconds = worker.process, time.monotonic() - worker.since
        if process is None:  # the start has its own time limit
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
        elif worker.state == "idle" and seconds > worker.pool.idle_limit():
            self._kill(worker)

    def _replace(self, worker: Worker, why: str) -> None:
        """End a worker that misbehaves. A new one starts when there is work."""
        name = worker.pool.function.function_name
        logger.error("Worker %s of %s is replaced: %s", worker.pid, name, why)
        self._counts["replaced"] += 1
        if worker.current is not None:
            self._exited(worker, worker.current)
        self._kill(worker)
        self._dispatch()

    def _ended(self, worker: Worker) -> None:
        """Handle a worker that ended, or never got as far as asking for work."""
        pool, invocation = worker.pool, worker.current
        if worker not in pool.workers:
            return
        if invocation is None and worker.state == "starting" and not pool.is_spoiled(worker):
            invocation = pool.next_wanted()  # as on AWS, a failed init fails an invocation
            if invocation is not None:
                self._begin(worker, invocation)
        if invocation is not None:
            self._exited(worker, invocation)
        self._kill(worker)
        self._dispatch()

    def _exited(self, worker: Worker, invocation: Invocation) -> None:
        """End the invocation under way together with its worker."""
        code = worker.process.returncode if worker.process else None
        why = why_exited(-signal.SIGKILL if code is None else code)
        text = f"RequestId: {invocation.request_id} Error: {why}"
        payload = worker.init_error or error_payload("Runtime.ExitError", text)
        self._finish(worker, payload, "Unhandled", extra=[] if worker.init_error else [text])

    def _kill(self, worker: Worker) -> None:
        """Forget a worker, and end what remains of it."""
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
            logger.exception("Something remains of worker %s", worker.pid)

    def _end(self, process: Process) -> None:
        if process.returncode is not None:
            kill_group(process.pid)  # what the handler started
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
            self._logs.write(worker.pool.function, worker.log_stream, printed(worker))
        asking: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        worker.asking, worker.since = asking, time.monotonic()
        self._dispatch()  # may answer it at once
        return await asking

    def _begin(self, worker: Worker, invocation: Invocation) -> None:
        worker.begin(invocation)
        self._busy += 1

    def _start(self, worker: Worker, invocation: Invocation) -> None:
        """Give an invocation to a worker, as the answer to its open request."""
        function = worker.pool.function
        asking, worker.asking = worker.asking, None
        assert asking is not None
        self._begin(worker, invocation)
        loop = asyncio.get_running_loop()
        invocation.timeout = loop.call_later(function.timeout, self._time_out, worker, invocation)
        headers = [
            ("Content-Type", "application/json"),  # the native client dies without it
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(clock.now_ms() + function.timeout * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_as),
            ("Lambda-Runtime-Trace-Id", new_trace_id()),
        ]
        if invocation.client_context:
            headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
        asking.set_result(Response(200, invocation.payload, tuple(headers)))

    def _answer(self, worker: Worker, request_id: str, body: bytes, error: str | None) -> Response:
        if worker.current is None or worker.current.request_id != request_id:
            return json_response(400, {"errorMessage": f"{request_id} is not being worked on."})
        if len(body) > _MAX_REPLY:
            body, error = error_payload("Function.ResponseSizeTooLarge", _TOO_LARGE), "Unhandled"
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
        """End the invocation under way. Sets its result before anything that may fail. The end of
        the log still gets in: anyone who waits for the result goes on only after us."""
        invocation, now = worker.current, time.monotonic()
        assert invocation is not None
        worker.current = None
        worker.since = worker.pool.last_progress = now
        self._busy -= 1
        worker.pool.finished += 1
        worker.pool.failed += error is not None
        if invocation.timeout is not None:
            invocation.timeout.cancel()
        if error is not None:
            payload = without_place(payload, worker.directory)
        result = finish_with(invocation, payload, error)
        try:
            result.log_tail = self._log(worker, invocation, extra or [], error)
        except Exception:
            logger.exception("The lines of %s are lost", invocation.request_id)
        worker.cold = False

    def _log(
        self, worker: Worker, invocation: Invocation, extra: list[str], error: str | None
    ) -> bytes:
        """Write the invocation's log. Returns the end of it."""
        function, start = worker.pool.function, start_lines(worker, invocation)
        lines = [*printed(worker), *extra, *end_lines(worker, invocation, error)]
        self._logs.write(function, worker.log_stream, start, invocation.started_ms)
        self._logs.write(function, worker.log_stream, lines)
        return "\n".join([*start, *lines]).encode()[-TAIL_BYTES:]


def _note(function: LambdaFunction, payload: bytes, result: Result, began_ms: float) -> None:
    """Note an invocation among the steps of its message."""
    ran = f"ran, {clock.now_ms() - began_ms:.0f} ms with the wait for a worker"
    problem = _error_in(result)
    steps.note(function.function_arn, ran, payload, problem=problem, began_ms=began_ms)


def _error_in(result: Result) -> str:
    """What a failed invocation says: "KeyError: 'Records'"; "" if it did not fail."""
    if result.error is None:
        return ""
    try:
        found = json.loads(result.payload)
        return f"{found.get('errorType', result.error)}: {found.get('errorMessage', '')}"[:500]
    except (ValueError, AttributeError):
        return result.error


def _unpack(pool: Pool) -> None:
    """Unpack a function's package. Raises _NoPackageError if that fails."""
    try:
        pool.package.unpack()
    except Exception as error:
        if may_pass(error):
            raise
        raise _NoPackageError(str(error)) from error


def _reason(error: Exception, function: str) -> tuple[str, str]:
    """The error type and message of an invocation that gets no worker."""
    if isinstance(error, _NotAssumableError):
        return "AccessDeniedException", NOT_ASSUMABLE
    if isinstance(error, _NoPackageError):
        text = f"Lambda could not unzip the package of {function}: {error}"
        logger.error(text)
        return "InvalidZipFileException", text
    logger.error("No worker for %s", function, exc_info=error)
    return "ServiceException", f"No worker could be started: {error}"
