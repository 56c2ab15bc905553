"""The exercises: how each is checked, and its hints. Its text and its solution are cells.

Like the checks these only look. An exercise adds to what a chapter made and changes nothing
that another chapter relies on, so whoever leaves it out misses nothing later.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws import calls
from lab.aws.session import account_id, session
from lab.course import chapters
from lab.course.names import names
from lab.course.orders import recorded
from lab.course.resources import is_missing
from lab.here.folders import BUILD, ROOT
from lab.here.shell import command

ORDERS_FILE = BUILD / "orders.jsonl"


@dataclass(frozen=True)
class Exercise:
    """`look` returns what is still missing, and nothing when the exercise is solved."""

    look: Callable[[boto3.Session], str]
    hints: tuple[str, ...]


def missing(aws: boto3.Session, number: str) -> str:
    """What is still missing from the solution of this chapter's exercise; empty when solved."""
    with calls.hidden():
        try:
            return EXERCISES[number].look(aws)
        except ClientError as error:
            if is_missing(error):
                return f"Something of chapter {number} does not exist: run the cells above first."
            raise


def check_exercise(number: str) -> None:
    """Print whether the exercise of this chapter is solved."""
    chapter = chapters.find(number)
    still = missing(session(), chapter.number)
    hint_command = command(f"hint {chapter.number}")
    said = f"not solved yet. {still} `{hint_command}` helps." if still else "solved."
    print(f"Exercise {chapter.number}: {said}")


def hint(number: str, which: int) -> str:
    """One hint of a chapter's exercise, counted from 1, and how to get the next."""
    chapter = chapters.find(number)
    hints = EXERCISES[chapter.number].hints
    which = min(which, len(hints))
    rest = (
        f"The next hint: lab hint {chapter.number} {which + 1}"
        if which < len(hints)
        else f"That was the last one. The solution is in scripts/{chapter.script.name}."
    )
    return f"Hint {which} of {len(hints)}: {hints[which - 1]}\n{rest}"


def _long_polling(aws: boto3.Session) -> str:
    sqs: Any = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=names().queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    name = "ReceiveMessageWaitTimeSeconds"
    seconds = found.get(name, "0")
    return "" if seconds == "20" else f"{name} of {names().queue} is {seconds}, not 20."


def _display_name(aws: boto3.Session) -> str:
    sns: Any = aws.client("sns")
    topic_arn = f"arn:aws:sns:{aws.region_name}:{account_id(aws)}:{names().topic}"
    name = sns.get_topic_attributes(TopicArn=topic_arn)["Attributes"].get("DisplayName", "")
    return "" if name == "Tea shop" else f"DisplayName of {names().topic} is {name!r}."


def _time_to_live(aws: boto3.Session) -> str:
    dynamodb: Any = aws.client("dynamodb")
    found = dynamodb.describe_time_to_live(TableName=names().table)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        return f"Time to live of {names().table} is off."
    attribute = found["AttributeName"]
    return "" if attribute == "expires_epoch" else f"It is on for the attribute {attribute}."


def _trigger(aws: boto3.Session) -> dict[str, Any]:
    """The event source mapping of notify_fulfillment; {} if it has none."""
    found = aws.client("lambda").list_event_source_mappings(FunctionName=names().notify_fulfillment)
    return next(iter(found["EventSourceMappings"]), {})


def _batching_window(aws: boto3.Session) -> str:
    trigger = _trigger(aws)
    if not trigger:
        return f"{names().notify_fulfillment} has no trigger: run the cells above first."
    seconds = trigger.get("MaximumBatchingWindowInSeconds", 0)
    return "" if seconds == 1 else f"The batching window is {seconds} s, not 1 s."


def _own_order(aws: boto3.Session) -> str:
    table: Any = aws.resource("dynamodb").Table(names().table)
    if not any(order_id == "exercise-04" for order_id in recorded(aws, "exercise-04")):
        return f"There is no order exercise-04 in {names().table} (it may take a moment)."
    item = table.get_item(Key={"order_id": "exercise-04"}, ConsistentRead=True)["Item"]
    return "" if item["quantity"] >= 2 else f"Its quantity is {item['quantity']}: at least two."


