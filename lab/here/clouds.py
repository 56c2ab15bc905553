"""The local clouds that run on this machine: whose they are, and what they take.

On a server with many users each has a cloud of their own, with a key file that only they can read.
So nobody but root may look at another user's, and root does it as that user: see `variables` and
`as_user`, which are for a process.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from lab.errors import NoAnswerError, TargetError
from lab.here import local
from localcloud.host import start_key

_PASSED_ON = ("HOME", "PATH", "XDG_STATE_HOME")  # with which the cloud found its user's folder


@dataclass(frozen=True)
class RunningCloud:
    """A local cloud; `folder` is its copy of the project, "" where it does not answer."""

    user: str
    address: str
    folder: str
    process: psutil.Process

    def variables(self) -> dict[str, str]:
        """The environment in which this cloud is the one in use."""
        found = {k: v for k, v in self.process.environ().items() if k in _PASSED_ON}
        return {**found, "AWS_ENDPOINT_URL": self.address}

    def as_user(self) -> dict[str, Any]:
        """The options of a process that runs as the cloud's user: none if that is this user."""
        if not hasattr(os, "getuid") or (user := self.process.uids().real) == os.getuid():
            return {}
        return {"user": user, "group": self.process.gids().real, "extra_groups": []}


def running(users: Collection[str]) -> list[RunningCloud]:
    """The local clouds of these users; if none is named, all that this user may look at.

    Raises TargetError if one of them is another user, and this one is not root.
    """
    is_root = start_key.user_id() == 0
    me = start_key.user_name()
    for user in users:
        if not is_root and user != me:
            raise TargetError(
                f"The local cloud of {user} is for {user} and root only, and you are {me}. Run "
                "this as root, or ask for your own."
            )
    wanted = users or (() if is_root else (me,))
    found = [each for process in _processes() for each in _clouds(process)]
    mine = [each for each in found if not wanted or each.user in wanted]
    return sorted(mine, key=lambda each: (each.user, each.address))


def takes(process: psutil.Process) -> tuple[float, int]:
    """How many bytes of memory a process and its descendants take, and how many they are. What
    they share counts once, where the system tells."""
    size, count = 0.0, 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):  # it ended just now
            info = each.memory_full_info()
            size, count = size + getattr(info, "pss", info.rss), count + 1
    return size, count


def _processes() -> Iterator[psutil.Process]:
    """Those that were started as local clouds. What they started themselves looks alike."""
    there = {each.pid: each for each in psutil.process_iter(["cmdline", "ppid"])}
    started = {pid for pid, each in there.items() if _is_one(each.info["cmdline"] or [])}
    yield from (there[pid] for pid in started if there[pid].info["ppid"] not in started)


def _is_one(command: list[str]) -> bool:
    return ("-m", "localcloud") in itertools.pairwise(command)


def _clouds(process: psutil.Process) -> Iterator[RunningCloud]:
    """What a process serves; nothing where this user may not ask."""
    with suppress(psutil.Error):
        user = process.username()
        for each in process.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN:
                address = local.address(each.laddr.port)
                yield RunningCloud(user, address, _folder(address, process.pid), process)


def _folder(address: str, pid: int) -> str:
    with suppress(NoAnswerError):
        found = local.whose(address) or {}
        return str(found.get("folder", "")) if found.get("pid") == pid else ""
    return ""
