"""What the picture shows: the parts of the cloud, and how they are connected.

It is read from the services' `describe()`, and from roles, policies and variables, all of it at one
moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from localcloud import arn, steps
from localcloud.deliver import Role, ServicePrincipal, why_not
from localcloud.lambda_ import functions
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
    links = [*_links(services), *_sends(services["lambda"]["functions"], services)]
    dead = {link.target for link in links if link.is_for_dead_letters}
    return State([*_parts(services, dead)], list(dict.fromkeys(links)))


def _parts(services: dict[str, dict[str, Any]], dead: set[str]) -> Iterator[Part]:
    for api in services["apigateway"]["apis"]:
        routes = sum(len(stage["routes"]) for stage in api["stages"])
        answered = Figure("answered", str(steps.total(api["id"])))
        yield Part(api["id"], "api", api["name"], (_counted(routes, "route"), answered))
    for function in services["lambda"]["functions"]:
        yield Part(function["arn"], "function", function["name"], _of_function(function))
    for queue in services["sqs"]["queues"]:
        is_dead = queue["arn"] in dead
        yield Part(queue["arn"], "queue", queue["name"], _of_queue(queue, is_dead), is_dead)
    for topic in services["sns"]["topics"]:
        waits = sum(each["state"] == "pending" for each in topic["subscriptions"])
        count = str(len(topic["subscriptions"]))
        delivered = _counted(steps.total(topic["arn"]), "delivery", "deliveries")
        pending = [Figure("to be confirmed", str(waits), is_bad=True)] if waits else []
        yield Part(
            topic["arn"], "topic", topic["name"], (Figure("subscribed", count), delivered, *pending)
        )
    for table in services["dynamodb"]["tables"]:
        stored = Figure("stored", str(table["items"]))
        yield Part(table["arn"], "table", table["name"], (stored,))
    mails = services["sns"]["mailbox"]
    if any(each["protocol"] == "email" for each in _subscriptions(services)):
        yield Part("mailbox", "mailbox", "Mailbox", (_counted(mails["mails"], "mail"),))


def _of_function(function: dict[str, Any]) -> tuple[Figure, ...]:
    """Its errors are bad as long as its latest run was one."""
    latest = next(steps.at(function["arn"]), None)
    return (
        _counted(function.get("invocations", 0), "run"),
        Figure("at work", str(len(function.get("under_way", ())))),
        _counted(function.get("errors", 0), "error", is_bad=bool(latest and latest.problem)),
    )


def _counted(count: int, one: str, many: str = "", *, is_bad: bool = False) -> Figure:
    return Figure(one if count == 1 else many or f"{one}s", str(count), is_bad)


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
            yield from _integrations(api, stage)
    runs = {each["name"]: each for each in services["lambda"]["functions"]}
    for mapping in services["lambda"]["event_source_mappings"]:
        if function := runs.get(mapping["function"]):
            yield Link(mapping["queue"], function["arn"], _why_no_trigger(mapping, function))
    for each in _subscriptions(services):
        target = "mailbox" if each["protocol"] == "email" else each["endpoint"]
        yield Link(each["topic"], target, _why_no_delivery(each))
        if each["dead_letter_target"]:
            yield Link(each["topic"], each["dead_letter_target"], is_for_dead_letters=True)
    for each in [*runs.values(), *services["sqs"]["queues"]]:
        if each["dead_letter_target"]:
            yield Link(each["arn"], each["dead_letter_target"], is_for_dead_letters=True)


def _integrations(api: dict[str, Any], stage: dict[str, Any]) -> Iterator[Link]:
    """Where the routes of a stage lead. A permission holds for one route or for several."""
    routes = (route.replace(" ", "", 1) for route in stage["routes"])
    paths = [f"{api['id']}/{stage['name']}/{route}" for route in routes]
    for function in stage["functions"]:
        region = arn.parse(function).region
        sources = [f"arn:aws:execute-api:{region}:{ACCOUNT_ID}:{path}" for path in paths]
        senders = [ServicePrincipal("apigateway.amazonaws.com", source) for source in sources]
        may = any(not why_not(function, sender) for sender in senders)
        yield Link(api["id"], function, "" if may else "API Gateway may not call the function.")


def _why_no_trigger(mapping: dict[str, Any], function: dict[str, Any]) -> str:
    if not mapping["enabled"]:
        return "The trigger is off."
    may = _may(function["role"], "sqs:ReceiveMessage", mapping["queue"])
    return "" if may else f"The role {function['role']} may not receive from the queue."


def _why_no_delivery(subscription: dict[str, Any]) -> str:
    if subscription["state"] != "confirmed":
        return "The subscription is not confirmed yet."
    sender = ServicePrincipal("sns.amazonaws.com", subscription["topic"])
    if subscription["protocol"] not in ("lambda", "sqs"):
        return ""
    problem = why_not(subscription["endpoint"], sender)
    return f"SNS may not deliver: {problem}." if problem else ""


def _sends(senders: list[dict[str, Any]], services: dict[str, dict[str, Any]]) -> Iterator[Link]:
    """Where a function sends: to what its variables name, or, if they name nothing, to what its
    role allows. That it does is for its code to say."""
    targets = [
        *(("queue", each["arn"]) for each in services["sqs"]["queues"]),
        *(("topic", each["arn"]) for each in services["sns"]["topics"]),
        *(("table", each["arn"]) for each in services["dynamodb"]["tables"]),
    ]
    dead = {each["dead_letter_target"] for each in [*senders, *services["sqs"]["queues"]]}
    dead |= {each["dead_letter_target"] for each in _subscriptions(services)}
    mappings = services["lambda"]["event_source_mappings"]
    for function in senders:
        # With full access it may send to its own queue, too, which is hardly meant.
        own = {each["queue"] for each in mappings if each["function"] == function["name"]}
        open_to_it = [each for each in targets if each[1] not in dead | own]
        values = _values_of(function["arn"])
        meant = [each for each in open_to_it if values & _names_of(*each)]
        for kind, target in meant or open_to_it:
            may = _may(function["role"], _SENDS[kind], target)
            off = "" if may else f"The role {function['role']} does not allow {_SENDS[kind]}."
            if may or meant:
                yield Link(function["arn"], target, off)


def _values_of(function: str) -> set[str]:
    """What the variables of a function say."""
    there = functions.find(function, "")
    return set(there.environment_vars.values()) if there and there.environment_vars else set()


def _names_of(kind: str, target: str) -> set[str]:
    """What a function may be told of it. A topic is known by its ARN alone."""
    return {target} if kind == "topic" else {target, arn.parse(target).name}


def _may(role: str, action: str, resource: str) -> bool:
    return not Role(f"arn:aws:iam::{ACCOUNT_ID}:role/{role}").problem(action, resource)
