"""The promise: every order that was answered 202 ends as exactly one item, or as one message
in a dead-letter queue, whatever dies on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest

from lab.aws.waiting import wait_until
from lab.course.names import names
from lab.course.orders import order_in
from lab.errors import NoAnswerError
from lab.here import local
from lab.here.own_cloud import environment
from tests.support.chain import CHAPTERS_OWN, Chain
from tests.support.clouds import own_cloud
from tests.support.fault_proxy import NOTHING_SENT, fault_proxy
from tests.support.sessions import make_session
from tests.support.sizes import size
from tests.support.usage_plan import lift_throttle

ORDERS, AGAIN = size(2000, 200), size(100, 20)
# Few enough that the retries of boto3 and Lambda see to nearly all of them: what boto3 waits after
# a throttle is a second, which a worker of the function spends asleep.
FAULTS = [
    {"operation": "PutItem", "probability": max(0.005, 10 / ORDERS), **fault}
    for fault in (
        {"error": {"code": "ThrottlingException"}},
        {"error": {"code": "ProvisionedThroughputExceededException"}},
        {"response": NOTHING_SENT},
    )
]


def kill_workers(address: str, until: threading.Event) -> None:
    """Kill a worker at random, about once a second; none while the cloud is too busy to say."""
    while not until.wait(random.uniform(0.5, 1.8)):
        with suppress(NoAnswerError, ProcessLookupError):
            status = local.status(address)
            if status and status["workers"]:
                os.kill(random.choice(status["workers"]), signal.SIGKILL)


@contextmanager
def killing_workers(address: str) -> Iterator[None]:
    enough = threading.Event()
    killer = threading.Thread(target=kill_workers, args=[address, enough])
    killer.start()
    try:
        yield
    finally:
        enough.set()
        killer.join()


def order(i: int) -> dict[str, Any]:
    return {"product": f"tea {i}", "quantity": 1 + i, "order_id": f"order-{i}"}


def post_until_accepted(chain: Chain, i: int) -> Counter[int]:
    """Post an order as a shop does that wants it taken; how often it got each status."""
    statuses: Counter[int] = Counter()
    while not statuses[202]:
        status, answer = chain.post(order(i))
        assert status in (202, 502), answer
        statuses[status] += 1
    return statuses


def post_all(threads: ThreadPoolExecutor, chain: Chain, count: int) -> Counter[int]:
    return sum(threads.map(partial(post_until_accepted, chain), range(count)), Counter())


def redrive(chain: Chain) -> int:
    """Send what used up its attempts on its way again; how many these were."""
    n, dead = names(), [d for d in chain.dead_letters() if "order_id" in order_in(d[1]["Body"])]
    for name, message in dead:
        if name == n.queue_dead_letters:
            chain.send(message["Body"])
        else:
            assert name == n.function_dead_letters  # SNS could always reach the function
            chain.lambda_.invoke(
                FunctionName=n.record_order, InvocationType="Event", Payload=message["Body"]
            )
        url = chain.dead_letter_queues[name]
        chain.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return len(dead)


@pytest.mark.soak
@pytest.mark.timeout(900)  # when the machine is busy with other things
def test_orders_end_as_items_while_workers_are_killed_and_dynamodb_throttles() -> None:
    with (
        own_cloud("--retry-delay", "0.1", "--auth", "off") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
        fault_proxy(address) as proxy,
    ):
        chain = Chain(make_session(address), proxy)
        chain.come_back(receives=5, visibility=4)
        lift_throttle(chain.aws)
        proxy.set(*FAULTS)
        poison = [f"poison {i}" for i in range(3)]  # among good orders in their batches
        chain.send(*poison)
        with killing_workers(address), ThreadPoolExecutor(8) as threads:
            statuses = sum(
                threads.map(partial(post_until_accepted, chain), range(ORDERS)), Counter()
            )
            wait_until(lambda: chain.count() > ORDERS * 0.9, "most are there", timeout=400)
            seen = chain.items()
            again = post_all(threads, chain, AGAIN)
        proxy.set()
        redriven = 0

        def all_done() -> bool:
            nonlocal redriven
            redriven += redrive(chain)
            return chain.count() == ORDERS + CHAPTERS_OWN and not chain.waiting()

        wait_until(all_done, "each order is an item, and the queue empty", timeout=200)
        assert (statuses[202], again[202]) == (ORDERS, AGAIN)
        assert redriven < max(ORDERS / 100, 5)  # retries see to nearly all of them
        assert len(proxy.fired()) == len(FAULTS)
        items = chain.items()
        assert {order_id: items[order_id] for order_id in seen} == seen  # none was written over
        for i in range(ORDERS):
            assert {name: items[f"order-{i}"][name] for name in order(i)} == order(i)
        assert sorted(message["Body"] for _, message in chain.dead_letters()) == poison
        print(json.dumps({"answers": statuses, "faults": proxy.fired(), "redriven": redriven}))


@pytest.mark.parametrize(
    ("stem", "moment", "answer", "logged"),
    [
        ("take_order", "before-call", 502, ["QUEUED", "PUBLISHED", "RECORDED"]),
        ("take_order", "after-call", 502,
         ["QUEUED", "PUBLISHED", "PUBLISHED", "RECORDED", "ALREADY_RECORDED"]),
        ("notify_fulfillment", "before-call", 202, ["QUEUED", "PUBLISHED", "RECORDED"]),
        ("notify_fulfillment", "after-call", 202,
         ["QUEUED", "PUBLISHED", "RECORDED", "ALREADY_RECORDED"]),
        ("record_order", "before-call", 202, ["QUEUED", "PUBLISHED", "RECORDED"]),
        ("record_order", "after-call", 202, ["QUEUED", "PUBLISHED", "ALREADY_RECORDED"]),
    ],
)  # fmt: skip
def test_a_worker_that_dies_around_its_call_loses_nothing_and_writes_nothing_twice(
    chain: Chain, stem: str, moment: str, answer: int, logged: list[str]
) -> None:
    order_id = f"{stem}-{moment}"
    posted = {"product": "tea", "quantity": 3, "order_id": order_id}
    with chain.misbehaving(stem, moment) as marker:
        assert chain.post(posted)[0] == answer
        if answer != 202:  # a shop posts an order again that it got no 202 for
            assert chain.post(posted)[0] == 202
        chain.wait_for_log(order_id, *logged)
        died = int(marker.read_text())
    item = chain.item(order_id)
    assert (item["product"], item["quantity"]) == ("tea", 3)
    if stem == "record_order":  # written before the worker's death if it came as far as that
        assert (item["recorded_epoch_ms"] <= died) == (moment == "after-call")
    wait_until(lambda: not chain.waiting(), "the queue is empty")
    assert chain.dead_letters() == []
