"""How many orders a second the local cloud moves, and how that holds as the work grows.

Times come in pairs from one run: the chain, and beside it the floor: the same three
handlers called one after the other in this process, against the same state over HTTP, with
no runtime, poller or front door between. Machines differ and are noisy; the ratios are what
to look at. `make bench` runs it and writes build/bench.json.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import urllib3
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import lab
from lab.aws import client_env
from lab.course import COURSE, function_logs
from lab.course.names import names
from lab.here import local
from lab.here.own_cloud import environment, own_cloud
from tests.support.handlers import handler
from tests.support.usage_plan import lift_throttle

ROOT = Path(__file__).parent.parent
ORDERS = 1000
FEW, MANY = 200, 5000
ROUNDS = 5
CLIENTS = 8


@dataclass
class Bench:
    """The chain that is measured, and a progress bar."""

    aws: Any
    progress: Progress

    def __post_init__(self) -> None:
        self.sqs = self.aws.client("sqs")
        self.lambda_ = self.aws.client("lambda")
        self.dynamodb = self.aws.client("dynamodb")
        self.queue_url = self.sqs.get_queue_url(QueueName=names().queue)["QueueUrl"]
        mappings = self.lambda_.list_event_source_mappings()["EventSourceMappings"]
        self.mapping = mappings[0]["UUID"]

    def items(self) -> dict[str, int]:
        """When each stored order was recorded, in epoch milliseconds, by its id."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=names().table, ProjectionExpression="order_id, recorded_epoch_ms"
        )
        return {
            item["order_id"]["S"]: int(item["recorded_epoch_ms"]["N"])
            for page in pages
            for item in page["Items"]
        }

    def count(self) -> int:
        return int(self.dynamodb.describe_table(TableName=names().table)["Table"]["ItemCount"])

    def wait_for(self, total: int, what: str) -> float:
        """Wait until the table holds `total` items; the time at which it did."""
        before = self.count()
        task = self.progress.add_task(what, total=total - before)
        while (now := self.count()) < total:
            self.progress.update(task, completed=now - before)
            time.sleep(0.05)
        self.progress.update(task, completed=total - before)
        return time.perf_counter()

    def trigger(self, enabled: bool) -> None:
        self.lambda_.update_event_source_mapping(UUID=self.mapping, Enabled=enabled)

    def fill(self, count: int) -> list[str]:
        """Put orders on the queue while its trigger is off; returns their ids."""
        orders = [queued_order() for _ in range(count)]
        for start in range(0, count, 10):
            entries = [
                {"Id": str(i), "MessageBody": json.dumps(order)}
                for i, order in enumerate(orders[start : start + 10])
            ]
            reply = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            assert not reply.get("Failed"), reply
        return [order["order_id"] for order in orders]

    def drain(self, count: int, what: str) -> tuple[list[str], float]:
        """Fill the queue, switch the trigger on; the ids, and the seconds to the last item."""
        before = self.count()
        self.trigger(enabled=False)
        ids = self.fill(count)
        started = time.perf_counter()
        self.trigger(enabled=True)
        return ids, self.wait_for(before + count, what) - started

    def deliveries(self) -> Counter[str]:
        """How often record_order was given each order, by its id, whatever came of it."""
        lines = function_logs.lines(self.aws, (names().record_order,))
        return Counter(line.says["order_id"] for line in lines if line.says)

    def milliseconds_an_order(self, ids: list[str]) -> float:
        """The time from the first of these orders to the last, for each of them."""
        items = self.items()
        stamps = sorted(items[order_id] for order_id in ids)
        return (stamps[-1] - stamps[0]) / (len(stamps) - 1)


def queued_order() -> dict[str, Any]:
    now = int(time.time() * 1000)
    order = {"product": "Assam tea", "quantity": 2, "order_id": str(uuid.uuid4())}
    return {**order, "received_epoch_ms": now, "queued_epoch_ms": now}


def post_orders(aws: Any, count: int) -> list[str]:
    """Post orders over HTTP from several threads; the ids of those that were accepted."""
    apigateway = aws.client("apigateway")
    api_id = apigateway.get_rest_apis()["items"][0]["id"]
    key = apigateway.get_api_keys(includeValues=True)["items"][0]["value"]
    url = lab.invoke_url(aws, api_id, "prod", "/orders")
    pool = urllib3.PoolManager(maxsize=CLIENTS)

    def post(_: int) -> str:
        order = {"product": "Assam tea", "quantity": 2}
        answer = pool.request("POST", url, json=order, headers={"x-api-key": key})
        assert answer.status == 202, answer.data
        return str(answer.json()["order_id"])

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(post, range(count)))


