"""One execution environment: AWS's own runtime client around one function's handler.

Run as a script, never imported: `worker.py HANDLER CLIENT`, or without arguments as the fork
server, whose forks become such workers. The parent holds the other end of standard input. When it
closes, this process knows that the parent is gone, even after a `kill -9` and even while the
handler sleeps.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import re
import select
import signal
import sys
import threading
import time
import types
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

# Imported before a fork. awslambdaric's bootstrap and client are not: their import reads the
# function's environment.
_PRELOADED = (
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_runtime_marshaller",
    "boto3",
    "ctypes",
    "urllib.request",
)
_FILES = 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LEAVE_SECONDS = 2.0
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36  # of Linux's prctl
_READ_BY_A_STARTING_PYTHON = re.compile("PYTHON|LD_|LC_|LANG|TZ|MALLOC_|OPENSSL_")


def _die_with_parent() -> None:
    pipe = os.dup(0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        if os.name == "posix":  # with whatever the handler started
            _kill(_children())
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _keep_to_ourselves() -> None:
    """On Linux, hide this process's memory and environment from other programs of this user: its
    credentials and its key to the Runtime API are there. And limit open files as AWS does, however
    many the cloud may open."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > _FILES:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, hard))
    _prctl(_PR_SET_DUMPABLE, 0)


