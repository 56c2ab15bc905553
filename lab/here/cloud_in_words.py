"""What a local cloud tells of itself, in lines for the terminal.

Its status has an entry for each service (localcloud/README.md). Here each becomes a label and one
line for each thing in it, so that `lab status` can be read at a glance and searched with grep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from lab.aws.arn import name_in
from lab.engine.display import printable

Line = tuple[str, str]  # a label, and what stands behind it


def lines(status: dict[str, Any]) -> Iterator[Line]:
    """Whose cloud it is, what each service has and does, and what was lost."""
    yield from ((name, str(status.get(name))) for name in ("address", "user", "folder", "pid"))
    if status["speed"] != 1:
        yield "speed", f"{status['speed']:g} times as fast as on AWS (the waits)"
    services = status["services"]
    yield from _of_lambda(services["lambda"])
    yield from (("queue", _queue(each)) for each in services["sqs"]["queues"])
    yield from (("topic", _topic(each)) for each in services["sns"]["topics"])
    yield from _of_api_gateway(services["apigateway"])
    yield "mailbox", _mailbox(services["sns"]["mailbox"])
    for loss in status["lost"]["last"][:1]:
        yield "lost", f"{status['lost']['total']}; the newest: {loss['what']}: {loss['why']}"
    if status["restarts"]:
        yield "restarts", f"{status['restarts']}; `lab logs --cloud` says of what, and why"


def printed(status: dict[str, Any]) -> str:
    """The lines, with the labels in one column."""
    return "\n".join(f"{label:10} {printable(text)}" for label, text in lines(status))


def _of_lambda(found: dict[str, Any]) -> Iterator[Line]:
    for function in found["functions"] or [None]:
        yield ("function", _function(function)) if function else ("functions", "none")
    for (arn, state), count in Counter(
        (event["function_arn"], event["state"]) for event in found["events"]
    ).items():
        yield "events", f"{name_in(arn)}: {_count(count, 'asynchronous event')} {state}"


def _function(function: dict[str, Any]) -> str:
    workers, under_way = function.get("workers", []), function.get("under_way", [])
    said = [_count(len(workers), "worker")]
    if under_way:
        longest = max(each["seconds"] for each in under_way)
        said.append(f"{len(under_way)} under way, the longest for {longest:.0f} s")
    if function.get("waiting"):
        said.append(f"{function['waiting']} waiting for {function['longest_wait_seconds']:.0f} s")
    if function["reserved_concurrency"] is not None:
        said.append(f"at most {function['reserved_concurrency']} at a time")
    return f"{function['name']}: {', '.join(said)}"


def _queue(queue: dict[str, Any]) -> str:
    said = [f"{queue['visible']} waiting", f"{queue['in_flight']} in flight"]
    if queue["delayed"]:
        said.append(f"{queue['delayed']} delayed")
    if queue["oldest_seconds"] is not None:
        said.append(f"the oldest for {queue['oldest_seconds']:.0f} s")
    return f"{queue['name']}: {', '.join(said)}"


def _topic(topic: dict[str, Any]) -> str:
    subscriptions = topic["subscriptions"]
    pending = sum(each["state"] == "pending" for each in subscriptions)
    rest = f", {pending} of them not confirmed yet" if pending else ""
    return f"{topic['name']}: {_count(len(subscriptions), 'subscription')}{rest}"


def _of_api_gateway(found: dict[str, Any]) -> Iterator[Line]:
    for api in found["apis"]:
        for stage in api["stages"]:
            yield "stage", f"{api['name']}/{stage['name']}: {', '.join(stage['routes'])}"
    for meter in found["meters"]:
        yield "API key", f"{meter['api_key_id']}: {_count(meter['used'], 'request')} today"


def _mailbox(mailbox: dict[str, Any]) -> str:
    if mailbox["directory"] is None:
        return "none: mail leaves through an SMTP server"
    waiting = f", {mailbox['on_their_way']} on their way" if mailbox["on_their_way"] else ""
    return f"{mailbox['directory']}: {_count(mailbox['mails'], 'mail')}{waiting}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