def floor(aws: Any, count: int) -> tuple[float, float]:
    """Seconds for `count` orders through all three handlers, and through the last two.

    They write to a queue, a topic and a table of their own, made like the chain's but with
    nothing connected to them; the topic has the e-mail subscription.
    """
    topic_arn = aws.client("sns").create_topic(Name="Floor")["TopicArn"]
    email = lab.email()
    aws.client("sns").subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=email)
    lab.confirm_subscription(aws, topic_arn, email)
    aws.client("sqs").create_queue(QueueName="Floor")
    aws.client("dynamodb").create_table(
        TableName="Floor",
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    os.environ.update(QUEUE_NAME="Floor", TOPIC_ARN=topic_arn, TABLE_NAME="Floor")
    take, notify, record = map(handler, ("take_order", "notify_fulfillment", "record_order"))

    def order_event() -> dict[str, Any]:
        body = json.dumps({"product": "Assam tea", "quantity": 2})
        return {"body": body, "requestContext": {"requestTimeEpoch": int(time.time() * 1000)}}

    def sns_event(order: dict[str, Any]) -> dict[str, Any]:
        message = json.dumps({**order, "notified_epoch_ms": order["queued_epoch_ms"]})
        return {"Records": [{"Sns": {"Message": message, "Timestamp": "2026-01-01T00:00:00.000Z"}}]}

    with contextlib.redirect_stdout(io.StringIO()):  # the handlers log to standard output
        started = time.perf_counter()
        for _ in range(count):
            assert take.lambda_handler(order_event(), None)["statusCode"] == 202
        taken = time.perf_counter()
        orders = [queued_order() for _ in range(count)]
        for start in range(0, count, 10):
            batch = orders[start : start + 10]
            records = [{"messageId": o["order_id"], "body": json.dumps(o)} for o in batch]
            assert not notify.lambda_handler({"Records": records}, None)["batchItemFailures"]
            for order in batch:
                record.lambda_handler(sns_event(order), None)
    ended = time.perf_counter()
    return ended - started, ended - taken


def _variables(address: str) -> dict[str, str]:
    """The settings, and what the handlers need that are called in this process."""
    key = local.key_at(address)
    assert key is not None
    return client_env.variables(key, "us-east-1")


def measure() -> dict[str, float]:
    """Run everything once; the numbers by the names under which they are reported."""
    console = Console(stderr=True)
    with own_cloud() as (address, _), environment(**_variables(address)):
        with contextlib.redirect_stdout(io.StringIO()):
            for number in COURSE.set_up:
                COURSE.find(number).run()
        aws = lab.session()
        lift_throttle(aws)
        with Progress(console=console) as progress:
            bench = Bench(aws, progress)
            bench.drain(FEW, "Warming up")

            before = bench.count()
            started = time.perf_counter()
            posted = post_orders(aws, ORDERS)
            http_seconds = bench.wait_for(before + ORDERS, "Orders over HTTP") - started
            stored = set(bench.items())
            delivered = bench.deliveries()

            queued, queue_seconds = bench.drain(ORDERS, "Orders from the queue")
            floor_http, floor_queue = floor(aws, ORDERS)

            small = []
            for i in range(2 * ROUNDS):
                if i == ROUNDS:  # in the middle, so that a drift of the machine evens out
                    ids, _ = bench.drain(MANY, f"Orders with {MANY} waiting")
                    large = bench.milliseconds_an_order(ids)
                ids, _ = bench.drain(FEW, f"Orders with {FEW} waiting")
                small.append(bench.milliseconds_an_order(ids))
            everything = set(bench.items())
    assert set(queued) <= everything
    return {
        "orders_per_second_http": ORDERS / http_seconds,
        "orders_per_second_queue": ORDERS / queue_seconds,
        "orders_per_second_floor": ORDERS / floor_queue,
        "floor_ratio_http": http_seconds / floor_http,
        "floor_ratio_queue": queue_seconds / floor_queue,
        "backlog_ratio": large / median(small),
        "orders_in": len(posted),
        "items_out": len(stored & set(posted)),
        "duplicates": sum(delivered[order_id] - 1 for order_id in posted),
    }


def main() -> None:
    results = {name: round(value, 3) for name, value in measure().items()}
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    table = Table("measure", "result")
    for name, value in results.items():
        table.add_row(name.replace("_", " "), f"{value:g}")
    Console().print(table)
    print(f"Written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