def _adopt_orphans() -> None:
    """On Linux, become the parent of every process below this one whose own parent ends. A handler
    may start daemons, which nobody would find otherwise."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _children() -> list[int]:
    """The ids of this process's children, on Linux."""
    pids: list[int] = []
    with suppress(OSError):  # elsewhere there is no such folder
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children") as found:
                pids += map(int, found.read().split())
    return pids


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):  # a C library of another kind
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _use_pure_python_client() -> None:
    """Load runtime_client.py under the name that awslambdaric imports."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runtime_client.py")
    spec = importlib.util.spec_from_file_location("runtime_client", path)
    assert spec is not None and spec.loader is not None
    module: types.ModuleType = importlib.util.module_from_spec(spec)
    sys.modules["runtime_client"] = module
    spec.loader.exec_module(module)


def main(handler: str, client: str) -> None:
    """Serve invocations of `handler` ("module.function") until the parent ends us."""
    _keep_to_ourselves()
    _adopt_orphans()
    _die_with_parent()
    worker = os.getpid()
    if client == "python" or importlib.util.find_spec("runtime_client") is None:
        _use_pure_python_client()

    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient, LambdaRuntimeClientError

    class Client(LambdaRuntimeClient):
        """awslambdaric's client, for an address with a path, which tells the local cloud's workers
        apart; http.client takes only a host and a port.

        A handler that forks may return in both processes. The new one must not call the Runtime
        API, as it would use the worker's own connection: it ends here.
        """

        def wait_next_invocation(self) -> Any:
            _end_unless(worker)
            return super().wait_next_invocation()

        def post_invocation_result(self, *arguments: Any, **options: Any) -> None:
            _end_unless(worker)
            super().post_invocation_result(*arguments, **options)

        def post_invocation_error(self, *arguments: Any, **options: Any) -> None:
            _end_unless(worker)
            super().post_invocation_error(*arguments, **options)

        def call_rapid(
            self,
            http_method: str,
            endpoint: str,
            expected_http_code: int,
            payload: Any = None,
            headers: dict[str, str] | None = None,
        ) -> None:
            import urllib.request  # a worker uses it once, and it is slow to import

            from awslambdaric.lambda_runtime_marshaller import to_json

            request = urllib.request.Request(
                f"http://{self.lambda_runtime_address}{endpoint}",
                method=http_method,
                headers=headers or {},
                data=None if payload is None else to_json(payload).encode(),
            )
            with urllib.request.urlopen(request) as response:
                if response.status != expected_http_code:
                    raise LambdaRuntimeClientError(endpoint, response.status, response.read())

    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    bootstrap.run(handler, Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))


def _end_unless(worker: int) -> None:
    if os.getpid() != worker:
        os._exit(0)


def fork_workers() -> list[str]:
    """Carry out the orders on standard input until it ends: start a worker, or release one that has
    ended. Report what happens to them on standard output, one JSON object per line. Returns in each
    new worker, with its arguments.
    """
    for name in _PRELOADED:
        importlib.import_module(name)
    _read_descriptions()
    _keep_to_ourselves()
    _adopt_orphans()
    leash, held = os.pipe()  # ends with this process
    woken, wakes = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a child ended or was stopped
    children: set[int] = set()  # that run
    workers: set[int] = set()  # that run, or were not released yet
    _tell(event="ready")
    incoming = b""
    while True:
        select.select([0, woken], [], [])
        with suppress(BlockingIOError):
            while os.read(woken, 4096):
                pass
        _tell_of(children)
        _end_orphans(workers)
        if not select.select([0], [], [], 0)[0]:
            continue
        if not (piece := os.read(0, 65_536)):
            _leave()
        *orders, incoming = (incoming + piece).split(b"\n")
        for order in map(json.loads, orders):
            if "release" in order:
                _release(order["release"], children)
                workers.discard(order["release"])
                continue
            try:
                pid = _fork(order.pop("log"))
            except OSError as error:
                _tell(event="refused", errno=error.errno, text=error.strerror)
                continue
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(leash, 0)
                for descriptor in (leash, held, woken, wakes):
                    os.close(descriptor)
                return _become_worker(**order)
            children.add(pid)
            workers.add(pid)
            _tell(event="started", pid=pid)


def _read_descriptions() -> None:
    """Make the clients that the tutorial's functions make. That reads AWS's descriptions of these
    services, which was most of a cold start. All sessions of this process, and of the workers that
    are its forks, read by one loader from now on, which keeps what it has read."""
    import boto3
    import botocore.session

    botocore.session.create_loader = cache(botocore.session.create_loader)
    for client, service in (("client", "sns"), ("client", "sqs"), ("resource", "dynamodb")):
        session = boto3.Session("any", "any", region_name="us-east-1")
        getattr(session, client)(service)
    gc.freeze()  # no fork searches it for garbage


def _tell(**event: Any) -> None:
    try:
        os.write(1, json.dumps(event).encode() + b"\n")
    except BrokenPipeError:  # the cloud has ended, and nobody listens
        _leave()


def _leave() -> NoReturn:
    """End with the workers and all that they started. What one leaves behind is our child then."""
    deadline = time.monotonic() + _LEAVE_SECONDS
    while (pids := _children()) and time.monotonic() < deadline:
        _kill(pids)
        for pid in pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)  # they are being killed, and some of theirs become our children
    sys.exit()


def _tell_of(children: set[int]) -> None:
    """Tell which of them ended or were stopped. Leave those that ended as zombies, so that no other
    process gets their ids."""
    for child in list(children):
        with suppress(ChildProcessError):  # it has ended already
            if os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG):
                _tell(event="stopped", pid=child)
        with suppress(ChildProcessError):
            if found := os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                children.discard(child)
                exited = found.si_code == os.CLD_EXITED
                _tell(event="ended", pid=child, status=found.si_status * (1 if exited else -1))


def _end_orphans(workers: set[int]) -> None:
    """End what the handlers of workers that are gone have left behind."""
    orphans = [pid for pid in _children() if pid not in workers]
    _kill(orphans)
    for pid in orphans:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _release(child: int, children: set[int]) -> None:
    with suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
    children.discard(child)


def _fork(log: str) -> int:
    """Fork. Returns the new process's id, or 0 in the new process, which prints to the file `log`
    and already leads its own group. The file has no name by then."""
    opened = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.unlink(log)
    try:
        pid = os.fork()
        if pid == 0:
            os.dup2(opened, 1)
            os.dup2(opened, 2)
    finally:
        os.close(opened)
    with suppress(PermissionError, ProcessLookupError):  # it was faster, and has called exec
        os.setpgid(pid, pid)  # 0 means this process
    return pid


def _become_worker(arguments: list[str], environment: dict[str, str], directory: str) -> list[str]:
    """Make this fork look like a new Python. If that is not possible, start a new Python in it."""
    os.chdir(directory)
    if _needs_new_python(environment):
        command = [sys.executable, "-P", "-B", *sys.argv, *arguments]
        os.execve(sys.executable, command, environment)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv += arguments
    return arguments


def _needs_new_python(environment: dict[str, str]) -> bool:
    """Whether the function sets variables that only a starting Python reads, or its package has
    modules with the names of some that are already imported."""
    imported = {name.partition(".")[0] for name in sys.modules}
    packed = {name.partition(".")[0] for name in os.listdir()}
    return not imported.isdisjoint(packed) or any(
        _READ_BY_A_STARTING_PYTHON.match(name) and os.environ.get(name) != value
        for name, value in environment.items()
    )


if __name__ == "__main__":
    main(*(sys.argv[1:] or fork_workers()))
