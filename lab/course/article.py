"""The article's two functions beside ours: how often each is called for an order, how many calls to
AWS it makes, how long it takes, and what becomes of an order that comes twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lab.aws import packaging
from lab.aws.session import session
from lab.course.bench import Bench
from lab.errors import LabError
from lab.here import local, own_cloud

_EMPTY = "empty"  # the name of a checkpoint
_BATCH = 10
_TRIGGER_CALLS = 2  # Lambda itself receives and deletes a batch
# Stands around a handler, and answers what its calls cost.
_COUNTED = """
import time
import boto3

calls = 0

def count(**_):
    global calls
    calls += 1

boto3.setup_default_session()
boto3.DEFAULT_SESSION.events.register("before-call", count)
import {stem} as real

def lambda_handler(event, context):
    before, began = calls, time.perf_counter()
    real.lambda_handler(event, context)
    return {{"calls": calls - before, "ms": (time.perf_counter() - began) * 1000}}
"""


@dataclass
class Cost:
    """What some orders cost together. `items` is how many items an order makes that comes twice."""

    orders: int
    runs: int = 0
    calls: int = 0
    milliseconds: float = 0
    items: int = 0

    def add(self, bench: Bench, event: Any) -> None:
        reply = bench.call(event)
        if reply.error:
            raise LabError(reply.error)
        found = reply.answer
        self.runs += 1
        self.calls += found["calls"]
        self.milliseconds += found["ms"]


def compare(orders: int) -> tuple[Cost, Cost]:
    """What so many orders cost by our functions, and by the article's."""
    ours, theirs = Cost(orders), Cost(orders)
    with own_cloud.in_own_cloud() as address:
        local.checkpoint(address, "take", _EMPTY)
        bench = _bench(address, "notify_fulfillment")
        for batch in _batches(orders):
            ours.add(bench, {"Records": batch})
            ours.calls += _TRIGGER_CALLS
        _record(_bench(address, "record_order"), ours)
        bench = _bench(address, "article/publish_order")
        for record in _records(orders):
            bench.send(record["body"])
            theirs.add(bench, {})
        _record(_bench(address, "article/store_order"), theirs)
    return ours, theirs


def in_words(costs: tuple[Cost, Cost]) -> str:
    """The two costs side by side, for each order."""
    rows: list[tuple[str, str, Any]] = [
        ("calls of functions, for each order", "{:.1f}", lambda c: c.runs / c.orders),
        ("calls to AWS, for each order", "{:.1f}", lambda c: c.calls / c.orders),
        ("time in functions, for each order", "{:.0f} ms", lambda c: c.milliseconds / c.orders),
        ("items of an order that comes twice", "{:.0f}", lambda c: c.items),
    ]
    lines = [f"{'':36}{'ours':>10}{'the article':>14}"]
    for what, form, of in rows:
        ours, theirs = (form.format(of(cost)) for cost in costs)
        lines.append(f"{what:36}{ours:>10}{theirs:>14}")
    return "\n".join(lines)


def _bench(address: str, stem: str) -> Bench:
    """A fresh bench with that function, which was called once: no cold start is measured."""
    local.checkpoint(address, "restore", _EMPTY)
    name = stem.rpartition("/")[2]
    counted = {"counted": _COUNTED.format(stem=name)}
    package = packaging.package(stem, **counted)
    return Bench(session(), name, package, handler="counted")


def _record(bench: Bench, cost: Cost) -> None:
    for order_id in _ids(cost.orders):
        cost.add(bench, _notification(order_id))
    before = len(bench.items())
    for _ in range(2):
        bench.call(_notification("twice"))
    cost.items = len(bench.items()) - before


def _ids(orders: int) -> list[str]:
    return [f"order-{number}" for number in range(orders)]


def _records(orders: int) -> Iterator[dict[str, Any]]:
    """Records as SQS hands them over, each with an order."""
    (record, *_) = json.loads(packaging.event("notify_fulfillment"))["Records"]
    order = json.loads(record["body"])
    for order_id in _ids(orders):
        body = json.dumps({**order, "order_id": order_id})
        yield {**record, "messageId": order_id, "body": body}


def _batches(orders: int) -> Iterator[list[dict[str, Any]]]:
    records = _records(orders)
    while batch := list(islice(records, _BATCH)):
        yield batch


def _notification(order_id: str) -> dict[str, Any]:
    """An event as SNS hands it over, with an order."""
    event: dict[str, Any] = json.loads(packaging.event("record_order"))
    message = event["Records"][0]["Sns"]
    message["Message"] = json.dumps({**json.loads(message["Message"]), "order_id": order_id})
    return event
