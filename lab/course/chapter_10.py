"""Chapter 10: everything deleted again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import boto3

from lab.aws.inventory import survey
from lab.course import orders
from lab.course.resources import inventory
from lab.engine.course import Chapter, Exercise, Expectation
from lab.here.folders import ROOT

_AGAIN = (
    "Look again in a minute: AWS may list a queue or a role again that it has deleted. If it is "
    "still there, run this chapter again."
)


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    left = [str(found.resource) for found in survey(inventory(aws)) if found.ours]
    yield Expectation(
        "Everything deleted",
        "What is left standing can cost, and a stranger can use it.",
        "tear-down",
        lambda: {"left": left},
        {"left": []},
        if_there=_AGAIN,
        says="expected nothing left, found {found}",
    )


def _saved_orders(aws: boto3.Session) -> str:
    if not orders.ORDERS_FILE.exists():
        return f"There is no file {os.path.relpath(orders.ORDERS_FILE, ROOT)}."
    lines = orders.ORDERS_FILE.read_text("utf-8").splitlines()
    try:
        found = [json.loads(line) for line in lines]
        saved = {each["order_id"] for each in found if "product" in each}
    except (ValueError, TypeError, KeyError):
        return "Expected one order a line, as a JSON object; found a line that is none."
    there = set(orders.recorded(aws, ""))
    if not saved:
        return "The file has no order."
    missing = len(there - saved)
    return f"The file lacks {missing} of the {len(there)} orders in the table." if missing else ""


CHAPTER = Chapter(
    stem="10_tear_down",
    builds="nothing left",
    article="",
    expects=_expects,
    exercise=Exercise(
        _saved_orders,
        hints=(
            'A scan reads a whole table, page by page: `table.meta.client.get_paginator("scan")`.',
            "Numbers come as Decimal, which JSON does not know: `json.dumps(item, default=str)`.",
            "`lab.ORDERS_FILE` is a `Path`; its folder `build` may not be there yet.",
        ),
    ),
)
