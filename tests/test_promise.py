"""The promise: every order that was answered 202 ends as exactly one item, or as one message
in a dead-letter queue, whatever dies on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import urllib3

import lab
from lab import chapters, local
from lab.demo import environment, own_cloud
from lab.names import names
from lab.session import Session
from lab.waiting import wait_until
from tests.bench import lift_throttle
from tests.conftest import make_session

ORDERS = 200


def kill_workers(address: str, until: threading.Event) -> None:
    """Kill a worker at random, three times a second."""
    while not until.wait(0.3):
        status = local.status(address)
        if status and status["workers"]:
            with suppress(ProcessLookupError):
                os.kill(random.choice(status["workers"]), signal.SIGKILL)


def post(aws: Session, count: int) -> set[str]:
    """Post orders from four threads; the ids of those that were answered 202."""
    api = aws.client("apigateway")
    lift_throttle(aws)
    key = api.get_api_keys(includeValues=True)["items"][0]["value"]
    url = lab.invoke_url(aws, api.get_rest_apis()["items"][0]["id"], "prod", "/orders")
    pool = urllib3.PoolManager(maxsize=4)

    def one(i: int) -> str | None:
        order = {"product": f"tea {i}", "quantity": 1 + i, "order_id": f"order-{i}"}
        answer = pool.request("POST", url, json=order, headers={"x-api-key": key})
        assert answer.status in (202, 502), answer.data
        return order["order_id"] if answer.status == 202 else None  # type: ignore[return-value]

    with ThreadPoolExecutor(4) as threads:
        return {order_id for order_id in threads.map(one, range(count)) if order_id}


def order_id_of(body: Any) -> str:
    """The order in a dead-letter message: as queued, as an event for Lambda, or from SNS."""
    if "Records" in body:
        body = body["Records"][0]["Sns"]
    return str((json.loads(body["Message"]) if "Message" in body else body)["order_id"])


def test_killed_workers_lose_no_order() -> None:
    with (
        own_cloud("--retry-delay", "0.1") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
    ):
        for number in chapters.SET_UP:
            chapters.CHAPTERS[number].run()
        aws, n = make_session(address), names()
        sqs, table = aws.client("sqs"), aws.resource("dynamodb").Table(n.table)
        urls = {
            name: sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (
                n.queue,
                n.queue_dead_letters,
                n.topic_dead_letters,
                n.function_dead_letters,
            )
        }
        soon = {"VisibilityTimeout": "2"}  # what a killed worker had in hand comes back soon
        sqs.set_queue_attributes(QueueUrl=urls.pop(n.queue), Attributes=soon)

        enough = threading.Event()
        killer = threading.Thread(target=kill_workers, args=[address, enough])
        killer.start()
        accepted = post(aws, ORDERS)
        time.sleep(1)  # some orders are still on their way, and are to meet the killer, too
        enough.set()
        killer.join()
        assert len(accepted) > ORDERS / 2

        dead: set[str] = set()

        def lost() -> set[str]:
            for url in urls.values():
                reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
                messages = reply.get("Messages", [])
                dead.update(order_id_of(json.loads(m["Body"])) for m in messages)
            stored = {item["order_id"]: item for item in table.scan()["Items"]}
            assert all(
                item["product"] == f"tea {item['quantity'] - 1}"
                for order_id, item in stored.items()
                if order_id.startswith("order-")
            )
            return accepted - stored.keys() - dead

        wait_until(lambda: not lost(), "every accepted order is accounted for", timeout=40)
        stored = {item["order_id"] for item in table.scan()["Items"]}
        assert not stored & dead
