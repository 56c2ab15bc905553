"""The orders that are stuck in a dead-letter queue: why, and sending them back.

There are three such queues. What failed five times in the queue of orders goes back there by a
message move task of SQS. For what Lambda and SNS put aside AWS has no such call, so the function
is invoked with it again, and the message is deleted once Lambda has taken it. Looking hides the
messages for a moment, and shows them again.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws.inventory import none_but_ours
from lab.aws.session import account_id
from lab.aws.waiting import NotYetError, wait_until
from lab.course import function_logs
from lab.course.names import names
from lab.course.orders import order_in
from lab.course.resources import inventory
from lab.engine.display import counter, progress
from lab.engine.screen import Screen, Table, as_text
from lab.errors import LabError

_HIDDEN_SECONDS = 300  # as long as reading or sending back some thousands may take
_BATCH = 10  # what SQS gives and takes at once
_WIDE = 2000  # characters; a table takes what it needs
_COLUMNS = ("order", "what", "since (UTC)", "tried")
# What Lambda finds wrong with one event. Any other error would meet the next one, too.
_OF_ONE_EVENT = ("InvalidRequestContentException", "RequestTooLargeException")


@dataclass(frozen=True)
class DeadLetter:
    """A message in a dead-letter queue. What cannot be read or is not known is None.

    `since` is when it was sent first (UTC), `tried` how often it was received before it came
    here, `why` what went wrong.
    """

    queue: str
    message_id: str
    order_id: str | None
    product: str | None
    quantity: int | None
    since: datetime
    tried: int | None
    why: str


@dataclass(frozen=True)
class Redriven:
    """What was sent back of a queue: how many, where to, how many had to be left, and what
    went wrong."""

    queue: str
    to: str
    sent: int
    left: int = 0
    problem: str = ""


def dead_letters(aws: boto3.Session) -> list[DeadLetter]:
    """All that is stuck, queue by queue, oldest first. Only looks."""
    found = _read(aws.client("sqs"), _queues(aws))
    errors = function_logs.errors(aws) if found else {}
    tried = _most_receives(aws) if found else None
    letters = [_letter(queue, message, errors, tried) for queue, message in found]
    return sorted(
        letters, key=lambda letter: (names().dead_letters.index(letter.queue), letter.since)
    )


def in_short(aws: boto3.Session) -> str:
    """How many lie where, in a sentence; empty if there is none. Counts, and reads none."""
    sqs: Any = aws.client("sqs")
    counts = {name: _count(sqs, url) for name, url in _queues(aws).items()}
    places = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
    return f"Dead letters: {places}. `lab dead-letters` says which, and why." if places else ""


def redrive(aws: boto3.Session, queue: str = "") -> list[Redriven]:
    """Send the messages of this dead-letter queue back, or of all three; says how many.

    A problem with one queue is reported for that queue, and the others go on. Raises
    LabError if there is no such queue, NotOursError if one is somebody else's.
    """
    there = _queues(aws)
    wanted = [name for name in there if queue in ("", name, names().stem(name))]
    if queue and not wanted:
        known = ", ".join(there) or "none yet"
        raise LabError(f"There is no dead-letter queue {queue!r}. There are: {known}.")
    return [_send_back(aws, name, there[name]) for name in wanted]


def show(letters: list[DeadLetter]) -> None:
    """Print them: a terminal gets those that failed alike together, and their reason once; a file
    or a pipe gets a line for each, which is easy to search."""
    if not sys.stdout.isatty():
        rows = [(letter.queue, *_cells(letter), letter.why) for letter in letters]
        print(as_text(Screen("", tables=(Table(("queue", *_COLUMNS, "why"), rows),)), _WIDE))
        return
    alike: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        alike.setdefault((letter.queue, letter.why), []).append(letter)
    width = shutil.get_terminal_size().columns
    screens = (
        Screen(f"{queue}: {len(found)}", why, tables=(Table(_COLUMNS, [*map(_cells, found)]),))
        for (queue, why), found in alike.items()
    )
    print("\n\n".join(as_text(screen, width) for screen in screens))


def _cells(letter: DeadLetter) -> tuple[object, ...]:
    what = f"{letter.quantity} x {letter.product}" if letter.product else "cannot be read"
    since = letter.since.strftime("%Y-%m-%d %H:%M:%S")
    return letter.order_id, what, since, letter.tried or ""


# -- Looking -----------------------------------------------------------------------------------


def _queues(aws: boto3.Session) -> dict[str, str]:
    """The dead-letter queues that exist, with their URLs. Raises NotOursError."""
    queues = [resource for resource in inventory(aws) if resource.kind == "SQS queue"]
    urls = {found.resource.name: found.id for found in none_but_ours(queues)}
    return {name: urls[name] for name in names().dead_letters if name in urls}


def _read(sqs: Any, queues: dict[str, str]) -> list[tuple[str, Any]]:
    """All messages of these queues, each with its queue's name; they are there again at the end.

    All queues at once, as the last look into each takes a second.
    """
    total = sum(_count(sqs, url) for url in queues.values())
    stopped = threading.Event()

    def read(name: str, url: str) -> list[tuple[str, Any]]:
        with _shown_again(sqs, url) as messages:
            _take(sqs, url, messages, advance, stopped)
            return [(name, message) for message in messages.values()]

    with (
        counter("Reading the dead-letter queues", total) as advance,
        ThreadPoolExecutor(len(queues) or 1) as pool,
    ):
        try:
            return [each for found in pool.map(read, queues, queues.values()) for each in found]
        finally:
            stopped.set()


@contextmanager
def _shown_again(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    """Messages by their ids, for the caller to fill in; those that are left there at the end are
    shown to others again."""
    messages: dict[str, Any] = {}
    try:
        yield messages
    finally:
        _show_again(sqs, url, list(messages.values()))


def _take(
    sqs: Any,
    url: str,
    messages: dict[str, Any],
    advance: Callable[[int], object],
    stopped: threading.Event | None = None,
) -> None:
    """Receive all messages of a queue, which hides them from others, until somebody stops it."""
    for batch in _receive(sqs, url):
        messages |= {message["MessageId"]: message for message in batch}
        advance(len(batch))
        if stopped and stopped.is_set():
            return


def _count(sqs: Any, url: str) -> int:
    count = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])
    return int(found["Attributes"][count])


def _receive(sqs: Any, url: str) -> Iterator[list[Any]]:
    """Batches until there is none. Waiting a second makes SQS ask all of its servers.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
    """
    while batch := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_BATCH,
        VisibilityTimeout=_HIDDEN_SECONDS,
        WaitTimeSeconds=1,
        MessageSystemAttributeNames=["SentTimestamp"],
        MessageAttributeNames=["ErrorMessage"],
    ).get("Messages"):
        yield batch


def _show_again(sqs: Any, url: str, messages: list[Any]) -> None:
    for start in range(0, len(messages), _BATCH):
        entries = [
            {"Id": str(number), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 0}
            for number, m in enumerate(messages[start : start + _BATCH])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _letter(queue: str, message: Any, errors: dict[str, str], tried: int | None) -> DeadLetter:
    order = order_in(message["Body"])
    return DeadLetter(
        queue=queue,
        message_id=message["MessageId"],
        order_id=order.get("order_id"),
        product=order.get("product"),
        quantity=order.get("quantity"),
        since=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        tried=tried if queue == names().queue_dead_letters else None,
        why=_why(queue, message, order, errors),
    )


def _why(queue: str, message: Any, order: dict[str, Any], errors: dict[str, str]) -> str:
    """What Lambda wrote on the message, or what is known of its queue, or what was logged."""
    written = message.get("MessageAttributes", {}).get("ErrorMessage")
    if written:
        return str(written["StringValue"])
    if queue == names().topic_dead_letters:
        return f"SNS could not call {names().record_order}: it, or the permission to, was missing."
    for each in (message["MessageId"], order.get("order_id")):
        if each in errors:
            return errors[each]
    return "No error was logged: the function did not run, or did not finish."


def _most_receives(aws: boto3.Session) -> int | None:
    """How often a message is received before SQS moves it out of the queue of orders."""
    sqs = aws.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=names().queue)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(found.get("Attributes", {}).get("RedrivePolicy", "{}"))
    return policy.get("maxReceiveCount")


# -- Sending back ------------------------------------------------------------------------------


def _send_back(aws: boto3.Session, name: str, url: str) -> Redriven:
    is_queue_s_own = name == names().queue_dead_letters
    try:
        return _move(aws, name) if is_queue_s_own else _invoke(aws, name, url)
    except (ClientError, LabError) as error:
        to = names().queue if is_queue_s_own else names().record_order
        return Redriven(name, to, 0, problem=str(error))


def _move(aws: boto3.Session, name: str) -> Redriven:
    """Let SQS move the messages back to the queue of orders, and wait until it has."""
    sqs: Any = aws.client("sqs")
    arn = f"arn:aws:sqs:{aws.region_name}:{account_id(aws)}:"
    source, target = arn + name, arn + names().queue
    sqs.start_message_move_task(SourceArn=source, DestinationArn=target)

    def ended() -> Any:
        (task,) = sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"]
        if task["Status"] in ("RUNNING", "CANCELLING"):
            moved = task.get("ApproximateNumberOfMessagesMoved", 0)
            raise NotYetError(f"{task['Status']}, {moved} moved.")
        return task

    task = wait_until(ended, f"SQS has moved the messages of {name}", timeout=600)
    if task["Status"] != "COMPLETED":
        reason = task.get("FailureReason", "SQS does not say why")
        raise LabError(f"Not all messages of {name} were moved ({task['Status']}): {reason}.")
    return Redriven(name, names().queue, task["ApproximateNumberOfMessagesMoved"])


def _invoke(aws: boto3.Session, name: str, url: str) -> Redriven:
    """Invoke record_order with each message, asynchronously, as SNS does; a message is deleted
    once Lambda has taken it."""
    sqs: Any = aws.client("sqs")
    lambda_: Any = aws.client("lambda")
    function = names().record_order
    sent, problem = 0, ""
    with _shown_again(sqs, url) as messages:
        with counter(f"Reading {name}", _count(sqs, url)) as advance:
            _take(sqs, url, messages, advance)
        for message in progress(list(messages.values()), f"Sending back {name}"):
            event = event_of(message["Body"])
            if event is None:
                continue
            try:
                lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=event)
                sent += 1
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                del messages[message["MessageId"]]
            except ClientError as error:
                problem = str(error)
                if error.response["Error"]["Code"] not in _OF_ONE_EVENT:
                    break
        return Redriven(name, function, sent, left=len(messages), problem=problem)


def event_of(body: str) -> str | None:
    """The event that SNS would call a function with; None for what can be no event.
    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not found.keys() & {"Records", "Message"}:
        return None
    if "Records" in found:  # what Lambda put aside is the event itself
        return body
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": found}
    return json.dumps({"Records": [record]})
