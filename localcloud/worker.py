"""One execution environment: AWS's own runtime client around one function's handler.

Run as a script, never imported: `worker.py HANDLER`. The parent holds the other end of
standard input, so its end tells this process that the parent is gone, even after a
`kill -9` and even while the handler sleeps.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
import types
from typing import Any


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


if __name__ == "__main__":
    main(*sys.argv[1:])
