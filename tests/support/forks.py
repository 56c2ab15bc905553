"""Forks of a process that has imported what the project's programs need.

Importing moto or boto3 is most of what a program's start takes. A fork server imports them once for
each test process.
"""

from __future__ import annotations

import multiprocessing
from functools import cache
from typing import Any

# Imported in this order; "tests" keeps away what would take seconds.
_IMPORTED = (
    *("tests", "localcloud.__main__", "localcloud.server", "jupytext"),
    *("lab.commands", "lab.engine.notebooks", "teardown", "tests.support.preloaded"),
)


@cache
def fork_server() -> Any:
    """What starts forks; its `Process` is that of multiprocessing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED])
    return context
