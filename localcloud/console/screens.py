"""What each screen shows: the template's name, and the values in it. Changes nothing."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from localcloud import arn, losses, steps
from localcloud.cloud import LocalCloud
from localcloud.console import code, items, logs, picture, rights, state, story
from localcloud.lambda_ import functions
from localcloud.sns import subscriptions
from localcloud.sqs.queue import queues

PAGE = 50
_YOU = "you"  # what the cloud calls the user whose key made a call
_LATELY = 20  # steps at a part
_MOST_SEARCHED = 1000  # messages of a queue
_LINK = re.compile(r"\S+Action=ConfirmSubscription\S+")

Screen = tuple[str, dict[str, Any]]


class NotThereError(Exception):
    """There is no such thing (any more). Says what, and what to try."""


@dataclass(frozen=True)
class Asked:
    """What an address asks for besides the screen: the number of a page, and the other words."""

    page: int = 0
    words: dict[str, str] = field(default_factory=dict)

    @property
    def range(self) -> slice:
        return slice(PAGE * self.page, PAGE * (self.page + 1))


async def home(cloud: LocalCloud, _: str, __: Asked) -> Screen:
    found = state.read(_described(cloud))
    lost = losses.describe()["total"]
    return "home.html", {"picture": picture.draw(found), "state": found, "lost": lost}


async def queue(cloud: LocalCloud, name: str, asked: Asked) -> Screen:
    described = _described(cloud)
    found = by_name(described["sqs"]["queues"], name, "queue")
    whole = next(q for q in queues() if q.name == name).describe(asked.range.stop)
    total = found["visible"] + found["in_flight"] + found["delayed"]
    links = state.read(described).links
    sources = [k.source for k in links if k.is_for_dead_letters and k.target == found["arn"]]
    return "queue.html", {
        "queue": found,
        "messages": whole["messages"][asked.range],
        "total": total,
        "is_dead": bool(sources),
        "is_redrivable": bool(sources) and all(arn.parse(s).service == "sqs" for s in sources),
        "has_reader": any(
            k.source == found["arn"] and not (k.off or k.is_for_dead_letters) for k in links
        ),
        "lately": story.at_part(found["arn"], described, _LATELY),
    }


async def function(cloud: LocalCloud, name: str, _: Asked) -> Screen:
    described = _described(cloud)
    found = by_name(described["lambda"]["functions"], name, "function")
    found_state = state.read(described)
    there = functions.find(found["arn"], "")
    return "function.html", {
        "function": found,
        "leads_to": [link for link in found_state.links if link.source == found["arn"]],
        "comes_from": [link for link in found_state.links if link.target == found["arn"]],
        "parts": {part.key: part for part in found_state.parts},
        "lines": logs.recent(cloud, found),
        "may": rights.of_role(found["role"]),
        "variables": (there.environment_vars if there else None) or {},
        "files": code.files_of(getattr(there, "code_bytes", b"")),
    }


async def topic(cloud: LocalCloud, name: str, _: Asked) -> Screen:
    described = _described(cloud)
    found = by_name(described["sns"]["topics"], name, "topic")
    lately = story.at_part(found["arn"], described, _LATELY)
    return "topic.html", {"topic": found, "lately": lately}


async def api(cloud: LocalCloud, name: str, _: Asked) -> Screen:
    described = _described(cloud)
    found = by_name(described["apigateway"]["apis"], name, "API")
    routes = [route for stage in found["stages"] for route in stage["routes"]]
    return "api.html", {
        "api": found,
        "address": f"http://{cloud.address}",
        "paths": [route.partition(" ")[2] for route in routes if route.startswith("POST ")],
        "used": {meter["api_key_id"]: meter["used"] for meter in described["apigateway"]["meters"]},
        "lately": story.at_part(found["id"], described, _LATELY),
    }


async def table(cloud: LocalCloud, name: str, asked: Asked) -> Screen:
    found = by_name(_described(cloud)["dynamodb"]["tables"], name, "table")
    keys = await items.keys(cloud, found["arn"])
    indexes = {index: key[0][0] for index, key in keys.items() if index and key[0][1] == "S"}
    shown = await _asked_items(cloud, found["arn"], asked.words, indexes)
    names = dict.fromkeys(k for i in shown[:PAGE] for k in i)
    columns = ["product", "quantity", *sorted(names, key=lambda name: "epoch" in name)]
    whole = not (asked.words.get("key") or asked.words.get("value"))
    return "table.html", {
        "name": name,
        "items": shown[asked.range],
        "columns": [c for c in dict.fromkeys(columns) if any(c in item for item in shown)],
        "total": len(shown),
        "more": found["items"] - len(shown) if whole else 0,
        "key": keys[""][0][0],
        "indexes": indexes,
        "asked": asked.words,
    }


async def _asked_items(
    cloud: LocalCloud, table: str, words: dict[str, str], indexes: dict[str, str]
) -> list[items.Item]:
    """By the key if one is asked for, by an index if one is, or else the newest."""
    if key := words.get("key"):
        one = await items.by_key(cloud, table, key)
        return [one] if one else []
    if (value := words.get("value")) and words.get("index") in indexes:
        return await items.by_index(cloud, table, words["index"], value)
    return items.newest(cloud, table)


async def order(cloud: LocalCloud, order_id: str, _: Asked) -> Screen:
    """Where an order is, and what happened to it on its way."""
    described = _described(cloud)
    found = state.read(described)
    rows = story.of_order(cloud, order_id, found, described)
    stored = [
        (table["name"], item)
        for table in described["dynamodb"]["tables"]
        if (item := await items.by_key(cloud, table["arn"], order_id))
    ]
    dead = {link.target for link in found.links if link.is_for_dead_letters}
    off = {link.source: link.off for link in found.links if link.off}
    waiting = [
        (queue.name, message, queue.queue_arn in dead, off.get(queue.queue_arn, ""))
        for queue in queues()
        for message in queue.describe(_MOST_SEARCHED)["messages"]
        if steps.is_about(message["body"], order_id)
    ]
    if not (rows or stored or waiting):
        raise NotThereError(
            f"Nothing is known of an order {order_id}: it is in no table and in no queue, and only "
            "the latest steps are remembered. Look whether its id is right."
        )
    return "order.html", {"id": order_id, "rows": rows, "items": stored, "waiting": waiting}


async def mailbox(cloud: LocalCloud, _: str, asked: Asked) -> Screen:
    if cloud.mailbox.sends_out:
        raise NotThereError("Mails leave by the SMTP server that --smtp names; none is kept here.")
    files = await asyncio.to_thread(_files, cloud.mailbox.directory)
    mails = await asyncio.to_thread(lambda: [_mail(file) for file in files[asked.range]])
    for mail in mails:
        mail["waits"] = bool(mail["link"]) and subscriptions.waits_for(token_in(mail["link"]))
    return "mailbox.html", {"mails": mails, "total": len(files)}


async def trail(cloud: LocalCloud, _: str, asked: Asked) -> Screen:
    """All calls, or those that were refused, or those that functions made."""
    only = asked.words.get("only", "")
    entries = list(cloud.trail.newest_first())
    if only == "refused":
        entries = [entry for entry in entries if entry.error]
    if only == "functions":
        entries = [entry for entry in entries if cloud.caller_of(entry.call) != _YOU]
    shown = entries[asked.range]
    callers = {entry.number: cloud.caller_of(entry.call) for entry in shown}
    return "trail.html", {
        "entries": shown,
        "callers": callers,
        "total": len(entries),
        "only": only,
    }


SCREENS: dict[str, Callable[[LocalCloud, str, Asked], Awaitable[Screen]]] = {
    "": home,
    "api": api,
    "function": function,
    "mailbox": mailbox,
    "order": order,
    "queue": queue,
    "table": table,
    "topic": topic,
    "trail": trail,
}


def _described(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    return {name: service.describe() for name, service in cloud.services.items()}


def by_name(things: list[dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
    for each in things:
        if name in (each["name"], each.get("id")):
            return each
    there = ", ".join(sorted(each["name"] for each in things)) or "none yet"
    raise NotThereError(f"There is no {kind} {name}. There are: {there}.")


def _files(directory: Path) -> list[Path]:
    files = [f for part in ("new", "cur") for f in (directory / part).glob("*") if f.is_file()]
    return sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def token_in(link: str) -> str:
    """The token of a link that confirms a subscription."""
    return parse_qs(urlsplit(link).query).get("Token", [""])[0]


def _mail(file: Path) -> dict[str, Any]:
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    link = _LINK.search(text)
    headers = {name: str(mail.get(name, "")) for name in ("From", "To", "Subject", "Date")}
    return {**headers, "text": text, "link": link[0] if link else "", "id": file.name}
