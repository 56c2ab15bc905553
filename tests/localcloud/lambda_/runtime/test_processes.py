"""A fork server that fails is an error for one start, and is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from localcloud.host.resources import may_pass
from localcloud.lambda_.runtime.processes import ForkServer


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
