"""Programs of the project, run in another process as a user runs them.

`run_script` and `run_lab` fork a process that has imported what the program needs, which takes a
tenth of the time of a start; tests/repository/test_processes.py shows that a user sees the same.
What is about the start itself uses `start_script` and `start_module`.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from lab.here.folders import ROOT
from tests.support.forks import fork_server

Completed = subprocess.CompletedProcess[str]
_SECONDS = 100


def run_script(name: str, *arguments: str, **variables: str) -> Completed:
    """Run a script of the project from another directory, with these variables."""
    if os.name != "posix":  # there is nothing to fork
        return start_script(name, *arguments, **variables)
    return _forked(str(ROOT / name), arguments, variables, ROOT.parent)


def run_lab(*arguments: str) -> Completed:
    """Run the `lab` command."""
    if os.name != "posix":
        return start_module("lab", *arguments)
    return _forked("lab", arguments, {}, Path.cwd())


def start_script(name: str, *arguments: str, **variables: str) -> Completed:
    """As `run_script`, in a Python of its own."""
    command = [str(ROOT / name), *arguments]
    return _start(command, cwd=ROOT.parent, env={**os.environ, **variables})


def start_module(module: str, *arguments: str) -> Completed:
    """Run `python -m module` with these arguments, in a Python of its own."""
    return _start(["-m", module, *arguments])


def _start(command: list[str], **options: Any) -> Completed:
    return subprocess.run(
        [sys.executable, *command],
        **options,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _forked(
    program: str, arguments: tuple[str, ...], variables: dict[str, str], folder: Path
) -> Completed:
    with tempfile.TemporaryDirectory() as outputs:
        environment = {**os.environ, **variables}
        process = fork_server().Process(
            target=_be, args=([program, *arguments], environment, folder, Path(outputs))
        )
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{program} did not end within {_SECONDS} s")
        stdout, stderr = (Path(outputs, name).read_text("utf-8") for name in ("1", "2"))
    return Completed([program, *arguments], process.exitcode, stdout, stderr)


def _be(command: list[str], environment: dict[str, str], folder: Path, outputs: Path) -> None:
    """Become this program; its outputs go to files that are named for their descriptors."""
    for descriptor in (1, 2):
        with Path(outputs, str(descriptor)).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    try:
        if command[0] == "lab":
            runpy.run_module("lab", run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(command[0], run_name="__main__")
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


def alive(pids: Iterable[int]) -> set[int]:
    """Those of these processes that run. A zombie does not, and one may end while we look."""
    return {pid for pid in pids if _runs(pid)}


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
