"""Finds, starts and stops the local cloud of this user and folder.

Each local cloud writes its address, its process id and the keys that open it into a file that only
its user can read (localcloud/host/start_key.py). Those files say which cloud is ours. We never talk
to another user's, beyond asking whose it is. An address can be in one of three states: nothing
listens, something listens and does not answer, or something else answers. Only the first means
that no cloud runs.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.aws.waiting import wait_until
from lab.errors import LabError, NoAnswerError, NoCloudError, TargetError, WaitTimeoutError
from lab.here.exchange import Answer, exchange
from lab.here.folders import ROOT, folder_of_project
from lab.here.shell import shell
from localcloud.host import private, start_key
from localcloud.host.start_key import KeyFileError, StartKey

_ANSWER_SECONDS, _DEED_SECONDS = 5.0, 10.0
_LOOPBACK = ("127.0.0.1", "localhost")
# By address. They may outlive this process; kept so that `stop` can wait for their end.
_started: dict[str, subprocess.Popen[bytes]] = {}


def find(port: int | None) -> StartKey | None:
    """The keys of this folder's cloud, at this port or wherever it is; None if none runs.

    Raises TargetError if it cannot be used: it does not answer, its key file is missing or is not
    ours alone, or what listens at that port is somebody else's.
    """
    ports = _ports(port)
    try:
        found = start_key.of_folder(ROOT, ports)
        of_others = start_key.load(port) if port and not found else None
    except (KeyFileError, OSError) as error:
        raise TargetError(_about_private(error)) from None
    if of_others is not None:
        raise TargetError(
            f"The local cloud at {of_others.address} belongs to the folder {of_others.folder}, not "
            "to this one. Set LAB_PORT to another port, or unset it."
        )
    if found:
        status(found[0].address)  # raises if it does not answer
        return found[0]
    _refuse_without_keys(address(ports[0]), asked_for=port is not None)
    return None


def _ports(port: int | None) -> range:
    return start_key.ports(ROOT) if port is None else range(port, port + 1)


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _about_private(error: KeyFileError | OSError) -> str:
    if isinstance(error, KeyFileError):
        return str(error)
    return (
        f"The folder {error.filename}, for the keys and logs of local clouds, cannot be used: "
        f"{error.strerror}. Repair or delete it."
    )


def _refuse_without_keys(url: str, *, asked_for: bool) -> None:
    """No key file of ours is about this address. Raises TargetError if a cloud of ours listens
    there anyway, or, where the address was asked for, if anything does."""
    try:
        found = whose(url)
    except NoAnswerError:
        if asked_for:
            raise
        return  # nobody asked for this address; it was a guess
    if found is None:
        return
    if found.get("folder") == str(ROOT.resolve()) and _is_process_of_ours(found.get("pid"), url):
        raise TargetError(
            f"The local cloud at {url} is yours, but its key file is missing. "
            f"{_end(found.get('pid'))}, and start it again with `lab start`."
        )
    if asked_for:
        raise TargetError(f"{_owner(found, url)} Set LAB_PORT to another port, or unset it.")


def _is_process_of_ours(pid: object, url: str) -> bool:
    """Whether it is a process of this user that listens at an address. We ask the system, as
    another user's program can say of itself what it likes."""
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(pid) if isinstance(pid, int) else None
        return (
            process is not None
            and start_key.is_ours(process)
            and any(
                each.status == psutil.CONN_LISTEN and each.laddr.port == urlsplit(url).port
                for each in process.net_connections("tcp")
            )
        )
    return False


def _owner(found: dict[str, Any], url: str) -> str:
    if not isinstance(found.get("user"), str):
        return f"Something that is no local cloud listens at {url}."
    return f"The local cloud at {url} belongs to another user, {found.get('user')}."


def whose(url: str) -> dict[str, Any] | None:
    """What anything at this address says of itself: {} if it is no local cloud, None if nothing
    listens there.

    Raises NoAnswerError if something does, and does not answer.
    """
    return _ask_status(url, None)


def status(url: str) -> dict[str, Any] | None:
    """The status of the local cloud at this address; None if there is none: nothing listens
    there, or something else.

    Raises NoAnswerError if something listens there and does not answer, or if a cloud of ours
    gives an answer that makes no sense.
    """
    key = key_at(url)
    found = _ask_status(url, key)
    if found == {} and key is not None:  # it runs, so its answer was cut off
        found = _ask_status(url, key)
        if found == {}:
            raise NoAnswerError(_silent(url, key, "gave an answer that makes no sense"))
    if not found or (key is None and not _tells_all(found)):
        return None
    if key is not None and key.auth and "speed" not in found:  # which it tells its user
        raise TargetError(
            f"The key file {start_key.path_of(key.port)} does not open the local cloud at {url}. "
            f"{_end(found.get('pid'))}, and start it again with `lab start`."
        )
    return found


