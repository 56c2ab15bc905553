"""Chapter 09: three faults in which something is lost, and how the orders come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

from lab.course.inbox import about_order, inbox
from lab.course.looking import Look, look_at, no_dead_letters, orders_arrived
from lab.course.screens.found import id_of
from lab.engine.course import Chapter, Exercise, Expectation
from lab.errors import MissingStepError

_ORDERS = 8
_NOTED, _PLAIN = "exercise-09", "exercise-09-plain"


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look, arrived = look_at(aws), f"{_ORDERS} orders of this chapter in the table"
    yield orders_arrived(look, CHAPTER.order_prefix, arrived, _ORDERS, cell="twice")
    yield from no_dead_letters(look, "count", arrived)


# -- The exercise ----------------------------------------------------------------------------------


def _gift_note(aws: boto3.Session) -> str:
    """Looks at each place that the field has to pass, in the order in which an order does."""
    look = look_at(aws)
    schema = _schema(look)
    if schema is None:
        return "There is no API with a model: run the cells above first."
    field = schema.get("properties", {}).get("gift_note")
    if not isinstance(field, dict):
        return "The API's model has no field gift_note, so it refuses such an order."
    if (field.get("type"), field.get("maxLength")) != ("string", 200):
        return f"Expected gift_note to be a string of up to 200 characters, found {field}."
    if "gift_note" in schema.get("required", ()):
        return "Expected a gift_note to be optional, found it among what is required."
    return _missing_of(look, _NOTED) or _missing_of(look, _PLAIN) or _missing_note(aws, look)


def _schema(look: Look) -> dict[str, Any] | None:
    """The schema of the API's model, if there is one."""
    try:
        api_id = id_of(look.aws, "REST API", look.names.api)
        model = look.apigateway.get_model(restApiId=api_id, modelName="Order")
    except (MissingStepError, look.apigateway.exceptions.NotFoundException):
        return None
    return dict(json.loads(model["schema"]))


def _item(look: Look, order_id: str) -> dict[str, Any] | None:
    try:
        found = look.dynamodb.get_item(
            TableName=look.names.table, Key={"order_id": {"S": order_id}}, ConsistentRead=True
        )
    except look.dynamodb.exceptions.ResourceNotFoundException:
        return None
    return dict(found["Item"]) if "Item" in found else None


def _missing_of(look: Look, order_id: str) -> str:
    item = _item(look, order_id)
    if item is None:
        return (
            f"No order {order_id} is in the table. `lab logs --order {order_id}` says how far it "
            "came."
        )
    by_hand = "notified_epoch_ms" not in item
    return f"The item of {order_id} did not come through the chain." if by_hand else ""


def _missing_note(aws: boto3.Session, look: Look) -> str:
    note = (_item(look, _NOTED) or {}).get("gift_note", {}).get("S", "")
    if not note:
        return f"The item of {_NOTED} has no gift_note."
    if "gift_note" in (_item(look, _PLAIN) or {}):
        return f"Expected no gift_note in the item of {_PLAIN}, found one."
    box = inbox(aws)
    if box is not None and not any(note in str(m.get_content()) for m in about_order(box, _NOTED)):
        return f"The mail about {_NOTED} does not tell its gift_note."
    return ""


CHAPTER = Chapter(
    stem="09_lose_it",
    builds="three faults in which something is lost, and comes back",
    article="left out",
    builds_on=("01", "02", "03", "04", "05"),
    orders=_ORDERS,
    expects=_expects,
    exercise=Exercise(
        _gift_note,
        hints=(
            "Four places know the fields of an order: the API's model, and one in each function. "
            "`SCHEMA` is in take_order; look for `customer_email` in notify_fulfillment, and for "
            "`CONTENT` in record_order.",
            "`apigateway.update_model` takes restApiId, modelName and patchOperations, with a "
            'patch of "/schema" whose value is JSON text. A stage serves it only after '
            "`apigateway.create_deployment`.",
            "`lab.source(stem).replace(old, new)` is the code with your change. Write the note "
            "into the item only if the order has one, so that orders without a note still pass. "
            "`url, key = lab.way_in(aws)` gives you what you need to post them.",
        ),
    ),
)
