"""Finds what a screen shows, and says which chapter makes it where it is not there yet."""

from __future__ import annotations

from typing import Any

import boto3

from lab.aws.inventory import Resource, none_but_ours
from lab.course.names import names
from lab.course.resources import inventory
from lab.course.words import words
from lab.engine.screen import Screen, Table
from lab.errors import MissingStepError

MOST_ROWS = 10
# By the kinds of the inventory: what the words call them.
_KINDS = {
    "SQS queue": "queue",
    "SNS topic": "topic",
    "DynamoDB table": "table",
    "Lambda function": "function",
    "REST API": "api",
}


class NotMadeError(Exception):
    """What a screen would show is not there yet."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(f"There is no {resource} yet. Chapter {resource.chapter} makes it.")
        self.resource = resource


def found(aws: boto3.Session, kind: str, name: str) -> tuple[Resource, str]:
    """The entry of the inventory, and the id of the thing. Raises NotMadeError if there is none,
    NotOursError if it is somebody else's."""
    resource = next(r for r in inventory(aws) if (r.kind, r.name) == (kind, name))
    ours = none_but_ours([resource])
    if not ours:
        raise NotMadeError(resource)
    return resource, ours[0].id


def id_of(aws: boto3.Session, kind: str, name: str) -> str:
    """The id of a thing of ours. Raises MissingStepError, which names its chapter, if there is
    none."""
    try:
        return found(aws, kind, name)[1]
    except NotMadeError as error:
        raise MissingStepError(str(error)) from None


def screen_of(
    resource: Resource,
    facts: dict[str, Any] | None = None,
    *tables: Table,
    says: str = "",
) -> Screen:
    """The screen of something that a chapter makes, with its words."""
    said = words(names())[f"{_KINDS[resource.kind]}:{resource.name}"]
    return Screen(str(resource), said, facts or {}, tables, says=says)