def _rush(aws: boto3.Session) -> str:
    wanted = {f"exercise-05-{number}" for number in range(5)}
    there = wanted & set(itertools.islice(recorded(aws, "exercise-05-"), 1000))
    if there == wanted:
        return ""
    return f"{len(there)} of the 5 orders are in {names().table} (they may take a moment)."


def _maintenance(aws: boto3.Session) -> str:
    trigger = _trigger(aws)
    if not trigger:
        return f"{names().notify_fulfillment} has no trigger: run the cells above first."
    if trigger["State"] not in ("Enabled", "Enabling", "Updating"):
        return f"The trigger is {trigger['State'].lower()}: switch it on again."
    there = len(list(itertools.islice(recorded(aws, "exercise-06-"), 1000)))
    if there >= 2:
        return ""
    return f"{there} of the 2 orders are in {names().table} (they may take a moment)."


def _saved_orders(_: boto3.Session) -> str:
    if not ORDERS_FILE.exists():
        return f"There is no file {os.path.relpath(ORDERS_FILE, ROOT)}."
    lines = ORDERS_FILE.read_text("utf-8").splitlines()
    try:
        good = [line for line in lines if {"order_id", "product"} <= json.loads(line).keys()]
    except (ValueError, AttributeError):
        return "A line of the file is no JSON object."
    return "" if lines and len(good) == len(lines) else "Its lines are no orders."


EXERCISES = {
    "00": Exercise(
        _long_polling,
        (
            "It is an attribute of the queue, like its visibility timeout. Find the method of "
            "`sqs` that changes the attributes of a queue that exists.",
            "`set_queue_attributes` wants the queue's URL, which `get_queue_url` gives, and a "
            "dictionary of attributes.",
            'All values are strings, also numbers: {"ReceiveMessageWaitTimeSeconds": "20"}.',
        ),
    ),
    "01": Exercise(
        _display_name,
        (
            "It is an attribute of the topic. SNS sets attributes one at a time.",
            "`sns.set_topic_attributes` takes TopicArn, AttributeName and AttributeValue.",
        ),
    ),
    "02": Exercise(
        _time_to_live,
        (
            "Look for the method of `dynamodb`, the client, whose name says what it does: update "
            "the time to live.",
            "`update_time_to_live` takes TableName and TimeToLiveSpecification, a dictionary.",
            'The dictionary is {"Enabled": True, "AttributeName": "expires_epoch"}.',
        ),
    ),
    "03": Exercise(
        _batching_window,
        (
            "The trigger exists already, so it has to be updated, not created. What names it?",
            "`list_event_source_mappings` shows it with its UUID.",
            "`lambda_.update_event_source_mapping(UUID=..., MaximumBatchingWindowInSeconds=1)`.",
        ),
    ),
    "04": Exercise(
        _own_order,
        (
            "The cell that posts an order has all that you need: an order, a URL, a header.",
            "An impatient shop sends the very same order again: a loop around the request.",
            'The order is {"product": ..., "quantity": 2, "order_id": "exercise-04"}.',
        ),
    ),
    "05": Exercise(
        _rush,
        (
            "`post` sends one order, and can be called from many threads.",
            "`concurrent.futures.ThreadPoolExecutor(5)` has a method `map`.",
        ),
    ),
    "06": Exercise(
        _maintenance,
        (
            "The trigger is an event source mapping; chapter 03's exercise has updated it.",
            "`lambda_.update_event_source_mapping(UUID=..., Enabled=False)`; then ask "
            "`lambda_.get_event_source_mapping(UUID=...)` until its State is Disabled.",
            "`sqs.get_queue_attributes` takes the queue's URL and the AttributeNames. In the end, "
            "Enabled=True.",
        ),
    ),
    "07": Exercise(
        _saved_orders,
        (
            'A scan reads a whole table, page by page: `table.meta.client.get_paginator("scan")`.',
            "Numbers come as Decimal, which JSON does not know: `json.dumps(item, default=str)`.",
            "`lab.ORDERS_FILE` is a `Path`; its folder `build` may not be there yet.",
        ),
    ),
}
