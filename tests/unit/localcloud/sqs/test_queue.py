"""A queue's messages: how long they are hidden, and how long they are kept."""

from __future__ import annotations

import asyncio
import time

import pytest
from moto.sqs.exceptions import InvalidParameterValue

from localcloud import clock, losses
from localcloud.sqs.message import QueuedMessage
from localcloud.sqs.queue import IndexedQueue


@pytest.mark.parity(
    "The 12 hours that a message can be hidden for begin when it is received",
    kept="yes",
)
def test_a_message_of_yesterday_can_be_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = [0.0]
    monkeypatch.setattr(clock, "now_ms", lambda: (time.time() + hours[0] * 3600) * 1000)
    queue = IndexedQueue("q", "us-east-1", "123456789012")
    sent = QueuedMessage("id", "tea")
    sent.mark_sent()
    queue.add_message(sent)
    hours[0] = 13
    (message,) = queue.receive(1, 30)
    queue.change_visibility(message.receipt_handle, 0)
    (again,) = queue.receive(1, 30)
    with pytest.raises(InvalidParameterValue):
        queue.change_visibility(again.receipt_handle, 12 * 3600 + 1)


@pytest.mark.parity(
    "A message is deleted when the retention period of its queue is over",
    kept="yes, and `--speed` does not touch it",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
)
@pytest.mark.place("message too old")
def test_a_message_is_gone_when_its_retention_period_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = IndexedQueue("q", "us-east-1", "123456789012", MessageRetentionPeriod=60)
    message = QueuedMessage("1", "tea")
    message.mark_sent()
    queue.add_message(message)
    sent = clock.now_ms()
    monkeypatch.setattr(clock, "speed", 1000.0)
    monkeypatch.setattr(clock, "now_ms", lambda: sent + 59_000)
    assert [m.body for m in queue.receive(1, 0)] == ["tea"]
    monkeypatch.setattr(clock, "now_ms", lambda: sent + 61_000)
    losses.clear()
    assert queue.receive(1, 0) == []
    assert queue.approximate_number_of_messages == 0
    assert losses.describe()["counts"] == {"message too old": 1}


def test_a_wait_for_a_message_can_be_canceled_just_as_one_comes() -> None:
    queue = IndexedQueue("q", "us-east-1", "123456789012")

    async def stopped() -> bool:
        waiting = asyncio.create_task(queue.wait_for_message(60))
        await asyncio.sleep(0.01)
        queue.add_message(QueuedMessage("1", "tea"))
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert asyncio.run(stopped())