def _tells_all(found: dict[str, Any]) -> bool:
    """Whether a status has the parts that every cloud tells its user, each of its kind. A
    look-alike, or a cloud that does not know us, tells others."""
    services = found.get("services")
    return (
        isinstance(services, dict)
        and all(isinstance(each, dict) for each in services.values())
        and isinstance(found.get("speed"), int | float)
        and isinstance(found.get("mailbox", 0), str | None)
    )


def _end(pid: object) -> str:
    return f"End process {pid} (`kill {pid}`)"


def _ask_status(url: str, key: StartKey | None) -> dict[str, Any] | None:
    try:
        answer = _ask("GET", url, "status", None, key, _ANSWER_SECONDS)
    except TimeoutError:
        raise NoAnswerError(_silent(url, key)) from None
    except ConnectionRefusedError:
        return None
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    found = answer.said() if answer.status == 200 else {}
    return found if found.get("service") == "localcloud" else {}


def _silent(
    url: str, key: StartKey | None, how: str = f"did not answer within {_ANSWER_SECONDS:g} s"
) -> str:
    what = f"The local cloud at {url} (process {key.pid})" if key else f"What listens at {url}"
    return (
        f"{what} {how}, so nobody knows what is there. Wait and try again. Or end that process "
        "(`kill -9` and its number): all that a local cloud holds is gone then. Or set LAB_PORT "
        "to another port."
    )


def key_at(url: str) -> StartKey | None:
    """The keys of this user's local cloud at an address, whichever folder it belongs to.

    Raises TargetError for a key file that cannot be used.
    """
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK or not parts.port:
        return None
    try:
        return start_key.load(parts.port)
    except (KeyFileError, OSError) as error:
        raise TargetError(_about_private(error)) from None


def refuse_another_folders(url: str) -> None:
    """Raises TargetError if the local cloud at an address that was asked for is of another
    folder."""
    key = key_at(url)
    if key is not None and key.folder != str(ROOT.resolve()):
        raise TargetError(
            f"The local cloud at {url} belongs to the folder {key.folder}, not to this one. Unset "
            "AWS_ENDPOINT_URL, or run this in that folder."
        )


@lru_cache(maxsize=8)
def refuse_another_users(url: str) -> None:
    """Raises TargetError if the local cloud at an address that was asked for is another user's."""
    found = whose(url) if urlsplit(url).hostname in _LOOPBACK else None
    if found and found.get("auth") and found.get("user_id") != start_key.user_id():
        raise TargetError(f"{_owner(found, url)} Unset AWS_ENDPOINT_URL to work with your own.")


def log_path(port: int | None) -> Path:
    """Where a local cloud in the background writes its log.

    Raises TargetError where there is no folder for it.
    """
    try:
        folder = folder_of_project()
    except OSError as error:
        raise TargetError(_about_private(error)) from None
    return folder / ("localcloud.log" if port is None else f"localcloud-{port}.log")


def start(port: int | None) -> StartKey:
    """Start this folder's local cloud in the background unless it runs already; returns its keys.

    Raises TargetError when the port is taken by something else or the start fails.
    """
    log = log_path(port)
    with _one_start(log.with_suffix(".lock")):  # of two, the second finds the cloud of the first
        if found := find(port):
            return found
        process, complaints = _launch(port, log)
        key = _once_ready(process, port, complaints)
    _started[key.address] = process
    said_to = sys.stderr if shell() is None else sys.stdout  # a notebook shows errors in red
    print(f"Started a local cloud at {key.address}, which is empty so far.", file=said_to)
    return key


@contextmanager
def _one_start(lock: Path) -> Iterator[None]:
    """Hold this lock. Raises TargetError if it cannot be had."""
    with ExitStack() as stack:
        try:
            stack.enter_context(private.locked(lock))
        except OSError as error:
            raise TargetError(
                f"{lock}, which keeps two starts of a local cloud apart, cannot be used: "
                f"{error.strerror}. End the other start, or delete that file; then try again."
            ) from None
        yield


