"""Set-up and teardown take a lock: who is second is told who holds it, and waits for nobody."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.aws.session import Session
from lab.course import COURSE
from lab.errors import LockedError
from lab.here import lock
from lab.here.folders import ROOT
from lab.here.lock import set_up_lock
from tests.support.processes import run_lab, run_script

HOLDS = """
import sys
from lab.here.lock import set_up_lock
sys.argv = ["/bin/lab", "up"]
with set_up_lock():
    print("held", flush=True)
    sys.stdin.read()
"""
URL = "http://127.0.0.1:9"  # nobody answers there, so anyone who gets past the lock fails otherwise


@pytest.fixture(autouse=True)
def _a_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", URL)


@contextmanager
def held_by_another() -> Iterator[subprocess.Popen[str]]:
    """The lock, held by another process until the end, or until it is killed."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "run",
    [
        lambda: run_lab("up"),
        lambda: run_lab("goto", "05"),
        lambda: run_lab("reset", "05"),
        lambda: run_script("scripts/03_notify_fulfillment.py"),
    ],
    ids=["up", "goto", "reset", "script"],
)
def test_the_second_one_is_told_who_holds_it_and_waits_for_nobody(
    run: Callable[[], subprocess.CompletedProcess[str]],
) -> None:
    with held_by_another() as holder:
        result = run()
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    said = (
        rf"LockedError: Another `lab up` \(process {holder.pid}, since \d\d:\d\d:\d\d\) is setting"
    )
    assert re.match(said, line), line


def test_teardown_is_told_too(cloud: str) -> None:
    with held_by_another() as holder:
        result = run_script("teardown.py", "--yes")
    assert result.returncode == 1
    assert f"LockedError: Another `lab up` (process {holder.pid}," in result.stderr
    assert "0 left" not in result.stdout


def test_a_chapter_that_makes_nothing_needs_no_lock(cloud: str) -> None:
    with held_by_another():
        result = run_script("scripts/06_verify.py")
    assert result.stderr.startswith("MissingStepError: ")


def test_it_goes_with_its_holder_whatever_way_that_ends() -> None:
    with held_by_another() as holder:
        with pytest.raises(LockedError), set_up_lock():
            pass
        holder.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        holder.wait()
        with set_up_lock():
            pass


def test_it_is_given_back_at_the_end_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), set_up_lock():
        raise ZeroDivisionError
    with held_by_another():
        pass


def test_inside_it_one_may_ask_again() -> None:
    with set_up_lock():
        with set_up_lock():
            pass
        result = run_lab("up")  # the inner one did not give it back
    assert "LockedError" in result.stderr
    assert f"(process {os.getpid()}, since" in result.stderr


def test_other_clouds_regions_and_prefixes_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with held_by_another():
        for name, value in {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:10",
            "AWS_REGION": "eu-west-1",
            "LAB_PREFIX": "ana",
            "LAB_TARGET": "aws",
        }.items():
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                with set_up_lock():
                    pass


def test_it_follows_no_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    lock._path().unlink(missing_ok=True)
    for link in (os.symlink, os.link):
        link(theirs, lock._path())
        with pytest.raises(LockedError, match=r"cannot be used: .+ Delete it"), set_up_lock():
            pass
        assert theirs.read_text() == "theirs"
        lock._path().unlink()


def test_its_file_is_for_its_owner_alone() -> None:
    with set_up_lock():
        pass
    assert os.name == "nt" or lock._path().stat().st_mode & 0o077 == 0


def test_a_file_that_says_nothing_is_no_trouble() -> None:
    with held_by_another():
        lock._path().write_text("{")
        with pytest.raises(LockedError, match=r"^Another `lab up`, `lab goto`"), set_up_lock():
            pass


def test_a_chapter_run_from_here_takes_it(aws: Session) -> None:
    with held_by_another(), pytest.raises(LockedError):
        COURSE.find("04").run()
    assert aws.client("dynamodb").list_tables()["TableNames"] == []
