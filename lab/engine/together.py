"""Chapters that run together, as in `lab up`.

A chapter that is run alone looks at its ground before it begins, and checks itself at the end. When
all of them run, one look at everything before the first and one after the last say as much, and
spare AWS two hundred calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_together: ContextVar[bool] = ContextVar("together", default=False)


@contextmanager
def looked_at() -> Iterator[None]:
    """The chapters that run in here are looked at together, before and after."""
    token = _together.set(True)
    try:
        yield
    finally:
        _together.reset(token)


def are_looked_at() -> bool:
    """Whether somebody else looks at the chapter that runs."""
    return _together.get()
