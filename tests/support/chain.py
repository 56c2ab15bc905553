"""The whole chain as its users see it: what a post is answered, and where the order ends.

Its functions can be made to misbehave once, around the very handlers of `lambdas/`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE, function_logs
from lab.course.names import names
from lab.here.folders import ROOT
from tests.support.counts import counts
from tests.support.fault_proxy import FaultProxy

# Where each function talks to AWS for the sake of an order.
CALLS = {
    "take_order": ("sqs", "sqs.SendMessage"),
    "notify_fulfillment": ("sns", "sns.PublishBatch"),
    "record_order": ("dynamodb.meta.client", "dynamodb.PutItem"),
}
MISBEHAVING = """
import os, pathlib, signal, time
import {stem} as real

def misbehave(**context):
    if not marker.exists():
        marker.write_text(str(time.time_ns() // 1_000_000))
        {what}

marker = pathlib.Path({marker!r})
real.{client}.meta.events.register("{moment}.{operation}", misbehave)
lambda_handler = real.lambda_handler
"""
CHAPTERS_OWN = 4  # the orders that the chapters send
DIE = "os.kill(os.getpid(), signal.SIGKILL)"


class Chain:
    """The chain of chapters 01 to 05, which are run. Functions reach DynamoDB and SNS through
    the proxy, and what a dead worker had in hand comes back soon."""

    def __init__(self, aws: Session, proxy: FaultProxy) -> None:
        self.aws, self.proxy, n = aws, proxy, names()
        self.sqs, self.lambda_ = aws.client("sqs"), aws.client("lambda")
        self.dynamodb = aws.resource("dynamodb")
        self.run_chapters()
        wait_until(lambda: self.count() == CHAPTERS_OWN, "the chapters' orders are recorded")
        self.queue = self._url(n.queue)
        self.dead_letter_queues = {
            name: self._url(name)
            for name in (n.queue_dead_letters, n.topic_dead_letters, n.function_dead_letters)
        }
        api = aws.client("apigateway")
        (key,) = api.get_api_keys(includeValues=True)["items"]
        self._key = {"x-api-key": key["value"]}
        self._orders = lab.invoke_url(aws, api.get_rest_apis()["items"][0]["id"], "prod", "/orders")
        self._pool = urllib3.PoolManager(maxsize=8)

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def run_chapters(self) -> None:
        """Make what is missing, and repair what is broken."""
        for number in COURSE.set_up:
            COURSE.find(number).run()
        self.come_back()

    def come_back(self, *, receives: int = 3, visibility: int = 2) -> None:
        """Say how often a message is received, and how soon it comes back."""
        n, url = names(), self.proxy.address
        self.set_variables(n.record_order, AWS_ENDPOINT_URL_DYNAMODB=url)
        self.set_variables(n.notify_fulfillment, AWS_ENDPOINT_URL_SNS=url)
        queue = self.sqs.get_queue_url(QueueName=n.queue)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])
        redrive = json.loads(found["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": receives}
        soon = {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)}
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes=soon)

    def post(self, order: Any, content_type: str = "application/json") -> tuple[int, Any]:
        """Post an order as the shop does; the status and the body of the answer."""
        body = order if isinstance(order, bytes) else json.dumps(order)
        headers = {**self._key, "Content-Type": content_type}
        answer = self._pool.request("POST", self._orders, body=body, headers=headers)
        return answer.status, answer.json()

    def send(self, *bodies: Any) -> None:
        """Put messages on the queue, past the API."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)

    def item(self, order_id: str, timeout: float = 20) -> Any:
        """The order's item, waited for."""
        return wait_until(
            lambda: self.items().get(order_id), f"order {order_id} is recorded", timeout=timeout
        )

    def dead_letter(self, text: str, timeout: float = 30) -> tuple[str, Any]:
        """The one dead letter with this text in its body, waited for, and its queue's name."""

        def look() -> list[tuple[str, Any]]:
            return [found for found in self.dead_letters() if text in found[1]["Body"]]

        (found,) = wait_until(look, f"{text} is among the dead letters", timeout=timeout)
        return found

    def log(self, order_id: str) -> list[str]:
        """What was logged of an order: the statuses, in order of time."""
        return [str(line.says["status"]) for line in function_logs.of_order(self.aws, order_id)]

    def wait_for_log(self, order_id: str, *statuses: str) -> None:
        """Wait until just this was logged of the order; the order of the lines is no matter."""
        want = sorted(statuses)
        wait_until(
            lambda: sorted(self.log(order_id)) == want, f"{order_id} is logged as {want}",
            timeout=90,
        )  # fmt: skip

    @contextmanager
    def misbehaving(self, stem: str, moment: str, what: str = DIE) -> Iterator[Path]:
        """Have a function do this once, before its call to AWS or after it ("before-call",
        "after-call"). Yields the file that holds the time at which it did."""
        (client, operation), function = CALLS[stem], getattr(names(), stem)
        with tempfile.TemporaryDirectory() as folder:
            marker = Path(folder) / "marker"
            values = {"stem": stem, "client": client, "operation": operation, "moment": moment}
            source = MISBEHAVING.format(**values, what=what, marker=str(marker))
            self._set_code(function, "misbehaving", lab.package(stem, misbehaving=source))
            try:
                yield marker
            finally:
                self._set_code(function, stem, lab.package(stem))

    @contextmanager
    def edited(self, stem: str, old: str, new: str) -> Iterator[None]:
        """Put a function's code up with an edit, as somebody who tries something does."""
        source, function = (
            (ROOT / "lambdas" / f"{stem}.py").read_text("utf-8"),
            getattr(names(), stem),
        )
        assert old in source
        self._set_code(function, "edited", lab.package(stem, edited=source.replace(old, new)))
        try:
            yield
        finally:
            self._set_code(function, stem, lab.package(stem))

    def _set_code(self, function: str, module: str, package: bytes) -> None:
        handler = f"{module}.lambda_handler"
        self.lambda_.update_function_code(FunctionName=function, ZipFile=package)
        self.lambda_.update_function_configuration(FunctionName=function, Handler=handler)

    def items(self) -> dict[str, Any]:
        """The table's items, by the order's id."""
        pages = self.dynamodb.meta.client.get_paginator("scan").paginate(TableName=names().table)
        return {item["order_id"]: item for page in pages for item in page["Items"]}

    def count(self) -> int:
        """How many items the table has; cheaper than to read them, if up to date here only."""
        table = self.dynamodb.meta.client.describe_table(TableName=names().table)
        return int(table["Table"]["ItemCount"])

    def dead_letters(self) -> list[tuple[str, Any]]:
        """The messages in the dead-letter queues, each with its queue's name; they stay there."""
        return [
            (name, message)
            for name, url in self.dead_letter_queues.items()
            for message in self._look(url)
        ]

    def _look(self, url: str) -> list[Any]:
        found: list[Any] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += messages
        for message in found:
            self.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return found

    def waiting(self) -> int:
        """How many messages are on the queue, or in the hands of notify_fulfillment."""
        return sum(counts(self.sqs, self.queue))

    def set_variables(self, function: str, **variables: str) -> None:
        """Add to a function's environment."""
        found = self.lambda_.get_function_configuration(FunctionName=function)
        changed = {"Variables": {**found["Environment"]["Variables"], **variables}}
        self.lambda_.update_function_configuration(FunctionName=function, Environment=changed)
