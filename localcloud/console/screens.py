"""What each screen shows: the template's name, and the values in it. Changes nothing."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from localcloud import arn, clock, losses
from localcloud.cloud import LocalCloud
from localcloud.console import calls, picture, state
from localcloud.sqs.queue import queues

PAGE = 50
MOST_ITEMS = 2000  # of a table
_LINES = 200
_RECENT_MS = 15 * 60 * 1000  # of a log
_MOST_SEARCHED = 1000  # messages of a queue
_LINK = re.compile(r"\S+Action=ConfirmSubscription\S+")

Screen = tuple[str, dict[str, Any]]


class NotThereError(Exception):
    """There is no such thing (any more). Says what, and what to try."""


async def home(cloud: LocalCloud, _: str, __: int) -> Screen:
    found = state.read(_described(cloud))
    lost = losses.describe()["total"]
    return "home.html", {"picture": picture.draw(found), "state": found, "lost": lost}


async def queue(cloud: LocalCloud, name: str, page: int) -> Screen:
    described = _described(cloud)
    found = by_name(described["sqs"]["queues"], name, "queue")
    whole = next(q for q in queues() if q.name == name).describe(PAGE * (page + 1))
    messages = whole["messages"][PAGE * page :]
    total = found["visible"] + found["in_flight"] + found["delayed"]
    links = (link for link in state.read(described).links if link.is_for_dead_letters)
    is_dead = any(link.target == found["arn"] for link in links)
    values = {"queue": found, "messages": messages, "total": total, "is_dead": is_dead}
    return "queue.html", values


async def function(cloud: LocalCloud, name: str, _: int) -> Screen:
    described = _described(cloud)
    found = by_name(described["lambda"]["functions"], name, "function")
    found_state = state.read(described)
    return "function.html", {
        "function": found,
        "leads_to": [link for link in found_state.links if link.source == found["arn"]],
        "comes_from": [link for link in found_state.links if link.target == found["arn"]],
        "parts": {part.key: part for part in found_state.parts},
        "lines": await _lines(cloud, found),
    }


async def topic(cloud: LocalCloud, name: str, _: int) -> Screen:
    found = by_name(_described(cloud)["sns"]["topics"], name, "topic")
    return "topic.html", {"topic": found}


async def api(cloud: LocalCloud, name: str, _: int) -> Screen:
    found = by_name(_described(cloud)["apigateway"]["apis"], name, "API")
    routes = [route for stage in found["stages"] for route in stage["routes"]]
    paths = [route.partition(" ")[2] for route in routes if route.startswith("POST ")]
    return "api.html", {"api": found, "address": f"http://{cloud.address}", "paths": paths}


async def table(cloud: LocalCloud, name: str, page: int) -> Screen:
    found = by_name(_described(cloud)["dynamodb"]["tables"], name, "table")
    items = sorted(await _items(cloud, found["arn"]), key=_newest, reverse=True)
    columns = list(dict.fromkeys(["product", "quantity", *(k for i in items[:PAGE] for k in i)]))
    columns = [column for column in columns if any(column in item for item in items)]
    shown = items[PAGE * page : PAGE * (page + 1)]
    return "table.html", {
        "name": name, "items": shown, "columns": columns, "total": len(items),
        "more": found["items"] - len(items),
    }  # fmt: skip


async def order(cloud: LocalCloud, order_id: str, _: int) -> Screen:
    """Where an order is, and what was said of it on its way."""
    described = _described(cloud)
    lines = [
        {"function": function["name"], **line}
        for function in described["lambda"]["functions"]
        for line in await _lines(cloud, function, order_id)
    ]
    items = [
        (table["name"], item)
        for table in described["dynamodb"]["tables"]
        if (item := await _item(cloud, table["arn"], order_id))
    ]
    waiting = [
        (queue.name, message)
        for queue in queues()
        for message in queue.describe(_MOST_SEARCHED)["messages"]
        if order_id in message["body"]
    ]
    if not (lines or items or waiting):
        raise NotThereError(f"Nothing is known of an order {order_id}. Was it answered 202?")
    lines.sort(key=lambda line: line["timestamp"])
    return "order.html", {"id": order_id, "lines": lines, "items": items, "waiting": waiting}


async def mailbox(cloud: LocalCloud, _: str, page: int) -> Screen:
    if cloud.mailbox.sends_out:
        raise NotThereError("Mails leave by the SMTP server that --smtp names; none is kept here.")
    files = await asyncio.to_thread(_files, cloud.mailbox.directory)
    shown = files[PAGE * page : PAGE * (page + 1)]
    mails = await asyncio.to_thread(lambda: [_mail(file) for file in shown])
    return "mailbox.html", {"mails": mails, "total": len(files)}


async def trail(cloud: LocalCloud, _: str, page: int) -> Screen:
    entries = list(islice(cloud.trail.newest_first(), PAGE * page, PAGE * (page + 1)))
    callers = {entry.number: cloud.caller_of(entry.call) for entry in entries}
    return "trail.html", {"entries": entries, "callers": callers, "total": len(cloud.trail)}


SCREENS: dict[str, Callable[[LocalCloud, str, int], Awaitable[Screen]]] = {
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


async def _items(cloud: LocalCloud, table_arn: str) -> list[dict[str, Any]]:
    """The items of a table, up to as many as can be read in a moment."""
    at = arn.parse(table_arn)
    asked = {"TableName": at.name, "Limit": MOST_ITEMS}
    answer = await calls.read(cloud, "dynamodb", at.region, "Scan", **asked)
    return [_plain(item) for item in answer["Items"]]


async def _item(cloud: LocalCloud, table_arn: str, key: str) -> dict[str, Any] | None:
    """The item with this key, where a table has a key of one text."""
    at = arn.parse(table_arn)
    read = partial(calls.read, cloud, "dynamodb", at.region, TableName=at.name)
    table = (await read("DescribeTable"))["Table"]
    names = [part["AttributeName"] for part in table["KeySchema"]]
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    if [types[name] for name in names] != ["S"]:
        return None
    found = (await read("GetItem", Key={names[0]: {"S": key}})).get("Item")
    return found and _plain(found)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}


async def _lines(
    cloud: LocalCloud, function: dict[str, Any], about: str = ""
) -> list[dict[str, Any]]:
    """The newest lines of a function's log (those with a text in them), the newest last."""
    asked: dict[str, Any] = {"logGroupName": f"/aws/lambda/{function['name']}"}
    if about:
        asked["filterPattern"] = json.dumps(about)
    else:
        asked["startTime"] = int(clock.now_ms()) - _RECENT_MS
    region = arn.parse(function["arn"]).region
    try:
        answer = await calls.read(cloud, "logs", region, "FilterLogEvents", **asked)
    except LookupError:  # there is no log group yet
        return []
    return list(answer["events"][-_LINES:])


def _newest(item: dict[str, Any]) -> float:
    times = [float(v) for k, v in item.items() if "epoch" in k and _is_number(v)]
    return max(times, default=0.0)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _files(directory: Path) -> list[Path]:
    files = [f for part in ("new", "cur") for f in (directory / part).glob("*") if f.is_file()]
    return sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def _mail(file: Path) -> dict[str, str]:
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    link = _LINK.search(text)
    headers = {name: str(mail.get(name, "")) for name in ("From", "To", "Subject", "Date")}
    return {**headers, "text": text, "link": link[0] if link else "", "id": file.name}
