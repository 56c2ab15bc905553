"""What the picture shows: the parts of the cloud, and how they are connected.

It is read from the services' `describe()`, all of it at one moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from localcloud import arn, steps
from localcloud.iam.policies import Access, Caller, context_of, why_not
from localcloud.upstream import ACCOUNT_ID

OLDEST = "the oldest"
# What a function may do with each kind of part, if it sends there.
_SENDS = {"queue": "sqs:SendMessage", "topic": "sns:Publish", "table": "dynamodb:PutItem"}


@dataclass(frozen=True)
class Figure:
    """A number with its word; `is_bad` where somebody should look."""

    word: str
    value: str
    is_bad: bool = False


@dataclass(frozen=True)
class Part:
    """A resource. `key` is its ARN, or "mailbox"; `kind` and `name` make its page's address."""

    key: str
    kind: str
    name: str
    figures: tuple[Figure, ...]
    is_for_dead_letters: bool = False

    @property
    def beat(self) -> str:
        """What is another text when something happened here since."""
        figures = [figure.value for figure in self.figures if figure.word != OLDEST]
        return " ".join([str(steps.total(self.key)), *figures])

    @property
    def word_key(self) -> str:
        """What the course calls it, if it has a sentence about it."""
        return "mailbox" if self.kind == "mailbox" else f"{self.kind}:{self.name}"

    @property
    def page(self) -> str:
        if self.kind == "mailbox":
            return "mailbox"
        # Two APIs may have one name.
        return f"{self.kind}/{quote(self.key if self.kind == 'api' else self.name, safe='')}"


@dataclass(frozen=True)
class Link:
    """A way from one part to another, by their keys; `off` says in words why nothing passes."""

    source: str
    target: str
    off: str = ""
    is_for_dead_letters: bool = False


@dataclass(frozen=True)
class State:
    parts: list[Part]
    links: list[Link]


def read(services: dict[str, dict[str, Any]]) -> State:
    """The state from what the services describe, by their names."""
    functions = services["lambda"]["functions"]
    links = [*_links(services), *_sends(functions, services)]
    dead = {link.target for link in links if link.is_for_dead_letters}
    return State([*_parts(services, dead)], list(dict.fromkeys(links)))


def _parts(services: dict[str, dict[str, Any]], dead: set[str]) -> Iterator[Part]:
    for api in services["apigateway"]["apis"]:
        routes = [route for stage in api["stages"] for route in stage["routes"]]
        word = "route" if len(routes) == 1 else "routes"
        yield Part(
            api["id"],
            "api",
            api["name"],
            (Figure(word, str(len(routes))), Figure("answered", str(steps.total(api["id"])))),
        )
    for function in services["lambda"]["functions"]:
        yield Part(function["arn"], "function", function["name"], _of_function(function))
    for queue in services["sqs"]["queues"]:
        is_dead = queue["arn"] in dead
        yield Part(queue["arn"], "queue", queue["name"], _of_queue(queue, is_dead), is_dead)
    for topic in services["sns"]["topics"]:
        waits = sum(each["state"] == "pending" for each in topic["subscriptions"])
        count = str(len(topic["subscriptions"]))
        delivered = Figure("deliveries", str(steps.total(topic["arn"])))
        pending = [Figure("to be confirmed", str(waits), is_bad=True)] if waits else []
        yield Part(
            topic["arn"], "topic", topic["name"], (Figure("subscribed", count), delivered, *pending)
        )
    for table in services["dynamodb"]["tables"]:
        stored = Figure("stored", str(table["items"]))
        yield Part(table["arn"], "table", table["name"], (stored,))
    mails = services["sns"]["mailbox"]
    if any(each["protocol"] == "email" for each in _subscriptions(services)):
        yield Part("mailbox", "mailbox", "Mailbox", (Figure("mails", str(mails["mails"])),))


def _of_function(function: dict[str, Any]) -> tuple[Figure, ...]:
    errors = function.get("errors", 0)
    return (
        Figure("runs", str(function.get("invocations", 0))),
        Figure("at work", str(len(function.get("under_way", ())))),
        Figure("errors", str(errors), errors > 0),
    )


def _of_queue(queue: dict[str, Any], is_dead: bool) -> tuple[Figure, ...]:
    if is_dead:
        count = queue["visible"] + queue["in_flight"] + queue["delayed"]
        return (Figure("stuck", str(count), count > 0),)
    oldest = queue["oldest_seconds"]
    return (
        Figure("waiting", str(queue["visible"] + queue["delayed"])),
        Figure("in flight", str(queue["in_flight"])),
        *([] if oldest is None else [Figure(OLDEST, f"{oldest:.0f} s")]),
    )


def _subscriptions(services: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for topic in services["sns"]["topics"]:
        for each in topic["subscriptions"]:
            yield each | {"topic": topic["arn"]}


def _links(services: dict[str, dict[str, Any]]) -> Iterator[Link]:
    """What the configuration connects."""
    for api in services["apigateway"]["apis"]:
        for stage in api["stages"]:
            yield from (Link(api["id"], function) for function in stage["functions"])
    functions = {each["name"]: each for each in services["lambda"]["functions"]}
    for mapping in services["lambda"]["event_source_mappings"]:
        if function := functions.get(mapping["function"]):
            off = "" if mapping["enabled"] else "The trigger is off."
            yield Link(mapping["queue"], function["arn"], off)
    for each in _subscriptions(services):
        target = "mailbox" if each["protocol"] == "email" else each["endpoint"]
        off = "" if each["state"] == "confirmed" else "The subscription is not confirmed yet."
        yield Link(each["topic"], target, off)
        if each["dead_letter_target"]:
            yield Link(each["topic"], each["dead_letter_target"], is_for_dead_letters=True)
    for each in [*functions.values(), *services["sqs"]["queues"]]:
        if each["dead_letter_target"]:
            yield Link(each["arn"], each["dead_letter_target"], is_for_dead_letters=True)


def _sends(functions: list[dict[str, Any]], services: dict[str, dict[str, Any]]) -> Iterator[Link]:
    """Where a function may send, by its role: that it does is for its code to say."""
    targets = [
        *(("queue", each["arn"]) for each in services["sqs"]["queues"]),
        *(("topic", each["arn"]) for each in services["sns"]["topics"]),
        *(("table", each["arn"]) for each in services["dynamodb"]["tables"]),
    ]
    dead = {each["dead_letter_target"] for each in [*functions, *services["sqs"]["queues"]]}
    dead |= {each["dead_letter_target"] for each in _subscriptions(services)}
    for function in functions:
        role = f"arn:aws:iam::{ACCOUNT_ID}:role/{function['role']}"
        for kind, target in targets:
            if target not in dead and _may(role, _SENDS[kind], target):
                yield Link(function["arn"], target)


def _may(role: str, action: str, resource: str) -> bool:
    context = context_of(role, arn.parse(resource).region)
    return not why_not(Caller(role, role), Access(action, resource, context))
