"""Trials: orders that a chapter sends while something is broken, and what becomes of each."""

from __future__ import annotations

import time
import uuid
from typing import Any

import boto3
import urllib3

from lab.aws.session import invoke_url
from lab.course import function_logs
from lab.course.dead_letters import DeadLetter, dead_letters
from lab.course.names import names
from lab.course.screens.found import id_of
from lab.errors import RefusedError


class Trials:
    """The orders of one run of a chapter, by the trial that they belong to.

    - `run`: what the ids of all of them begin with; then come the trial and a number
    - `accepted`: the trial of each order that was answered 202
    - `began`: when the run began, in epoch milliseconds
    """

    def __init__(self, aws: boto3.Session, number: str) -> None:
        self._aws = aws
        self.run = f"chapter-{number}-{uuid.uuid4().hex[:8]}"
        self.began = time.time_ns() // 1_000_000
        self.accepted: dict[str, str] = {}
        self._url, self._key = way_in(aws)

    def post(self, count: int, trial: str) -> None:
        """Send so many orders, as a shop does. Raises RefusedError at an answer other than 202."""
        for number in range(count):
            order_id = f"{self.run}-{trial}-{number}"
            self.send(order_id, quantity=1 + number)
            self.accepted[order_id] = trial

    def send(self, order_id: str, *, quantity: int = 1) -> None:
        """Send one order of tea. Raises RefusedError at an answer other than 202."""
        order = {"product": "Assam tea", "quantity": quantity, "order_id": order_id}
        answer = urllib3.request("POST", self._url, json=order, headers=self._key, timeout=30)
        if answer.status != 202:
            raise RefusedError(f"{answer.status} {answer.data.decode()}")

    def recorded(self, trial: str = "") -> list[str]:
        """The accepted orders of a trial (of all, unless given) that are in the table."""
        table: Any = self._aws.resource("dynamodb").Table(names().table)
        ids = [order_id for order_id, of in self.accepted.items() if trial in ("", of)]
        found = {i: table.get_item(Key={"order_id": i}, ConsistentRead=True) for i in ids}
        return [order_id for order_id in ids if "Item" in found[order_id]]

    def stuck(self, trial: str, wanted: int = 1) -> list[DeadLetter]:
        """The dead letters of a trial; [] until there are as many as wanted."""
        found = [x for x in dead_letters(self._aws) if f"{self.run}-{trial}" in (x.order_id or "")]
        return found if len(found) >= wanted else []

    def story(self, trial: str = "", status: str = "", often: int = 0) -> list[dict[str, Any]]:
        """What the functions logged of a trial's orders (of all, unless given), in order of time,
        with the time (`at`, in epoch milliseconds); [] until enough lines have that status."""
        found = function_logs.beginning_with(self._aws, f"{self.run}-{trial}")
        lines = [{"at": line.epoch_ms, **line.says} for line in found]
        return lines if sum(line["status"] == status for line in lines) >= often else []


def way_in(aws: boto3.Session) -> tuple[str, dict[str, str]]:
    """The address that a shop posts orders to, and the header with its key.

    Raises MissingStepError if there is none yet.
    """
    api_id = id_of(aws, "REST API", names().api)
    key_id = id_of(aws, "API key", names().api_key)
    key = aws.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]
    return invoke_url(aws, api_id, "prod", "/orders"), {"x-api-key": key}
