"""Finds, starts and stops the local cloud on this machine.

The port is the only thing known about it: whatever answers there with the local cloud's
status is it, so there is no state file that could be wrong.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from lab.errors import LabError, TargetError, WaitTimeoutError
from lab.folders import ROOT, private_folder
from lab.shell import shell
from lab.waiting import wait_until

# By address. They may outlive this process; kept so that `stop` can wait for their end.
_started: dict[str, subprocess.Popen[bytes]] = {}
# No proxy for loopback addresses, whatever the environment says.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def status(url: str) -> dict[str, Any] | None:
    """The status of the local cloud at this address, or None if there is none."""
    try:
        with _opener.open(f"{url}/_localcloud/status", timeout=2) as response:
            found = json.load(response)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    is_ours = isinstance(found, dict) and found.get("service") == "localcloud"
    return found if is_ours else None


def log_path(url: str) -> Path:
    """Where a local cloud that was started in the background writes what it has to say.

    Raises TargetError where there is no folder for it.
    """
    try:
        folder = private_folder()
    except OSError as error:
        raise TargetError(
            f"The folder {error.filename}, for the local cloud's log, cannot be used: "
            f"{error.strerror}. Delete it, or set TMPDIR to a folder of your own."
        ) from None
    return folder / f"localcloud-{urlsplit(url).port}.log"


def start(port: int) -> str:
    """Start a local cloud in the background unless it runs already; returns its address.

    Raises TargetError when the port is taken by something else or the start fails.
    """
    url = address(port)
    if status(url) is not None:
        return url
    with open(log_path(url), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "--port", str(port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the learner's terminal is not meant for it
        )
    _started[url] = process
    process_ended = object()

    def look() -> object:
        return process_ended if process.poll() is not None else status(url)

    try:
        found = wait_until(look, f"the local cloud answers at {url}", timeout=30)
        # It also ends when another one was started at the same moment, which is fine.
        if found is process_ended and status(url) is None:
            said = log_path(url).read_text(errors="replace").strip().splitlines()
            reason = said[-1] if said else "it said nothing"
            log_path(url).unlink()
            raise TargetError(f"The local cloud did not start: {reason}")
    except WaitTimeoutError:
        process.kill()
        raise
    said_to = sys.stderr if shell() is None else sys.stdout  # a notebook shows errors in red
    print(f"Started a local cloud at {url}, which is empty so far.", file=said_to)
    return url


def stop(url: str) -> bool:
    """Stop the local cloud at this address; False if there is none."""
    if status(url) is None:
        return False
    _post(url, "stop")
    wait_until(lambda: status(url) is None, "the local cloud has stopped", timeout=10)
    if process := _started.pop(url, None):
        wait_until(lambda: process.poll() is not None, "its process has ended", timeout=10)
    log_path(url).unlink(missing_ok=True)
    return True


def reset(url: str) -> None:
    """Make the local cloud forget everything. Raises TargetError if there is none."""
    if status(url) is None:
        raise TargetError(f"No local cloud answers at {url}; start one with `lab start`.")
    _post(url, "reset")


def hurry(aws: boto3.Session, speed: float) -> None:
    """Let the waits of the local cloud that begin from now on pass `speed` times as fast.

    Visibility timeouts and retries are meant, not the work of functions. AWS is in no hurry.
    Raises LabError for a speed that the local cloud does not have.
    """
    url = getattr(aws, "endpoint_url", None)
    if url is None or status(url) is None:
        print("Left the waits as they are: on AWS they take what they take.")
        return
    try:
        _post(url, "speed", json.dumps({"speed": speed}).encode())
    except urllib.error.HTTPError as error:
        raise LabError(json.load(error)["message"]) from None
    print(f"Made the waits of the local cloud pass {speed:g} times as fast as on AWS.")


def settle(aws: boto3.Session, seconds: float) -> None:
    """Give AWS time to make a change known everywhere, where there is no way to ask whether it
    is. The local cloud knows at once."""
    url = getattr(aws, "endpoint_url", None)
    if url is None or status(url) is None:
        time.sleep(seconds)


def _post(url: str, action: str, body: bytes = b"") -> None:
    request = urllib.request.Request(
        f"{url}/_localcloud/{action}", data=body, headers={"X-Localcloud": "1"}
    )
    with _opener.open(request, timeout=10):
        pass