def _launch(port: int | None, log: Path) -> tuple[subprocess.Popen[bytes], Any]:
    """The process of a cloud, and the pipe to which it writes its problems until it is ready."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "localcloud", "--log", str(log)),
            *(() if port is None else ("--port", str(port))),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the learner's terminal is not meant for it
    )
    return process, process.stderr


def _once_ready(process: subprocess.Popen[bytes], port: int | None, complaints: Any) -> StartKey:
    ended = object()

    def look() -> object:
        if process.poll() is not None:
            return ended
        found = start_key.of_folder(ROOT, _ports(port))
        return next((key for key in found if key.pid == process.pid and status(key.address)), None)

    try:
        found = wait_until(look, "the local cloud answers", timeout=30)
    except WaitTimeoutError:
        process.kill()
        raise
    with complaints:
        if isinstance(found, StartKey):
            return found
        said = complaints.read().decode("utf-8", "replace").strip().splitlines()
    raise TargetError(f"The local cloud did not start: {said[-1] if said else 'it said nothing'}")


def stop(url: str) -> bool:
    """Stop the local cloud at this address; False if there is none."""
    key = key_at(url)
    if status(url) is None:
        return False
    _post(url, "stop")
    gone = "the local cloud has stopped"  # and its keys, by which the next command would find it
    wait_until(lambda: whose(url) is None and key_at(url) is None, gone, timeout=30)
    if process := _started.pop(url, None):
        wait_until(lambda: process.poll() is not None, "its process has ended", timeout=30)
    if key is not None and key.log is not None:
        Path(key.log).unlink(missing_ok=True)
    return True


def reset(url: str) -> None:
    """Make the local cloud forget everything. Raises TargetError if there is none."""
    if status(url) is None:
        raise NoCloudError(f"No local cloud answers at {url}; start one with `lab start`.")
    _post(url, "reset")


def checkpoint(url: str, action: str, name: str) -> None:
    """Have the local cloud `take` a checkpoint of all that it remembers, `restore` it, or `drop`
    it. Raises LabError for a checkpoint that there is not, and if there is no local cloud."""
    if status(url) is None:
        raise NoCloudError(f"No local cloud answers at {url}; start one with `lab start`.")
    _post(url, "checkpoint", json.dumps({"action": action, "name": name}).encode())


def hurry(aws: boto3.Session, speed: float) -> None:
    """From now on, let the waits of the local cloud pass `speed` times as fast.

    Those are visibility timeouts and retries, not the work of functions. AWS cannot be hurried.
    Raises LabError for a speed that the local cloud does not have.
    """
    url = getattr(aws, "endpoint_url", None)
    if url is None or status(url) is None:
        print("Left the waits as they are: AWS cannot be hurried.")
        return
    _post(url, "speed", json.dumps({"speed": speed}).encode())
    pace = "as long as on AWS" if speed == 1 else f"pass {speed:g} times as fast as on AWS"
    print(f"Made the waits of the local cloud {pace}.")


def console_link(url: str) -> str:
    """The path of a link that opens the local cloud's page once, within ten minutes.

    Raises LabError if the cloud has no page.
    """
    path = _post(url, "console-link", unless_missing=True).get("path")
    if not isinstance(path, str):
        raise LabError(
            f"The local cloud at {url} has no page: it is of an earlier version. `lab stop` ends "
            "it, with all that it holds. Then run `lab start`, and try again."
        )
    return path


def send_words(url: str, words: dict[str, Any]) -> None:
    """Give the local cloud's page what it may say of the course; one without a page needs none."""
    _post(url, "words", json.dumps(words).encode(), unless_missing=True)


def settle(aws: boto3.Session, seconds: float) -> None:
    """Give AWS time to make a change known everywhere, where there is no way to ask whether it
    is. The local cloud knows at once."""
    url = getattr(aws, "endpoint_url", None)
    if url is None or status(url) is None:
        time.sleep(seconds)


def _post(
    url: str, action: str, body: bytes = b"", *, unless_missing: bool = False
) -> dict[str, Any]:
    """Have the cloud do something that only its user may; returns what it says. `unless_missing`:
    that is {} for an action that it does not have.

    Raises LabError if it refuses, and NoAnswerError if it breaks off, as it may while another
    command stops it.
    """
    answer = deed(url, action, body)
    if answer.status == 200:
        return answer.said()
    if unless_missing and answer.status == 404:
        return {}
    if why := answer.said().get("message"):
        raise LabError(str(why))
    raise NoAnswerError(_silent(url, key_at(url), f"gave an answer to {action} without sense"))


def deed(url: str, action: str, body: bytes = b"") -> Answer:
    """The answer of the cloud to a request for something that only its user may do. Raises
    NoAnswerError if it breaks off."""
    key = key_at(url)
    try:
        return _ask("POST", url, action, body, key, _DEED_SECONDS)
    except (OSError, ValueError, http.client.HTTPException):
        how = f"did not {action} within {_DEED_SECONDS:g} s, or broke off"
        raise NoAnswerError(_silent(url, key, how)) from None


def _ask(
    method: str, url: str, action: str, body: bytes | None, key: StartKey | None, seconds: float
) -> Answer:
    """The answer of the cloud's own controls to a request, which is signed with the key of its
    start if we have that. Raises as `exchange` does."""
    address = f"{url}/_localcloud/{action}"
    signed = AWSRequest(method=method, url=address, data=body or b"")
    signed.headers["X-Localcloud"] = "1"  # enough for a cloud that takes any credentials
    if key is not None:
        credentials = Credentials(key.access_key_id, key.secret_access_key)
        SigV4Auth(credentials, "localcloud", "us-east-1").add_auth(signed)
    headers = {name: str(value) for name, value in signed.headers.items()}
    return exchange(method, address, body, headers, seconds)
