"""Forks of a process that has imported what the project's programs need.

Importing moto or boto3 is most of what a program's start takes. A fork server imports them once for
each test process.
"""

from __future__ import annotations

import multiprocessing
from functools import cache
from typing import Any

_IMPORTED = ("tests", "localcloud.__main__", "localcloud.server", "lab.commands", "teardown")


@cache
def fork_server() -> Any:
    """What starts forks; its `Process` is that of multiprocessing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED])
    return context
