"""What a workshop costs at AWS's prices of a date, with everything that goes into the sum.

Prices of us-east-1, without the free tier. What a learner's order needs is counted from the chain
as the chapters make it; nothing waits in batches, as a learner's orders come one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

PRICED = "us-east-1, November 2026, no free tier"
_MILLION = 1e-6
_POLLERS, _POLLS_AN_HOUR = 5, 180  # an idle trigger asks for 20 seconds each time
_SECONDS, _GIGABYTES = 0.1, 0.25  # a function's run and its memory
_LOGGED = 4e-6  # gigabytes of lines for an order


@dataclass(frozen=True)
class Workshop:
    """How many learners, how many orders each of them sends, how many hours a chain stands."""

    learners: int
    orders: int
    hours: float


@dataclass(frozen=True)
class Item:
    """What is paid for: how many, at which price in dollars for each."""

    service: str
    what: str
    count: float
    price: float

    @property
    def dollars(self) -> float:
        return self.count * self.price

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "dollars": round(self.dollars, 6)}


def items(workshop: Workshop) -> Iterator[Item]:
    """All that is paid for, in the order of an order's way."""
    orders = workshop.learners * workshop.orders
    polls = workshop.learners * workshop.hours * _POLLERS * _POLLS_AN_HOUR
    yield Item("API Gateway", "requests, 1 an order", orders, 3.50 * _MILLION)
    yield Item("Lambda", "invocations, 3 an order", 3 * orders, 0.20 * _MILLION)
    seconds = 3 * orders * _SECONDS * _GIGABYTES
    yield Item("Lambda", "GB-seconds, 0.1 s of 256 MB each", seconds, 13.3334 * _MILLION)
    yield Item("SQS", "requests, 3 an order", 3 * orders, 0.40 * _MILLION)
    yield Item("SQS", "polls of idle queues, 900 an hour", polls, 0.40 * _MILLION)
    yield Item("SNS", "requests, 1 an order", orders, 0.50 * _MILLION)
    yield Item("SNS", "e-mails to learners, 1 an order", orders, 2 / 100_000)
    yield Item("DynamoDB", "writes, 2 an order", 2 * orders, 0.625 * _MILLION)  # table and index
    yield Item("CloudWatch Logs", "GB, 4 KB an order", orders * _LOGGED, 0.50)


def total(workshop: Workshop) -> float:
    """The sum, in dollars."""
    return sum(each.dollars for each in items(workshop))
