"""One execution environment: AWS's own runtime client around one function's handler.

Run as a script, never imported: `worker.py HANDLER CLIENT`, or without arguments as the fork
server that becomes such workers. The parent holds the other end of standard input, so its end
tells this process that the parent is gone, even after a `kill -9` and even while the handler
sleeps.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import signal
import sys
import threading
import types
from contextlib import suppress
from typing import Any

# Imported before a fork. Not so awslambdaric's bootstrap and client: importing these reads the
# environment of the function.
_PRELOADED = (
    "awslambdaric.lambda_context",
    "awslambdaric.lambda_runtime_marshaller",
    "boto3",
    "urllib.request",
)
_READ_BY_A_STARTING_PYTHON = re.compile("PYTHON|LD_|LC_|LANG|TZ|MALLOC_|OPENSSL_")


def _die_with_parent() -> None:
    pipe = os.dup(0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        if os.name == "posix":  # with whatever the handler has started
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


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
    _die_with_parent()
    if client == "python" or importlib.util.find_spec("runtime_client") is None:
        _use_pure_python_client()

    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient, LambdaRuntimeClientError

    class Client(LambdaRuntimeClient):
        """awslambdaric's client for an address that carries a path, which is how the
        local cloud tells its workers apart; http.client takes a host and a port only."""

        def call_rapid(
            self,
            http_method: str,
            endpoint: str,
            expected_http_code: int,
            payload: Any = None,
            headers: dict[str, str] | None = None,
        ) -> None:
            import urllib.request  # used once in a worker's life, and slow to import

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


def fork_workers() -> list[str]:
    """Carry out the orders on standard input until it ends: start a worker and answer with its
    process id, or wait for one and answer with its exit status. Returns in each new worker,
    with its arguments.
    """
    for name in _PRELOADED:
        importlib.import_module(name)
    leash, held = os.pipe()  # ends with this process
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = _wait(order["wait"]) if "wait" in order else _fork()
        except OSError as error:
            print(json.dumps(str(error)), flush=True)
            continue
        if answer is None:
            os.dup2(leash, 0)
            os.close(leash)
            os.close(held)
            return _become_worker(**order)
        print(answer, flush=True)
    sys.exit()


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork() -> int | None:
    """The new process's id, or None in the new process. It leads a group on both returns."""
    pid = os.fork()
    with suppress(PermissionError, ProcessLookupError):  # it was faster, and is another program
        os.setpgid(pid, pid)  # 0 is oneself
    return pid or None


def _become_worker(
    arguments: list[str], environment: dict[str, str], directory: str, log: str
) -> list[str]:
    """Make this fork what a new Python would be, or where it cannot be that, a new Python."""
    os.chdir(directory)
    opened = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.close(opened)
    if _needs_new_python(environment):
        command = [sys.executable, "-P", "-B", *sys.argv, *arguments]
        os.execve(sys.executable, command, environment)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv += arguments
    return arguments


def _needs_new_python(environment: dict[str, str]) -> bool:
    """Whether the function sets what only a starting Python reads, or its package has modules in
    the place of some that are imported already."""
    imported = {name.partition(".")[0] for name in sys.modules}
    packed = {name.partition(".")[0] for name in os.listdir()}
    return not imported.isdisjoint(packed) or any(
        _READ_BY_A_STARTING_PYTHON.match(name) and os.environ.get(name) != value
        for name, value in environment.items()
    )


if __name__ == "__main__":
    main(*(sys.argv[1:] or fork_workers()))
