"""Where the local cloud's page shows each thing of this course, and what it may say about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import boto3

from lab.aws import packaging
from lab.course.names import Names, names
from lab.course.screens.found import id_of
from lab.course.words import words
from lab.errors import LabError

SCREENS = (
    *("api", "function", "queue", "dead-letters", "topic", "mailbox", "table", "order", "trail"),
)
_ALONE = ("mailbox", "trail")  # there is one of them


def path_to(aws: boto3.Session, screen: str, name: str) -> str:
    """The address of a screen below that of the page: "queue/CustomerOrders". Without a name it is
    the course's own thing of that kind. Raises LabError where a name is missing or too much."""
    if screen in _ALONE:
        if name:
            raise LabError(f"There is one {screen}. Expected no name after it, found {name!r}.")
        return screen
    if screen == "api":
        return f"api/{quote(name or id_of(aws, 'REST API', names().api), safe='')}"
    kind = "queue" if screen == "dead-letters" else screen
    return f"{kind}/{quote((name and _full(name)) or _own(screen), safe='')}"


def _full(name: str) -> str:
    """The name with the learner's prefix where it is that of one of the functions."""
    ours = {names().stem(each): each for each in names().functions}
    return ours.get(name, name)


def _own(screen: str) -> str:
    n: Names = names()
    own = {
        "queue": n.queue,
        "dead-letters": n.queue_dead_letters,
        "topic": n.topic,
        "table": n.table,
    }
    if screen not in own:
        example = {"function": n.take_order, "order": "ID"}[screen]
        raise LabError(f"Which {screen}? Try: lab console {screen} {example}")
    return own[screen]


def for_page() -> dict[str, Any]:
    """What the page may say and offer: the words of each hop, and the test events."""
    return {"words": words(names()), "events": packaging.events()}
