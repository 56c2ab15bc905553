"""The keys of one start of a local cloud, and the file where its user finds them.

Each local cloud belongs to one user and one folder. At its start it makes an access key and a
secret, and writes them with its address and process id to a file in the user's private folder,
named after the port. Anyone who can read that file may do everything in that cloud, so only the
user can read it. The cloud removes the file when it stops; a kill leaves it behind.

The default port follows from user and folder, so two users, or two clones of one user, do not
collide. If it is taken, the cloud uses the next free one, and the key files tell which one that is.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from localcloud.host import private

# Below the ports that systems assign by themselves, which begin at 32,768 or above.
_FIRST_PORT, _PORTS = 20_000, 10_000
NEIGHBORS = 20  # how many ports are tried, the default one first
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class KeyFileError(Exception):
    """A key file that cannot be used. The message says which, why and what to do."""


@dataclass(frozen=True)
class StartKey:
    """A running local cloud: its address, its owner, and its keys.

    `auth` says whether it verifies signatures; `log` is the file that it logs to, if any.
    """

    address: str
    pid: int
    user: str
    folder: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    auth: bool = True
    log: str | None = None

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0


def make(port: int, folder: Path, *, auth: bool = True, log: Path | None = None) -> StartKey:
    """New keys for a cloud that this process runs."""
    return StartKey(
        address=f"http://127.0.0.1:{port}",
        pid=os.getpid(),
        user=user_name(),
        folder=str(folder.resolve()),
        access_key_id="LOCAL" + "".join(secrets.choice(_ALPHABET) for _ in range(15)),
        secret_access_key=secrets.token_urlsafe(30),
        auth=auth,
        log=None if log is None else str(log),
    )


def user_name() -> str:
    """The name of this process's user, or the number if it has no name."""
    return psutil.Process().username()


def user_id() -> int | None:
    """The number of this process's user; None on systems without user numbers."""
    return os.getuid() if hasattr(os, "getuid") else None


def path_of(port: int) -> Path:
    """Where the keys of the cloud at this port are. Raises OSError like `private.folder`."""
    return private.folder("clouds") / f"{port}.json"


def save(key: StartKey) -> None:
    private.write(path_of(key.port), json.dumps(asdict(key), indent=2) + "\n")


def forget(key: StartKey) -> None:
    """Remove the key file, unless another cloud has written its own since."""
    with suppress(OSError, KeyFileError):
        if load(key.port) == key:
            path_of(key.port).unlink()


def load(port: int) -> StartKey | None:
    """The keys of the cloud at this port; None if no cloud of this user runs there.

    Raises KeyFileError if the file cannot be used, and OSError like `private.folder`.
    """
    path = path_of(port)
    try:
        text = private.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be used: {error.strerror}. Delete it; `lab start` then "
            "says which process to end."
        ) from None
    try:
        key = _checked(StartKey(**json.loads(text)), port)
    except (ValueError, TypeError):
        raise KeyFileError(
            f"The key file {path} does not hold the keys of a local cloud. Delete it; `lab start` "
            "then says which process to end."
        ) from None
    return key if _runs(key.pid) else None


def _checked(key: StartKey, port: int) -> StartKey:
    """The key, if each part is of its kind. Raises ValueError."""
    texts = (key.address, key.user, key.folder, key.access_key_id, key.secret_access_key)
    log = "" if key.log is None else key.log
    of_kind = all(isinstance(text, str) and text.isprintable() for text in (*texts, log))
    if not of_kind or type(key.pid) is not int or key.pid < 1 or key.port != port:
        raise ValueError("parts of another kind")
    return key


def of_folder(folder: Path, ports: range) -> list[StartKey]:
    """The running clouds of this user and folder at these ports. Raises like `load`."""
    known = {path.stem for path in private.folder("clouds").glob("*.json")}
    found = [load(port) for port in ports if str(port) in known]
    return [key for key in found if key is not None and key.folder == str(folder.resolve())]


def _runs(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and is_ours(process)
    except psutil.Error:
        return False


def is_ours(process: psutil.Process) -> bool:
    """Whether the process is ours. The id may have gone to another user's after ours ended."""
    return os.name != "posix" or process.uids().real == os.getuid()


def ports(folder: Path) -> range:
    """The default ports of a cloud of this user and folder, the first choice first."""
    named = f"{user_id()} {user_name()} {folder.resolve()}"
    number = int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big")
    first = _FIRST_PORT + number % (_PORTS - NEIGHBORS)
    return range(first, first + NEIGHBORS)
