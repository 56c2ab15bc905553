"""What `lab.look` can show: a screen for each hop of the chain, as it stands at this moment."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import boto3

from lab.aws import calls, reads
from lab.course.screens.found import NotMadeError, screen_of
from lab.course.screens.functions import function
from lab.course.screens.items import table
from lab.course.screens.mail import mailbox
from lab.course.screens.queues import dead_letters, queue
from lab.course.screens.rest_api import api
from lab.course.screens.story import order
from lab.course.screens.subscriptions import topic
from lab.engine.screen import Screen
from lab.errors import LabError

_SCREENS: dict[str, Callable[..., Screen]] = {
    "api": api,
    "function": function,
    "queue": queue,
    "dead-letters": dead_letters,
    "topic": topic,
    "mailbox": mailbox,
    "table": table,
    "order": order,
}
_NEEDS = {"function": ("take_order", "the name of a function"), "order": ("my-order", "an id")}


def screen(aws: boto3.Session, what: str, *which: str) -> Screen:
    """The screen of one thing. Raises LabError for what cannot be looked at."""
    make = _SCREENS.get(what)
    if make is None or not _fits(make, which):
        raise LabError(_usage(what, which))
    with calls.hidden(), reads.once_each():
        try:
            return make(aws, *which)
        except NotMadeError as error:
            return screen_of(error.resource, says=str(error))


def _fits(make: Callable[..., Screen], which: tuple[str, ...]) -> bool:
    return len(inspect.signature(make).parameters) == 1 + len(which)


def _usage(what: str, which: tuple[str, ...]) -> str:
    wanted, found = _NEEDS.get(what, ("", "nothing"))[1], ", ".join(map(repr, which)) or "nothing"
    wrong = f"Expected {wanted} after {what!r}, found {found}."
    if what not in _SCREENS:
        wrong = f"There is nothing called {what!r} to look at."
    known = ", ".join(_call(name) for name in _SCREENS)
    return f"{wrong} You can look at: {known}."


def _call(name: str) -> str:
    example = f', "{_NEEDS[name][0]}"' if name in _NEEDS else ""
    return f'lab.look("{name}"{example})'
