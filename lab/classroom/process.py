"""Commands of many learners, side by side, each in a process of its own.

The settings belong to a process, and so does what a chapter prints. So each learner's command is
`lab … --json` in a new process, with that learner's prefix and the instructor's credentials. The
processes share their turns, so that together they keep to the account's rates.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil

from lab.aws import turns
from lab.engine.display import printable
from lab.here import settings
from lab.here.clouds import RunningCloud
from lab.here.folders import ROOT
from lab.here.last_error import without_secrets

T = TypeVar("T")
_PATIENCE = 10  # seconds for a process to end after it was told to
_ATTEMPTS = 10  # others may work in the account, too
STOPPED = 130
_REASON = re.compile(r"[A-Z]\w+: |The .+ could not be deleted: ")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, the JSON that it printed, and its last words."""

    status: int
    said: Any
    words: str


class Processes:
    """Runs commands for learners. All that still run end with `stop`."""

    def __init__(
        self,
        variables: Mapping[str, str],
        credentials: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._variables = variables
        self._credentials = credentials  # asked each time: some last an hour, a workshop longer
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False

    def run(self, prefix: str, email: str, *arguments: str) -> Ended:
        """Run `lab` with these arguments and --json for a learner, and wait for its end."""
        # A prefix gets its hyphen from the settings, which take 20 characters without it.
        mine = {**self._variables, **self._credentials(), "LAB_PREFIX": prefix[:20]}
        if email:
            mine["LAB_EMAIL"] = email
        return self._run(mine, arguments)

    def run_on(self, cloud: RunningCloud, *arguments: str) -> Ended:
        """Run `lab` with these arguments and --json on a local cloud of this machine, as its user:
        nobody else can read its key, and this process keeps its rights to itself."""
        options = {**cloud.as_user(), "start_new_session": True}
        try:
            return self._run(cloud.variables(), arguments, **options)
        except (OSError, psutil.Error) as error:
            return Ended(1, None, f"{cloud.user} cannot run {sys.executable}: {error}")

    def _run(self, variables: Mapping[str, str], arguments: Sequence[str], **options: Any) -> Ended:
        if self._is_stopped:
            return Ended(STOPPED, None, "Stopped.")
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments, "--json"],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,  # nobody is asked
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **options,
        )
        self._running.add(process)
        try:
            stdout, stderr = process.communicate()
        finally:
            self._running.discard(process)
        return Ended(process.returncode, _json(stdout), last_words(stderr))

    def stop(self) -> None:
        """Tell those that run to stop, as Ctrl-C does, and start no more."""
        self._is_stopped = True
        running = list(self._running)
        for process in running:
            with suppress(OSError):
                process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def stopped_by_an_error(made: Processes) -> Iterator[Processes]:
    """An error or Ctrl-C in here stops them."""
    try:
        yield made
    except BaseException:
        made.stop()
        raise


@contextmanager
def processes(aws: boto3.Session, *, keep_to_rates: bool) -> Iterator[Processes]:
    """For commands with the credentials of this session. An error or Ctrl-C in here stops them."""
    with tempfile.TemporaryDirectory(prefix="lab-class-") as folder:
        variables = {**os.environ, "AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": str(_ATTEMPTS)}
        is_aws = settings.load().target == "aws"
        if keep_to_rates:
            variables[turns.VARIABLE] = str(Path(folder) / "turns.json")
        with stopped_by_an_error(
            Processes(variables, partial(_credentials, aws) if is_aws else dict)
        ) as made:
            yield made


def side_by_side(
    count: int, learners: Iterable[T], do: Callable[[T], Any]
) -> Iterator[tuple[T, Any]]:
    """Do this for each learner, so many at a time; yields each with its result as it is done."""
    pool = ThreadPoolExecutor(count)
    try:
        futures = {pool.submit(do, learner): learner for learner in learners}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _credentials(aws: boto3.Session) -> dict[str, str]:
    """The session's own, so that a profile which asks for a code asks once. They are in the
    environment of the processes, where only this user can read them."""
    found = aws.get_credentials()
    if found is None:
        return {}
    frozen = found.get_frozen_credentials()
    given = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token,
        "AWS_REGION": aws.region_name,
    }
    return {name: value for name, value in given.items() if value}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def last_words(text: str) -> str:
    """The line that says why a command failed, of all that it wrote to standard error: an error's
    name and text, or what could not be deleted, or the last one."""
    lines = [line for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if _REASON.match(line)]
    return printable(without_secrets((reasons or lines or [""])[-1]))
