"""Chapter 04: the function that writes each order into the table."""

from __future__ import annotations

from collections.abc import Iterator

import boto3

from lab.course.functions import function_is_right
from lab.course.looking import look_at
from lab.course.names import Names
from lab.engine.course import Box, Chapter, Exercise, Expectation


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    n = look.names
    dead_letters_arn = look.queue_arn(n.function_dead_letters)
    table_arn = f"arn:aws:dynamodb:{look.region}:{look.account}:table/{n.table}"
    allowed = [f"dynamodb:PutItem on {table_arn}", f"sqs:SendMessage on {dead_letters_arn}"]
    yield from function_is_right(
        look,
        n.record_order,
        allowed,
        {"TABLE_NAME": n.table},
        DeadLetterConfig={"TargetArn": dead_letters_arn},
    )


def _time_to_live(aws: boto3.Session) -> str:
    look = look_at(aws)
    table, wanted = look.names.table, "expires_epoch"
    found = look.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        return f"Time to live of {table} is off."
    name = found["AttributeName"]
    return "" if name == wanted else f"Expected it on for the attribute {wanted}, found {name}."


CHAPTER = Chapter(
    stem="04_record_orders",
    builds="table, role, `record_order`, test event",
    article="Step 2",
    orders=1,
    expects=_expects,
    exercise=Exercise(
        _time_to_live,
        hints=(
            "Look for the method of `dynamodb`, the client, whose name says what it does: update "
            "the time to live.",
            "`update_time_to_live` takes TableName and TimeToLiveSpecification, a dictionary.",
            'The dictionary is {"Enabled": True, "AttributeName": "expires_epoch"}.',
        ),
    ),
    boxes=(
        Box("Lambda\nrecord_order", 2, 2, Names.role("record_order", "<region>")),
        Box("DynamoDB\nOrders", 3, 2),
        Box("dead letters\nof record_order", 2, 3),
    ),
    arrows=(
        ("Lambda\nrecord_order", "DynamoDB\nOrders"),
        ("Lambda\nrecord_order", "dead letters\nof record_order"),
    ),
)
