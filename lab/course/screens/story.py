"""The story of one order: where it was, when, what was logged of it, and where it is now.

Its rows stand in order of time, and in the order of the chain where they have the same one. Some
hops run side by side and may come in another order than the chain has: a sentence says why. A row
is short enough for a terminal of 80 columns, unless it has an error to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from lab.aws.inventory import is_missing
from lab.course import dead_letters as stuck
from lab.course import function_logs
from lab.course.function_logs import Line
from lab.course.inbox import about_order, inbox
from lab.course.looking import look_at
from lab.course.names import names
from lab.course.orders import order_in
from lab.course.screens.queues import clock, told_of_queue
from lab.engine.screen import Screen, Table

_COLUMNS = ("hop", "time (UTC)", "what happened", "more")


_IN_ORDER = "A function logs its line when it is done. By then the next hop may have begun."
_OF_A_MAIL = "A mail has no milliseconds, so it stands at the end of its second."


class _Row(NamedTuple):
    """A row of the table, with its time for the order."""

    epoch_ms: float
    hop: str
    day: str
    time: str
    happened: object
    more: object = ""

    def shown(self, *, with_day: bool) -> tuple[object, ...]:
        time = f"{self.day} {self.time}" if with_day else self.time
        return self.hop, time, self.happened, self.more


@dataclass(frozen=True)
class _Traces:
    """All that is known of an order: its item, its message in the queue, its lines, its mails as
    (date, address), and its dead letters."""

    item: dict[str, Any]
    waiting: dict[str, Any]
    lines: list[Line]
    mails: list[tuple[datetime, str]]
    letters: list[stuck.DeadLetter]

    @property
    def content(self) -> dict[str, Any]:
        """Product, quantity and times, from wherever they are known."""
        letter = (
            {"product": each.product, "quantity": each.quantity}
            if (each := next(iter(self.letters), None))
            else {}
        )
        return {**letter, **order_in(self.waiting.get("body", "")), **self.item}


def order(aws: boto3.Session, order_id: str) -> Screen:
    """What is known of the order with this id."""
    traces = _traces(aws, order_id)
    found = sorted(_rows(traces), key=lambda row: row.epoch_ms)  # stable: else as in the chain
    title = f"Order {order_id}"
    if not found:
        return Screen(title, says=_UNKNOWN)
    words = [_IN_ORDER, *([_OF_A_MAIL] if traces.mails else [])]
    facts = {name: traces.content.get(name) for name in ("product", "quantity")}
    if record := traces.item.get("record_id"):
        facts["record"] = record
    if len(days := {row.day for row in found}) == 1:
        facts["day"] = days.pop()
    rows = [row.shown(with_day="day" not in facts) for row in found]
    return Screen(title, " ".join(words), {**facts, "now": _now(traces)}, (Table(_COLUMNS, rows),))


_UNKNOWN = (
    "Nothing is known of an order with this id: it was never accepted, or it is of before the last "
    '`lab reset`. Is there a typo in the id? Upper and lower case count. `lab.look("table")` '
    "lists the newest orders."
)


def _traces(aws: boto3.Session, order_id: str) -> _Traces:
    item = _item(aws, order_id)
    lines = function_logs.of_order(aws, order_id, quietly=True)
    waiting = {} if item else _waiting(aws, order_id)
    # Reading all dead letters takes seconds, so it is done only where one is likely.
    is_likely = not (item or waiting) or any(line.says.get("error") for line in lines)
    letters = stuck.dead_letters(aws) if is_likely else []
    found = [letter for letter in letters if letter.order_id == order_id]
    return _Traces(item, waiting, lines, list(_mails(aws, order_id)), found)


def _item(aws: boto3.Session, order_id: str) -> dict[str, Any]:
    table: Any = aws.resource("dynamodb").Table(names().table)
    try:
        return dict(table.get_item(Key={"order_id": order_id}, ConsistentRead=True).get("Item", {}))
    except ClientError as error:
        if not is_missing(error):
            raise
        return {}


def _waiting(aws: boto3.Session, order_id: str) -> dict[str, Any]:
    """Its message among the first of the queue, as the local cloud tells it."""
    told = told_of_queue(aws, look_at(aws).queue_arn(names().queue)) or {}
    messages = told.get("messages", ())
    return next((m for m in messages if order_in(m["body"]).get("order_id") == order_id), {})


def _mails(aws: boto3.Session, order_id: str) -> Iterator[tuple[datetime, str]]:
    box = inbox(aws)
    for mail in about_order(box, order_id) if box is not None else ():
        yield mail["Date"].datetime, str(mail["To"])


def _rows(traces: _Traces) -> Iterator[_Row]:
    """Its rows in the order of the chain."""
    n, times = names(), traces.content
    if received := times.get("received_epoch_ms"):
        yield _row(int(received), f"API {n.api}", "received")
    if queued := times.get("queued_epoch_ms"):
        yield _row(int(queued), f"queue {n.queue}", _in_queue(traces.waiting))
    yield from _logged(traces.lines, n.take_order)
    yield from _logged(traces.lines, n.notify_fulfillment)
    for sent, address in traces.mails:
        second = sent.timestamp() * 1000
        day, time = clock(second).split()
        yield _Row(second + 999, "mailbox", day, time, "mailed", f"to {address}")
    if recorded := traces.item.get("recorded_epoch_ms"):
        yield _row(int(recorded), f"table {n.table}", "stored")
    yield from _logged(traces.lines, n.record_order)
    for letter in traces.letters:
        since = letter.since.timestamp() * 1000
        yield _row(since, f"queue {letter.queue}", "put aside", letter.why)


def _row(epoch_ms: float, hop: str, happened: object, more: object = "") -> _Row:
    when = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    time = f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}"
    return _Row(epoch_ms, hop, f"{when:%Y-%m-%d}", time, happened, more)


def _logged(lines: list[Line], function: str) -> Iterator[_Row]:
    """What one function logged, each try of it."""
    for line in lines:
        if line.function == function:
            says = line.says
            yield _row(line.epoch_ms, function, says.get("status"), says.get("error"))


def _in_queue(waiting: dict[str, Any]) -> str:
    if not waiting:
        return "sent"
    times = waiting["receive_count"]
    return f"{waiting['state']}, received {times} time{'s' * (times != 1)}"


def _now(traces: _Traces) -> str:
    places = [f"in the table {names().table}"] if traces.item else []
    places += [f"in {letter.queue}: {letter.why}" for letter in traces.letters]
    if traces.waiting:
        places.append(f"in the queue {names().queue}")
    return "; ".join(places) or "on its way, refused, or lost with what held it: see the rows"
